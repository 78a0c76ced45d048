/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "runtime/base/json.h"
#include "tests/check.h"

/* NULL when it parses, else the error's text. */
static const char *error_of(const char *text)
{
	static struct err e; /* the text must outlive the call */
	own_json j = NULL;

	e = ERR_INIT;
	return json_parse(text, strlen(text), "t.json", &j, &e) < 0 ? e.msg : NULL;
}

static struct json *parse(const char *text)
{
	struct json *j = NULL;
	struct err e = ERR_INIT;

	if (json_parse(text, strlen(text), "t.json", &j, &e) < 0)
		CHECK_FAIL("%s", e.msg);
	return j;
}

TEST(json_reads_every_type)
{
	own_json j = parse(" {\"a\": [null, true, false, -12, \"x\\u00e9\"], \"b\": {}} ");
	const struct json *a = json_get(j, "a");

	EQ(a->n, 5);
	EQ(a->child[0]->type, JSON_NULL);
	OK(a->child[1]->b && !a->child[2]->b);
	EQ(a->child[3]->i, -12);
	STREQ(a->child[4]->s, "x\xc3\xa9");
	EQ(json_get(j, "b")->n, 0);
	OK(!json_get(j, "c") && !json_get_str(j, "a"));
}

TEST(json_keeps_whole_numbers_exact)
{
	own_json j = parse("[9223372036854775807,-9223372036854775808,18446744073709551615,"
			   "18446744073709551616,1.0,1e3,-0,9007199254740993]");

	OK(j->child[0]->is_int && j->child[0]->i == INT64_MAX);
	OK(j->child[1]->is_int && j->child[1]->i == INT64_MIN);
	OK(!j->child[2]->is_int && j->child[2]->is_u64);
	EQ(j->child[2]->i, -1);
	for (int i = 3; i < 6; i++)
		OK(!j->child[i]->is_int && !j->child[i]->is_u64);
	OK(j->child[6]->is_int && !j->child[6]->i);
	EQ(j->child[7]->i, 9007199254740993);
	STREQ(j->child[5]->s, "1e3");
}

TEST(json_refuses_what_is_ambiguous)
{
	HAS(error_of("{\"a\":1,\"b\":2,\"a\":3}"), "same key twice");
	HAS(error_of("{\"a\":1,\"\\u0061\":3}"), "same key twice");
	HAS(error_of("[1] x"), "t.json: line 1");
	HAS(error_of("\"a\\u0000b\""), "NUL");
	HAS(error_of("{\"a\\u0000b\":1}"), "NUL");
	HAS(error_of("[\"\\ud800\"]"), "surrogate");
	HAS(error_of("[\"\\ud800\\u0041\"]"), "surrogate");
	HAS(error_of("[\"\\udc00\"]"), "surrogate");
	OK(!error_of("[\"\\ud83d\\ude00\", \"\\\\ud800\"]"));
}

TEST(json_refuses_garbage)
{
	static const char *const bad[] = { "", " ", "{", "[1,]", "{\"a\":}", "nul", "01", "+1", ".5",
		"'a'", "\"\n\"", "\"\xff\"", "\"\xed\xa0\x80\"", "[1] [2]", "//x\n1", "NaN", "-", "\"\\x\"",
		"\"\\u12\"", "\"\\" };

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (!error_of(bad[i]))
			CHECK_FAIL("accepted: %s", bad[i]);
}

TEST(json_names_line_and_column)
{
	HAS(error_of("{\n  \"a\": 1,\n  \"a\": 2\n}"), "t.json: line 4, column ");
	HAS(error_of("{\n  \"a\": tru\n}"), "t.json: line 2, column ");
}

TEST(json_limits_depth)
{
	char t[200];

	memset(t, '[', 64);
	memset(t + 64, ']', 64);
	t[128] = 0;
	OK(!error_of(t));
	memset(t, '[', 65);
	memset(t + 65, ']', 65);
	t[130] = 0;
	HAS(error_of(t), "64 deep");
}

