/* SPDX-License-Identifier: Apache-2.0 */
/* Memory of a struct spec, and lists that grow in it. Private to oci/. */
#ifndef DETRUN_OCI_MEM_H
#define DETRUN_OCI_MEM_H

#include "oci/spec.h"

/** @n zeroed bytes that live as long as @s. Dies when memory is out. */
void *spec_alloc(struct spec *s, size_t n);

/**
 * Room for one more element of @size bytes in the list at *(void **) @list with *@n elements,
 * which it counts. Returns the new element, zeroed; one zeroed element more always follows.
 */
void *spec_append(struct spec *s, void *list, size_t *n, size_t size);

#define SPEC_APPEND(s, list, n) \
	spec_append(s, (void *) &(list), &(n), sizeof(*(list)))

/** Append a copy of @str to a NULL-terminated list of strings. */
void spec_append_str(struct spec *s, const char *const **list, size_t *n, const char *str);

/** Sort by key, as json_key_cmp() has it. */
void spec_sort_kv(struct spec_kv *kv, size_t n);

#endif
