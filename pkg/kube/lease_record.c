/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/kube/lease_record.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static const char *text(const struct json *j)
{
	const char *s = json_string(j);

	return s ? s : "";
}

const char *record_holder(const struct json *lease)
{
	return text(json_at(lease, "spec", "holderIdentity", NULL));
}

const char *record_version(const struct json *lease)
{
	return text(json_at(lease, "metadata", "resourceVersion", NULL));
}

uint64_t record_duration_ms(const struct json *lease)
{
	int64_t s = 0;

	if (!json_int(json_at(lease, "spec", "leaseDurationSeconds", NULL), &s) || s < 0)
		return 0;
	return (uint64_t)(s < INT32_MAX ? s : INT32_MAX) * 1000;
}

static int set_text(struct json *object, const char *key, const char *value)
{
	return json_set(object, key, json_new_string(value, strlen(value)));
}

/* MicroTime: RFC 3339 with just six digits of a second. */
static int set_time(struct json *object, const char *key, int64_t us)
{
	time_t seconds = (time_t)(us / 1000000);
	char date[32], whole[48];
	struct tm tm;

	if (!gmtime_r(&seconds, &tm) || !strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm))
		return -1;
	snprintf(whole, sizeof(whole), "%s.%06dZ", date, (int)(us % 1000000));
	return set_text(object, key, whole);
}

static int set_spec(struct json *spec, const struct record *r)
{
	int64_t transitions = 0;
	int bad = 0;

	if (r->holder[0])
		bad |= set_text(spec, "holderIdentity", r->holder);
	else
		json_remove(spec, "holderIdentity");
	bad |= json_set(spec, "leaseDurationSeconds", json_new_int(r->duration_s));
	bad |= set_time(spec, "renewTime", r->renewed_us);
	if (r->acquired_us != RECORD_KEEP)
		bad |= set_time(spec, "acquireTime", r->acquired_us);
	if (!json_int(json_get(spec, "leaseTransitions"), &transitions))
		transitions = 0;
	return bad | json_set(spec, "leaseTransitions", json_new_int(transitions + r->taken));
}

struct json *record_changed(const struct json *lease, const struct record *r)
{
	struct json *j = json_copy(lease);
	struct json *spec;

	if (!j)
		return NULL;
	if (json_type(json_get(j, "spec")) != JSON_OBJECT &&
	    json_set(j, "spec", json_new_object()) < 0) {
		json_free(j);
		return NULL;
	}
	spec = json_edit(j, "spec");
	if (spec && set_spec(spec, r) == 0)
		return j;
	json_free(j);
	return NULL;
}

struct json *record_new(const char *namespace, const char *name, const struct record *r)
{
	struct json *j = json_new_object(), *metadata = json_new_object(), *made = NULL;

	if (j && metadata && !set_text(metadata, "namespace", namespace) &&
	    !set_text(metadata, "name", name) && !set_text(j, "apiVersion", "coordination.k8s.io/v1") &&
	    !set_text(j, "kind", "Lease") && !json_set(j, "metadata", TAKE(metadata)))
		made = record_changed(j, r);
	json_free(metadata);
	json_free(j);
	return made;
}
