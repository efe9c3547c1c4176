/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "pkg/api/field.h"

enum { NAME_MAX_LEN = 253 }; /* a DNS subdomain, RFC 1123 */

static const char stable[] = "metallb.io/";
static const char deprecated[] = "metallb.universe.tf/";
static const char *const annotations_kept[] = { "metallb.io/", "metallb.universe.tf/", "lbctl.dev/",
	NULL };

static bool digits(const char **at, int n, int *out)
{
	*out = 0;
	for (; n > 0; n--, (*at)++) {
		if (**at < '0' || **at > '9')
			return false;
		*out = *out * 10 + (**at - '0');
	}
	return true;
}

static bool literal(const char **at, char c)
{
	if (**at != c)
		return false;
	(*at)++;
	return true;
}

/* "Z" or "+hh:mm", as seconds to subtract. */
static bool zone(const char **at, int *seconds)
{
	int sign = **at == '-' ? -1 : 1, hours, minutes;

	*seconds = 0;
	if (literal(at, 'Z') || literal(at, 'z'))
		return true;
	if (**at != '+' && **at != '-')
		return false;
	(*at)++;
	if (!digits(at, 2, &hours) || !literal(at, ':') || !digits(at, 2, &minutes) || hours > 23 ||
	    minutes > 59)
		return false;
	*seconds = sign * (hours * 60 + minutes) * 60;
	return true;
}

/* From the first of January 1970; years begin in March here, so that a leap day is the last. */
static int64_t days_to(int year, int month, int day)
{
	int64_t y = year - (month < 3) + 400,
		of_year = (153 * (month + (month < 3 ? 9 : -3)) + 2) / 5 + day - 1;

	return y * 365 + y / 4 - y / 100 + y / 400 + of_year - 719468 - 146097;
}

static int days_of(int year, int month)
{
	static const int most[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return most[month - 1] + (month == 2 && leap);
}

bool time_parse(const char *text, int64_t *ms)
{
	int year, month, day, hour, minute, second, offset, fraction = 0;
	const char *at = text;

	if (!digits(&at, 4, &year) || !literal(&at, '-') || !digits(&at, 2, &month) ||
	    !literal(&at, '-') || !digits(&at, 2, &day) ||
	    !(literal(&at, 'T') || literal(&at, 't') || literal(&at, ' ')) || !digits(&at, 2, &hour) ||
	    !literal(&at, ':') || !digits(&at, 2, &minute) || !literal(&at, ':') ||
	    !digits(&at, 2, &second))
		return false;
	if (month < 1 || month > 12 || day < 1 || day > days_of(year, month) || hour > 23 ||
	    minute > 59 || second > 59)
		return false;
	if (literal(&at, '.'))
		for (int unit = 100; *at >= '0' && *at <= '9'; at++, unit /= 10)
			fraction += unit * (*at - '0');
	if (!zone(&at, &offset) || *at)
		return false;
	*ms = (days_to(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - offset) * 1000 +
	      fraction;
	return true;
}

static int64_t field_time(struct decoder *d, const struct field *up, const char *key)
{
	struct field f = field_get(up, key);
	const char *s = field_text(d, &f);
	int64_t t = 0;

	if (s && !time_parse(s, &t))
		field_refuse(d, &f, "a time like 2006-01-02T15:04:05Z");
	return (t - (t % 1000 + 1000) % 1000) / 1000; /* down, also before 1970 */
}

/* Names are parts of paths and of messages, so they are taken at their word only if they are short
 * and printable; the exact rules of each kind are the API server's. */
static const char *field_name(struct decoder *d, const struct field *up, const char *key, bool need)
{
	struct field f = field_get(up, key);
	const char *s = field_text(d, &f);
	size_t n = s ? strlen(s) : 0;

	if (!s || !n) {
		if (need)
			field_refuse(d, &f, "a name");
		return "";
	}
	for (size_t i = 0; i < n; i++)
		if (s[i] <= ' ' || s[i] > '~' || s[i] == '/' || n > NAME_MAX_LEN) {
			field_refuse(d, &f, "at most 253 letters, digits, '-' and '.'");
			return "";
		}
	return s;
}

struct api_meta field_meta(struct decoder *d, const struct field *root)
{
	struct api_meta m = { 0 };
	struct field meta;

	if (field_absent(root) || !field_check(d, root, JSON_OBJECT))
		field_refuse(d, root, json_type_name(JSON_OBJECT));
	meta = field_object(d, root, "metadata");
	m.namespace = field_name(d, &meta, "namespace", false);
	m.name = field_name(d, &meta, "name", true);
	m.uid = field_string(d, &meta, "uid");
	m.resource_version = field_string(d, &meta, "resourceVersion");
	m.created = field_time(d, &meta, "creationTimestamp");
	m.labels = field_map(d, &meta, "labels", NULL);
	m.annotations = field_map(d, &meta, "annotations", annotations_kept);
	return m;
}

int api_meta_decode(struct api_meta *m, const struct json *object, struct arena *a, struct err *e)
{
	struct decoder d = { .arena = a, .e = e };
	struct field root = field_root(object, "");
	struct api_meta got = field_meta(&d, &root);

	if (decoder_finish(&d) < 0)
		return -1;
	*m = got;
	return 0;
}

int api_namespace_decode(
    struct api_namespace *n, const struct json *object, struct arena *a, struct err *e)
{
	return api_meta_decode(&n->meta, object, a, e);
}

static int by_key(const void *key, const void *pair)
{
	return strcmp(key, ((const struct api_pair *)pair)->key);
}

const char *api_map_get(const struct api_map *m, const char *key)
{
	const struct api_pair *p = m->n ? bsearch(key, m->at, m->n, sizeof(*m->at), by_key) : NULL;

	return p ? p->value : NULL;
}

const char *api_annotation(const struct api_meta *m, const char *name)
{
	const char *prefixes[] = { stable, deprecated };

	for (size_t i = 0; i < ARRAY_LEN(prefixes); i++)
		for (size_t k = 0; k < m->annotations.n; k++) {
			const struct api_pair *p = &m->annotations.at[k];
			size_t len = strlen(prefixes[i]);

			if (!strncmp(p->key, prefixes[i], len) && !strcmp(p->key + len, name))
				return p->value;
		}
	return NULL;
}

bool api_annotation_deprecated(const struct api_meta *m, const char **key)
{
	for (size_t i = 0; i < m->annotations.n; i++)
		if (!strncmp(m->annotations.at[i].key, deprecated, strlen(deprecated))) {
			*key = m->annotations.at[i].key;
			return true;
		}
	return false;
}
