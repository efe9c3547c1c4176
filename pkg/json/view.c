/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/json/view.h"

#include "pkg/json/scan.h"

enum { VIEW_DEPTH = 32, VIEW_MEMBERS = 64, VIEW_DIGITS = 18, SLOTS = 32 };

/* What is not common makes the whole parse fail: fractions, exponents, \u, bytes beyond ASCII, a key
 * twice, and whatever is no JSON. */
struct parser {
	char *at;  /* of a copy, in which each string gets its NUL */
	char *end; /* there is a NUL too */
	struct arena *arena;
	struct slot *slots; /* zeroed */
	size_t slots_n;
};

static const struct json *tag(const struct view *v)
{
	return (const struct json *)((uintptr_t)v + 1);
}

static inline void blanks(struct parser *p)
{
	while (*p->at == ' ' || *p->at == '\n' || *p->at == '\t' || *p->at == '\r')
		p->at++;
}

static inline bool next_is(struct parser *p, char c)
{
	if (*p->at != c)
		blanks(p);
	if (*p->at != c)
		return false;
	p->at++;
	return true;
}

/* After the opening quote: the string, or NULL. */
static const char *string(struct parser *p, uint32_t *len)
{
	static const char escapes[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
	char *start = p->at, *from = start, *to = start, *w = start;
	bool escaped = false;

	for (;; to++) {
		unsigned plain = 8;

		while (plain == 8 && p->end - to >= 8)
			to += plain = scan_plain(to);
		if (to == p->end || *to == '"')
			break;
		if ((unsigned char)*to < 0x20 || (unsigned char)*to > 0x7e)
			return NULL;
		if (*to == '\\') {
			escaped = true;
			if (++to == p->end || !memchr(escapes, *to, sizeof(escapes) - 1))
				return NULL;
		}
	}
	if (to == p->end)
		return NULL;
	p->at = to + 1;
	for (; escaped && from < to; from++)
		*w++ = *from == '\\' ? values[strchr(escapes, *++from) - escapes] : *from;
	if (!escaped)
		w = to;
	*w = 0;
	*len = (uint32_t)(w - start);
	return start;
}

static bool number(struct parser *p, int64_t *out)
{
	bool negative = *p->at == '-';
	const char *from = p->at += negative;
	int64_t n = 0;

	while (p->at < p->end && *p->at >= '0' && *p->at <= '9' && p->at - from < VIEW_DIGITS)
		n = n * 10 + (*p->at++ - '0');
	if (p->at == from || (*from == '0' && (negative || p->at - from > 1)))
		return false;
	*out = negative ? -n : n;
	return p->at < p->end && strchr(",]} \t\r\n", *p->at) && *p->at;
}

static bool word(struct parser *p, const char *text)
{
	size_t n = strlen(text);

	if ((size_t)(p->end - p->at) < n || memcmp(p->at, text, n) != 0)
		return false;
	p->at += n;
	return true;
}

/* A member of an object, or an item of an array, and room for its value. */
struct slot {
	struct view_member member;
	struct view view;
};

static bool value(struct parser *p, int depth, struct view *v, const struct json **out);

static struct slot *new_slot(struct parser *p)
{
	if (!p->slots_n) {
		p->slots = arena_alloc(p->arena, SLOTS * sizeof(*p->slots));
		if (!p->slots)
			return NULL;
		p->slots_n = SLOTS;
	}
	p->slots_n--;
	return p->slots++;
}

/* *seen has a bit for each key, which few others have. */
static bool has_key(const struct view_member *m, const char *key, uint32_t len, uint64_t *seen)
{
	uint64_t bit = UINT64_C(1) << ((len * 7 + (unsigned char)key[0] * 5 +
					   (len ? (unsigned char)key[len - 1] : 0U)) &
				       63);

	if (!(*seen & bit)) {
		*seen |= bit;
		return false;
	}
	for (; m; m = m->next)
		if (m->key_len == len && m->key[0] == key[0] && !memcmp(m->key, key, len))
			return true;
	return false;
}

static bool object(struct parser *p, int depth, struct view *v)
{
	struct view_member *first = NULL, **link = &first;
	uint64_t seen = 0;

	if (next_is(p, '}'))
		return true;
	do {
		struct slot *slot = new_slot(p);
		struct view_member *m = slot ? &slot->member : NULL;

		if (!m || v->n == VIEW_MEMBERS || !next_is(p, '"'))
			return false;
		m->key = string(p, &m->key_len);
		if (!m->key || has_key(first, m->key, m->key_len, &seen) || !next_is(p, ':') ||
		    !value(p, depth, &slot->view, &m->value))
			return false;
		*link = m;
		link = &m->next;
		v->n++;
	} while (next_is(p, ','));
	v->members = first;
	return next_is(p, '}');
}

/* The items in a row, once it is known how many there are. */
static bool array(struct parser *p, int depth, struct view *v)
{
	struct view_member *first = NULL, **link = &first;
	const struct json **items;
	size_t n = 0;

	if (next_is(p, ']'))
		return true;
	do {
		struct slot *slot = new_slot(p);

		if (!slot || n == UINT32_MAX || !value(p, depth, &slot->view, &slot->member.value))
			return false;
		*link = &slot->member;
		link = &slot->member.next;
		n++;
	} while (next_is(p, ','));
	items = arena_alloc(p->arena, n * sizeof(*items));
	if (!items || !next_is(p, ']'))
		return false;
	for (size_t i = 0; i < n; i++, first = first->next)
		items[i] = first->value;
	v->items = items;
	v->n = (uint32_t)n;
	return true;
}

static bool fill(struct parser *p, int depth, struct view *v)
{
	switch (*p->at) {
	case '{':
		p->at++;
		v->type = JSON_OBJECT;
		return object(p, depth + 1, v);
	case '[':
		p->at++;
		v->type = JSON_ARRAY;
		return array(p, depth + 1, v);
	case '"':
		p->at++;
		v->type = JSON_STRING;
		v->string = string(p, &v->n);
		return v->string != NULL;
	case 't':
	case 'f':
		v->type = JSON_BOOL;
		v->truth = *p->at == 't';
		return word(p, v->truth ? "true" : "false");
	default:
		v->type = JSON_INT;
		return number(p, &v->number);
	}
}

/* `v` is zeroed, and becomes the value, unless that is null. */
static bool value(struct parser *p, int depth, struct view *v, const struct json **out)
{
	blanks(p);
	*out = NULL;
	if (p->at == p->end || depth == VIEW_DEPTH)
		return false;
	if (*p->at == 'n')
		return word(p, "null");
	*out = tag(v);
	return fill(p, depth, v);
}

const struct json *json_view(const char *text, size_t len, struct arena *a)
{
	char *copy = len <= INT32_MAX ? arena_copy_n(a, text, len) : NULL;
	struct parser p = { .at = copy, .end = copy ? copy + len : NULL, .arena = a };
	const struct json *out = NULL;
	struct view *v = arena_alloc(a, sizeof(*v));

	if (!copy || !v || !value(&p, 0, v, &out) || json_type(out) != JSON_OBJECT)
		return NULL;
	blanks(&p);
	return p.at == p.end ? out : NULL;
}

const struct json *view_get(const struct view *v, const char *key)
{
	size_t len = strlen(key);

	if (v->type != JSON_OBJECT)
		return NULL;
	for (const struct view_member *m = v->members; m; m = m->next)
		if (m->key_len == len && m->key[0] == key[0] && !memcmp(m->key, key, len))
			return m->value;
	return NULL;
}

static bool equal_objects(const struct json *a, const struct json *b)
{
	struct json_iter it = { 0 }, other;

	while (json_each(a, &it)) {
		bool found = false;

		other = (struct json_iter){ 0 };
		while (!found && json_each(b, &other))
			found = !strcmp(it.key, other.key);
		if (!found || !json_equal(it.value, other.value))
			return false;
	}
	return true;
}

bool view_equal(const struct json *a, const struct json *b)
{
	int64_t i = 0, k = 0;
	bool t = false, u = false;

	if (json_type(a) != json_type(b) || json_count(a) != json_count(b) ||
	    json_string_len(a) != json_string_len(b))
		return false;
	switch (json_type(a)) {
	case JSON_OBJECT:
		return equal_objects(a, b);
	case JSON_ARRAY:
		for (size_t n = 0; n < json_count(a); n++)
			if (!json_equal(json_item(a, n), json_item(b, n)))
				return false;
		return true;
	case JSON_STRING:
		return !memcmp(json_string(a), json_string(b), json_string_len(a));
	case JSON_BOOL:
		return json_bool(a, &t) && json_bool(b, &u) && t == u;
	default:
		return json_int(a, &i) && json_int(b, &k) && i == k;
	}
}

struct json *view_copy(const struct json *j)
{
	const struct view *v = view_of(j);
	struct json *out;
	int status = 0;

	switch (v->type) {
	case JSON_STRING:
		return json_new_string(v->string, v->n);
	case JSON_BOOL:
		return json_new_bool(v->truth);
	case JSON_INT:
		return json_new_int(v->number);
	case JSON_ARRAY:
		out = json_new_array();
		for (uint32_t i = 0; out && !status && i < v->n; i++) {
			struct json *child = v->items[i] ? view_copy(v->items[i]) : NULL;

			status = v->items[i] && !child ? -1 : json_append(out, child);
		}
		break;
	default:
		out = json_new_object();
		for (const struct view_member *m = v->members; out && !status && m; m = m->next) {
			struct json *child = m->value ? view_copy(m->value) : NULL;

			status = m->value && !child ? -1 : json_set(out, m->key, child);
		}
	}
	if (!status)
		return out;
	json_free(out);
	return NULL;
}

void view_write(const struct json *j, struct json_writer *w)
{
	const struct view *v = view_of(j);

	switch (json_type(j)) {
	case JSON_OBJECT:
		json_begin(w, '{');
		for (const struct view_member *m = v->members; m; m = m->next) {
			json_key_of(w, m->key);
			view_write(m->value, w);
		}
		json_end(w, '}');
		break;
	case JSON_ARRAY:
		json_begin(w, '[');
		for (uint32_t i = 0; i < v->n; i++)
			view_write(v->items[i], w);
		json_end(w, ']');
		break;
	case JSON_STRING:
		json_put(w, v->string);
		break;
	case JSON_BOOL:
		json_put_bool(w, v->truth);
		break;
	case JSON_INT:
		json_put_int(w, v->number);
		break;
	default:
		json_put_null(w);
	}
}
