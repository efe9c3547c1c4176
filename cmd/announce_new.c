/* SPDX-License-Identifier: Apache-2.0 */
/* Which addresses are new to the cluster, so that they are probed before their first use.
 *
 * An address is new if a Service gets it after the initial list of Services has ended, being the first
 * in this stream that has it, until it was probed and found free, or elect says that another node
 * announces it.  So what a restarted speaker finds is not, what a node takes over is not, and what
 * comes in a stream without Services is not. */
#include <string.h>

#include "cmd/announce.h"

/* Of an address, a fingerprint of 64 bits, for there may be many; 0 is a free slot. */
static const uint64_t TAKEN = 1, NEW = 2;

static uint64_t *slot(const struct announce_new *n, uint64_t print)
{
	size_t i = (print >> 32) & (n->size - 1);

	while (n->seen[i] && (n->seen[i] | NEW) != (print | NEW))
		i = (i + 1) & (n->size - 1);
	return &n->seen[i];
}

static uint64_t print_of(const struct addr *a)
{
	return (fnv(FNV_BEGIN, a->bytes, addr_len(a)) | TAKEN) & ~NEW;
}

static uint64_t *find(const struct announce_new *n, const struct addr *a)
{
	uint64_t *s = n->size ? slot(n, print_of(a)) : NULL;

	return s && *s ? s : NULL;
}

static bool make_room(struct announce_new *n)
{
	struct announce_new more = { .size = n->size ? 2 * n->size : 16 };

	if (4 * (n->n + 1) <= 3 * n->size)
		return true;
	more.seen = calloc(more.size, sizeof(*more.seen));
	if (!more.seen)
		return false;
	for (size_t i = 0; i < n->size; i++)
		if (n->seen[i])
			*slot(&more, n->seen[i]) = n->seen[i];
	free(n->seen);
	n->seen = more.seen;
	n->size = more.size;
	return true;
}

/* Without memory nothing is new. */
static void note(struct announce_new *n, const struct addr *a, bool is_new)
{
	if (find(n, a) || !make_room(n))
		return;
	*slot(n, print_of(a)) = print_of(a) | (is_new ? NEW : 0);
	n->n++;
}

bool announce_new_has(const struct announce_new *n, const struct addr *a)
{
	const uint64_t *s = find(n, a);

	return s && *s & NEW;
}

void announce_new_set(struct announce_new *n, const struct addr *a, bool is_new)
{
	uint64_t *s = find(n, a);

	if (s)
		*s = is_new ? *s | NEW : *s & ~NEW;
}

void announce_new_service(struct announce_new *n, const struct json *service, bool listed)
{
	const struct json *ingress = json_at(service, "status", "loadBalancer", "ingress", NULL);

	for (size_t i = 0; i < json_count(ingress); i++) {
		const char *ip = json_string(json_get(json_item(ingress, i), "ip"));
		struct err e = ERR_INIT;
		struct addr a;

		if (ip && addr_parse(&a, ip, &e) == 0)
			note(n, &a, listed);
	}
}

void announce_new_decision(struct announce_new *n, const struct json *decision)
{
	const struct json *spec = json_get(decision, "spec"), *addresses = json_get(spec, "addresses");
	const char *code = json_string(json_get(spec, "code"));

	if (!code || strcmp(code, "NotElected") != 0)
		return;
	for (size_t i = 0; i < json_count(addresses); i++) {
		const char *ip = json_string(json_item(addresses, i));
		struct err e = ERR_INIT;
		struct addr a;

		if (ip && addr_parse(&a, ip, &e) == 0)
			announce_new_set(n, &a, false);
	}
}

void announce_new_release(struct announce_new *n)
{
	free(n->seen);
	*n = (struct announce_new){ 0 };
}
