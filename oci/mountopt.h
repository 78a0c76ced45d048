/* SPDX-License-Identifier: Apache-2.0 */
/* Mount options as config.json writes them. Private to oci/. */
#ifndef DETRUN_OCI_MOUNTOPT_H
#define DETRUN_OCI_MOUNTOPT_H

#include "oci/spec.h"

/** Work out what @m's .options, .type and .destination mean and fill in the rest. */
void mount_understand(struct spec *s, struct spec_mount *m);

/** What follows "idmap=" or "ridmap=", or NULL. */
const char *mount_idmap_text(const char *option);
struct rd;
/** Such options of @m become its id maps; the container's own have to be known. */
void mount_idmap(struct rd *rd, struct spec_mount *m);

/** "rslave" → MS_SLAVE | MS_REC; 0 if unknown. */
unsigned long propagation_flags(const char *name);
/** The name of such a mask, or NULL. */
const char *propagation_name(unsigned long flags);

#endif
