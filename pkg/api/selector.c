/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "pkg/api/field.h"

#define WANT_KEY "a label's key such as app or example.com/app"
#define WANT_VALUE "a label's value, at most 63 letters, digits and -_. inside"

static const char *const operators[] = { "In", "NotIn", "Exists", "DoesNotExist" };

/* At most 63 letters, digits and "-_.", the first and the last of them no sign. */
static bool is_label_value(const char *s, size_t n)
{
	if (n > 63)
		return false;
	for (size_t i = 0; i < n; i++) {
		bool alone = isascii((unsigned char)s[i]) && isalnum((unsigned char)s[i]);

		if (!alone && (!strchr("-_.", s[i]) || i == 0 || i == n - 1))
			return false;
	}
	return true;
}

/* A name, before it perhaps a DNS subdomain and "/". */
static bool is_label_key(const char *s)
{
	const char *slash = strchr(s, '/');
	const char *name = slash ? slash + 1 : s;

	if (slash && (slash == s || slash - s > 253))
		return false;
	for (const char *p = s; p < slash; p++)
		if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789.-", *p))
			return false;
	return name[0] && is_label_value(name, strlen(name));
}

static void values(struct decoder *d, const struct field *up, struct api_requirement *r)
{
	struct field list = field_array(d, up, "values");
	size_t n = json_count(list.json);
	const char **at = field_room(d, n, sizeof(*at));
	bool takes = r->op == API_IN || r->op == API_NOT_IN;

	if (takes && !n)
		field_refuse(d, &list, "at least one value for In and NotIn");
	if (!takes && n)
		field_refuse(d, &list, "no values for Exists and DoesNotExist");
	for (size_t i = 0; at && i < n && !d->bad; i++) {
		struct field item = field_item(&list, i);

		at[i] = field_text(d, &item);
		if (!d->bad && (!at[i] || !is_label_value(at[i], strlen(at[i]))))
			field_refuse(d, &item, WANT_VALUE);
		r->values_n = i + 1;
	}
	r->values = at;
}

static void check_expression_keys(struct decoder *d, const struct field *item)
{
	struct json_iter it = { 0 };

	while (json_each(item->json, &it)) {
		struct field f = { .json = it.value, .up = item, .key = it.key, .step = FIELD_KEY };

		if (strcmp(it.key, "key") != 0 && strcmp(it.key, "operator") != 0 &&
		    strcmp(it.key, "values") != 0)
			field_unknown(d, &f, "key, operator or values");
	}
}

static void expression(struct decoder *d, const struct field *item, struct api_requirement *r)
{
	struct field key = field_get(item, "key");
	struct field op = field_get(item, "operator");
	unsigned which;

	if (field_absent(item) || !field_check(d, item, JSON_OBJECT))
		field_refuse(d, item, json_type_name(JSON_OBJECT));
	else
		check_expression_keys(d, item);
	r->key = field_text(d, &key);
	if (!r->key || !is_label_key(r->key))
		field_refuse(d, &key, WANT_KEY);
	which = field_one_of(d, &op, operators, ARRAY_LEN(operators), ARRAY_LEN(operators));
	if (which == ARRAY_LEN(operators)) {
		field_refuse(d, &op, "In, NotIn, Exists or DoesNotExist");
		return;
	}
	r->op = which;
	values(d, item, r);
}

static void label(
    struct decoder *d, const struct field *labels, const struct api_pair *p, struct api_requirement *r)
{
	struct field entry = {
		.json = json_get(labels->json, p->key), .up = labels, .key = p->key, .step = FIELD_ENTRY
	};
	const char **one = field_room(d, 1, sizeof(*one));

	if (!is_label_key(p->key))
		field_refuse_key(d, &entry, WANT_KEY);
	if (!is_label_value(p->value, strlen(p->value)))
		field_refuse(d, &entry, WANT_VALUE);
	if (!one)
		return;
	*one = p->value;
	*r = (struct api_requirement){ .key = p->key, .op = API_IN, .values = one, .values_n = 1 };
}

/* A key that is misspelt would leave a selector that matches everything. */
static void check_keys(struct decoder *d, const struct field *root)
{
	struct json_iter it = { 0 };

	while (json_each(root->json, &it)) {
		struct field f = { .json = it.value, .up = root, .key = it.key, .step = FIELD_KEY };

		if (strcmp(it.key, "matchLabels") != 0 && strcmp(it.key, "matchExpressions") != 0 &&
		    strcmp(it.key, "match-labels") != 0 && strcmp(it.key, "match-expressions") != 0)
			field_unknown(d, &f, "matchLabels or matchExpressions");
	}
}

int api_selector_decode(struct api_selector *s, const struct json *selector, const char *where,
    struct arena *a, struct err *e)
{
	static const char *const label_keys[] = { "matchLabels", "match-labels" };
	static const char *const expression_keys[] = { "matchExpressions", "match-expressions" };
	struct decoder d = { .arena = a, .e = e };
	struct field root = field_root(selector, where), lists[2];
	struct api_requirement *at;
	struct api_map maps[2];
	size_t total = 0, n = 0;

	if (field_check(&d, &root, JSON_OBJECT))
		check_keys(&d, &root);
	for (int i = 0; i < 2; i++) {
		maps[i] = field_map(&d, &root, label_keys[i], NULL);
		lists[i] = field_array(&d, &root, expression_keys[i]);
		total += maps[i].n + json_count(lists[i].json);
	}
	at = field_room(&d, total, sizeof(*at));
	for (int i = 0; i < 2 && at; i++) {
		struct field labels = field_get(&root, label_keys[i]);

		for (size_t k = 0; k < maps[i].n; k++)
			label(&d, &labels, &maps[i].at[k], &at[n++]);
		for (size_t k = 0; k < json_count(lists[i].json) && !d.bad; k++) {
			struct field item = field_item(&lists[i], k);

			expression(&d, &item, &at[n++]);
		}
	}
	if (decoder_finish(&d) < 0)
		return -1;
	*s = (struct api_selector){ at, n };
	return 0;
}

static bool is_one_of(const struct api_requirement *r, const char *value)
{
	for (size_t i = 0; i < r->values_n; i++)
		if (!strcmp(r->values[i], value))
			return true;
	return false;
}

static bool meets(const struct api_requirement *r, const char *value)
{
	switch (r->op) {
	case API_IN:
		return value && is_one_of(r, value);
	case API_NOT_IN: /* also without the label, as in the API */
		return !value || !is_one_of(r, value);
	case API_EXISTS:
		return value != NULL;
	case API_DOES_NOT_EXIST:
		return !value;
	}
	return false;
}

bool api_selector_matches(const struct api_selector *s, const struct api_map *labels)
{
	for (size_t i = 0; i < s->n; i++)
		if (!meets(&s->at[i], api_map_get(labels, s->at[i].key)))
			return false;
	return true;
}
