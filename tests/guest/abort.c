/* SPDX-License-Identifier: Apache-2.0 */
/* expect: 134. The status of abort(), as a shell has it. */
#include "guest.h"

int main(void)
{
	abort();
}
