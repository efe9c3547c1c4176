/* SPDX-License-Identifier: Apache-2.0 */
/* Which addresses are new to the cluster, so that they are probed before their first use.
 *
 * An address is new if a Service gets it after the initial list of Services has ended, being the first
 * in this stream that has it, and elect has not said since that another node announces it.  So what a
 * restarted speaker finds is not, what a node takes over is not, and what comes in a stream without
 * Services is not. */
#include <string.h>

#include "cmd/announce.h"

enum { MOST_NEW = 4096 };

/* Has an address been there before?  Fingerprints of 64 bits, for there may be many. */
static bool note(struct announce_new *n, const struct addr *a)
{
	uint64_t print = fnv(FNV_BEGIN, a->bytes, addr_len(a)) | 1, *grown; /* 0 is free */
	size_t i;

	if (4 * (n->seen_n + 1) > 3 * n->seen_size) {
		size_t size = n->seen_size ? 2 * n->seen_size : 16;

		grown = calloc(size, sizeof(*grown));
		if (!grown)
			return true;
		for (i = 0; i < n->seen_size; i++) {
			size_t to = (n->seen[i] >> 32) & (size - 1);

			while (n->seen[i] && grown[to])
				to = (to + 1) & (size - 1);
			if (n->seen[i])
				grown[to] = n->seen[i];
		}
		free(n->seen);
		n->seen = grown;
		n->seen_size = size;
	}
	for (i = (print >> 32) & (n->seen_size - 1); n->seen[i]; i = (i + 1) & (n->seen_size - 1))
		if (n->seen[i] == print)
			return true;
	n->seen[i] = print;
	n->seen_n++;
	return false;
}

static struct addr *find(struct announce_new *n, const struct addr *a)
{
	for (size_t i = 0; i < n->n; i++)
		if (addr_equal(&n->at[i], a))
			return &n->at[i];
	return NULL;
}

bool announce_new_take(struct announce_new *n, const struct addr *a)
{
	struct addr *have = find(n, a);

	if (have)
		*have = n->at[--n->n];
	return have != NULL;
}

void announce_new_add(struct announce_new *n, const struct addr *a)
{
	struct addr *grown;

	if (n->n == MOST_NEW || find(n, a))
		return;
	grown = reallocarray(n->at, n->n + 1, sizeof(*grown));
	if (!grown)
		return;
	n->at = grown;
	grown[n->n++] = *a;
}

void announce_new_service(struct announce_new *n, const struct json *service, bool listed)
{
	const struct json *ingress = json_at(service, "status", "loadBalancer", "ingress", NULL);

	for (size_t i = 0; i < json_count(ingress); i++) {
		const char *ip = json_string(json_get(json_item(ingress, i), "ip"));
		struct err e = ERR_INIT;
		struct addr a;

		if (ip && addr_parse(&a, ip, &e) == 0 && !note(n, &a) && listed)
			announce_new_add(n, &a);
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
			announce_new_take(n, &a);
	}
}

void announce_new_release(struct announce_new *n)
{
	free(n->seen);
	free(n->at);
	*n = (struct announce_new){ 0 };
}
