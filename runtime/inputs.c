/* SPDX-License-Identifier: Apache-2.0 */
/* What a replay needs: the declaration goes to the header, this machine's paths to host.json. */
#include <string.h>

#include "runtime/base/json.h"
#include "runtime/base/own.h"
#include "runtime/door.h"

static const char *mode_name(int mode)
{
	return mode == VOL_RO ? "ro" : mode == VOL_RW ? "rw" : "snapshot";
}

static void put_list(struct json_out *o, const char *key, const char *const *v, size_t n)
{
	json_key(o, key);
	json_open(o, '[');
	for (size_t i = 0; i < n; i++)
		json_str(o, v[i]);
	json_close(o, ']');
}

static void put_mounts(struct json_out *o, const struct door *d)
{
	json_key(o, "volumes");
	json_open(o, '[');
	for (size_t i = 0; i < d->n_vol; i++) {
		json_open(o, '{');
		json_kstr(o, "destination", d->vol[i].dst);
		json_kstr(o, "mode", mode_name((int) d->vol[i].mode));
		json_close(o, '}');
	}
	json_close(o, ']');
}

int inputs_declared(const struct door *d, const struct job *j, struct buf *b)
{
	struct json_out o = { .b = b };

	json_open(&o, '{');
	put_list(&o, "argv", (const char *const *) d->argv, (size_t) d->argc);
	json_kbool(&o, "build", d->cwd != NULL);
	json_kstr(&o, "cpu", j->cpu);
	json_kint(&o, "cpus", j->cpus);
	json_kstr(&o, "door", d->chroot ? "chroot" : "host");
	put_list(&o, "env", j->spec->process.env, j->spec->process.n_env);
	json_kint(&o, "epoch", (int64_t) j->epoch);
	json_kstr(&o, "hostname", d->hostname);
	if (j->keep_times)
		json_kstr(&o, "inputTimes", d->times);
	json_kstr(&o, "network", d->network);
	json_kstr(&o, "seed", j->seed);
	json_kstr(&o, "stdin", d->in);
	json_kbool(&o, "strict", j->strict);
	if (d->terminal)
		json_kbool(&o, "terminal", true);
	json_kstr(&o, "user", d->user ? d->user : "0:0");
	put_mounts(&o, d);
	json_kstr(&o, "workdir", d->workdir);
	json_close(&o, '}');
	return b->failed ? -ENOMEM : 0;
}

int inputs_host(const struct door *d, struct buf *b)
{
	struct json_out o = { .b = b };

	json_open(&o, '{');
	if (d->cwd)
		json_kstr(&o, "build", d->cwd);
	if (d->chroot)
		json_kstr(&o, "rootfs", d->chroot_path);
	json_key(&o, "volumes");
	json_open(&o, '[');
	for (size_t i = 0; i < d->n_vol; i++)
		json_str(&o, d->vol[i].src);
	json_close(&o, ']');
	json_close(&o, '}');
	return b->failed ? -ENOMEM : 0;
}