TEST(json_writes_canonical_strings)
{
	own_buf b = { 0 };
	struct json_out o = { .b = &b };

	json_open(&o, '[');
	json_str(&o, "\b\t\n\f\r\"\\/\x01\x1f\x7f\xc3\xa9\xe2\x82\xac");
	json_strn(&o, "a\0b", 3);
	json_strn(&o, "\xff\xc0\x80x\xed\xa0\x80", 7);
	json_str(&o, "\xf0\x9f\x98\x80");
	json_close(&o, ']');
	STREQ(buf_cstr(&b),
		"[\"\\b\\t\\n\\f\\r\\\"\\\\/\\u0001\\u001f\x7f\xc3\xa9\xe2\x82\xac\",\"a\\u0000b\","
		"\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdx\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\","
		"\"\xf0\x9f\x98\x80\"]");
}

TEST(json_writes_containers_and_numbers)
{
	own_buf b = { 0 };
	struct json_out o = { .b = &b };

	json_open(&o, '{');
	json_kint(&o, "a", INT64_MIN);
	json_kuint(&o, "b", UINT64_MAX);
	json_key(&o, "c");
	json_open(&o, '[');
	json_open(&o, '{');
	json_close(&o, '}');
	json_null(&o);
	json_bool(&o, true);
	json_close(&o, ']');
	json_kstr(&o, "d", "x");
	json_kbool(&o, "e", false);
	json_close(&o, '}');
	STREQ(buf_cstr(&b), "{\"a\":-9223372036854775808,\"b\":18446744073709551615,"
			    "\"c\":[{},null,true],\"d\":\"x\",\"e\":false}");
}

static bool keys_accepted(const char *first, const char *second)
{
	own_buf b = { 0 };
	struct json_out o = { .b = &b };

	json_open(&o, '{');
	json_kint(&o, first, 1);
	json_kint(&o, second, 2);
	json_close(&o, '}');
	return !b.failed;
}

TEST(json_out_insists_on_sorted_keys)
{
	OK(keys_accepted("a", "b"));
	OK(keys_accepted("a", "ab"));
	OK(keys_accepted("", "a"));
	OK(!keys_accepted("b", "a"));
	OK(!keys_accepted("a", "a"));
	OK(!keys_accepted("ab", "a"));
	/* escaped on output, compared as they are */
	OK(keys_accepted("\n", "!"));
	OK(keys_accepted("\"", "#") && !keys_accepted("#", "\""));
	OK(keys_accepted("\\", "]") && !keys_accepted("]", "\\"));
	OK(keys_accepted("\x01", "\x02") && keys_accepted("a\x1f", "a "));
	/* RFC 8785: UTF-16 order puts U+1F600 before U+FB33 */
	OK(keys_accepted("\xf0\x9f\x98\x80", "\xef\xac\xb3"));
	OK(!keys_accepted("\xef\xac\xb3", "\xf0\x9f\x98\x80"));
	OK(keys_accepted("\xc3\xb6", "\xe2\x82\xac"));
	OK(json_key_cmp("\xf0\x9f\x98\x80", "\xef\xac\xb3") < 0);
	EQ(json_key_cmp("x", "x"), 0);
}

TEST(json_out_fails_rather_than_overflow)
{
	own_buf b = { 0 };
	struct json_out o = { .b = &b };

	for (int i = 0; i < 70; i++)
		json_open(&o, '[');
	OK(b.failed);
	for (int i = 0; i < 70; i++)
		json_close(&o, ']');
}

TEST(json_pretty_indents)
{
	static const char t[] = "{\"a\":[1,{},[]],\"b\":\"x{,\\\"]\"}";
	own_buf b = { 0 }, tabs = { 0 };

	json_pretty(t, sizeof t - 1, 2, &b);
	STREQ(buf_cstr(&b),
		"{\n  \"a\": [\n    1,\n    {},\n    []\n  ],\n  \"b\": \"x{,\\\"]\"\n}");
	json_pretty("[1]", 3, -1, &tabs);
	STREQ(buf_cstr(&tabs), "[\n\t1\n]");
}

CHECK_MAIN
