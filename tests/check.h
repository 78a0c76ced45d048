/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests: TEST(name) { EQ(a, b); STREQ(s, t); OK(cond); }, and CHECK_MAIN once per program.
 * Prints a line per failure and "N passed, M failed"; exit status 1 when one failed.
 * An argument runs only the tests whose name contains it.
 */
#ifndef DETRUN_CHECK_H
#define DETRUN_CHECK_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

struct check_test {
	const char *name;
	void (*fn)(void);
	struct check_test *next;
};

static struct check_test *check_head, **check_tail = &check_head;
static int check_bad;

#define TEST(n)                                                         \
	static void test_##n(void);                                     \
	static struct check_test reg_##n = { #n, test_##n, NULL };      \
	__attribute__((constructor)) static void add_##n(void)          \
	{                                                               \
		*check_tail = &reg_##n;                                 \
		check_tail = &reg_##n.next;                             \
	}                                                               \
	static void test_##n(void)

#define CHECK_FAIL(...)                                        \
	do {                                                   \
		printf("%s:%d: ", __FILE__, __LINE__);         \
		printf(__VA_ARGS__);                           \
		putchar('\n');                                 \
		check_bad++;                                   \
	} while (0)

#define OK(c)                                              \
	do {                                               \
		if (!(c))                                  \
			CHECK_FAIL("not true: %s", #c);    \
	} while (0)

#define EQ(a, b)                                                                              \
	do {                                                                                  \
		long long a_ = (long long) (a), b_ = (long long) (b);                         \
		if (a_ != b_)                                                                 \
			CHECK_FAIL("%s is %lld, %s is %lld", #a, a_, #b, b_);                 \
	} while (0)

#define STREQ(a, b)                                                                           \
	do {                                                                                  \
		const char *a_ = (a), *b_ = (b);                                              \
		if (!a_ || !b_ || strcmp(a_, b_))                                             \
			CHECK_FAIL("%s is \"%s\", expected \"%s\"", #a, a_ ? a_ : "(null)",  \
				b_ ? b_ : "(null)");                                          \
	} while (0)

#define HAS(a, b)                                                                             \
	do {                                                                                  \
		const char *a_ = (a), *b_ = (b);                                              \
		if (!a_ || !strstr(a_, b_))                                                   \
			CHECK_FAIL("%s is \"%s\", which lacks \"%s\"", #a, a_ ? a_ : "(null)", b_); \
	} while (0)

static int check_run(const char *only)
{
	int passed = 0, failed = 0;

	umask(022); /* modes of what is made are looked at */
	for (struct check_test *t = check_head; t; t = t->next) {
		if (only && !strstr(t->name, only))
			continue;
		check_bad = 0;
		t->fn();
		if (check_bad) {
			printf("FAIL %s\n", t->name);
			failed++;
		} else {
			passed++;
		}
	}
	printf("%d passed, %d failed\n", passed, failed);
	return failed || !passed;
}

#define CHECK_MAIN                                                   \
	int main(int argc, char **argv)                              \
	{                                                            \
		return check_run(argc > 1 ? argv[1] : NULL);         \
	}

#endif
