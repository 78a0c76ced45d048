/* SPDX-License-Identifier: Apache-2.0 */
/* What run-view.sh has declared as inheritable, by capget(2), and dropped by capset(2): skip. */
#include <linux/capability.h>

#include "guest.h"

static struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };
static struct __user_cap_data_struct d[2];

static void show(void)
{
	char line[200];
	FILE *f = fopen("/proc/self/status", "r");

	CHECK(syscall(SYS_capget, &h, d) == 0);
	printf("capget %08x%08x", d[1].inheritable, d[0].inheritable);
	while (fgets(line, sizeof line, f))
		if (!strncmp(line, "CapInh:", 7))
			printf(" status %s", line + 8);
	fclose(f);
}

int main(void)
{
	show();
	CHECK(syscall(SYS_capset, &h, d) == 0);
	show();
	d[0].inheritable = 0;
	CHECK(syscall(SYS_capset, &h, d) == 0);
	show();
	return 0;
}
