/* SPDX-License-Identifier: Apache-2.0 */
/* Objects as YAML in tests. */
#ifndef LB_TESTS_YAML_H
#define LB_TESTS_YAML_H

#include "pkg/yaml/yaml.h"
#include "tests/unit.h"

/* To json_free(); the test fails when the text is no YAML. */
static inline struct json *yaml(const char *text)
{
	struct json *j = NULL;
	struct err e = ERR_INIT;

	if (yaml_parse(text, strlen(text), &j, &e) < 0)
		fail_msg("%s in %s", e.text, text);
	return j;
}

#endif
