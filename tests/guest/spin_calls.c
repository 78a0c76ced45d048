/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loops that get nowhere though they store, call and ask. Whoever wanted to wait for a while and
 * then kill them gets his turn.
 */
#include "guest.h"

struct node {
	struct node *next;
	char text[40];
};

/* What a shell does for a turn of `while :; do :; done`, about: memory comes and goes. */
static struct node *grow(int n)
{
	struct node *p = malloc(sizeof *p);

	CHECK(p);
	memset(p->text, 'a' + n, sizeof p->text);
	p->next = n ? grow(n - 1) : NULL;
	return p;
}

static void shell(void)
{
	for (;;)
		for (struct node *p = grow(9), *next; p; p = next) {
			next = p->next;
			free(p);
		}
}

static void ask(void)
{
	while (getppid() != 1)
		;
}

int main(void)
{
	killed_after(shell, 5);
	killed_after(ask, 5);
	return 0;
}
