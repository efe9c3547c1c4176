/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <time.h>

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

bool time_parse(const char *text, int64_t *ms)
{
	struct tm tm = { 0 }, back;
	int year, month, offset, fraction = 0;
	const char *at = text;
	time_t t;

	if (!digits(&at, 4, &year) || !literal(&at, '-') || !digits(&at, 2, &month) ||
	    !literal(&at, '-') || !digits(&at, 2, &tm.tm_mday) ||
	    !(literal(&at, 'T') || literal(&at, 't') || literal(&at, ' ')) ||
	    !digits(&at, 2, &tm.tm_hour) || !literal(&at, ':') || !digits(&at, 2, &tm.tm_min) ||
	    !literal(&at, ':') || !digits(&at, 2, &tm.tm_sec))
		return false;
	if (literal(&at, '.'))
		for (int unit = 100; *at >= '0' && *at <= '9'; at++, unit /= 10)
			fraction += unit * (*at - '0');
	if (!zone(&at, &offset) || *at)
		return false;
	tm.tm_year = year - 1900;
	tm.tm_mon = month - 1;
	back = tm;
	t = timegm(&back); /* which puts the 30th of February right; here it is wrong */
	if (back.tm_mon != tm.tm_mon || back.tm_hour != tm.tm_hour || back.tm_min != tm.tm_min)
		return false;
	*ms = ((int64_t)t - offset) * 1000 + fraction;
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
