/* SPDX-License-Identifier: Apache-2.0 */
/* What the compiler writes into programs: compile this in the container. */
#include <stdio.h>

int main(void)
{
	printf("%s\n%s\n%s\n%s\n%d\n", __DATE__, __TIME__, __TIMESTAMP__, __FILE__, __COUNTER__);
	return 0;
}
