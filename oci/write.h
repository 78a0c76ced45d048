/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of spec_to_json(). Members that say nothing are left out. Private to oci/. */
#ifndef DETRUN_OCI_WRITE_H
#define DETRUN_OCI_WRITE_H

#include "oci/spec.h"
#include "runtime/base/json.h"

void put_str(struct json_out *o, const char *key, const char *s);
void put_true(struct json_out *o, const char *key, bool v);
void put_strs(struct json_out *o, const char *key, const char *const *list, size_t n);
void put_kv(struct json_out *o, const char *key, const struct spec_kv *list, size_t n);
void put_i64(struct json_out *o, const char *key, struct spec_i64 v);
void put_u64(struct json_out *o, const char *key, struct spec_u64 v);
void put_maps(struct json_out *o, const char *key, const struct spec_idmap *m, size_t n);
void open_obj(struct json_out *o, const char *key);
void open_arr(struct json_out *o, const char *key);

void put_linux(struct json_out *o, const struct spec_linux *l);
void put_resources(struct json_out *o, const struct spec_resources *r);
void put_process(struct json_out *o, const struct spec_process *p);

#endif
