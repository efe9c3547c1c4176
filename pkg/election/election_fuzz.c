/* SPDX-License-Identifier: Apache-2.0 */
/* Objects, one a line, told in any order: '-' before one removes it, '=' applies it.  Whatever
 * they are: each outcome is new, a winner is the first of the candidates, and one who is told
 * the same again has nothing to say. */
#include <assert.h>
#include <string.h>

#include "pkg/election/election.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct world {
	struct election *el;
	struct config_store *store;
};

static void tell(struct world *w, const char *line, size_t len)
{
	static const char *const kinds[] = { "Service", "EndpointSlice", "Node", "Member" };
	char deed = len && strchr("-=", line[0]) ? line[0] : '+';
	struct err e = ERR_INIT;
	struct json *j = json_parse(line + (deed != '+'), len - (deed != '+'), &e);
	const char *kind = json_string(json_get(j, "kind"));
	int rc = 1;

	for (size_t i = 0; kind && i < ARRAY_LEN(kinds); i++)
		if (!strcmp(kind, kinds[i]))
			rc = deed == '+'   ? election_put(w->el, (enum election_kind)i, j, &e)
			     : deed == '-' ? election_remove(w->el, (enum election_kind)i, j, &e)
					   : election_apply(w->el, j, &e);
	assert(rc >= 0 || (e.kind == ERR_PROTOCOL && e.text[0]));
	if (rc == 1 && kind && deed != '=') {
		if (deed == '+')
			config_store_put(w->store, j);
		else
			config_store_remove(w->store, j);
		election_config_changed(w->el);
	}
	json_free(j);
}

static void check(const struct election_result *r, const struct election_address *a)
{
	assert(!a->winner == !a->candidates_n && a->candidates_n <= a->nodes_n);
	assert(!a->winner || (r->pool[0] && !r->code[0] && !strcmp(a->code, "Elected")));
	assert(!a->winner || (!strcmp(a->winner, a->nodes[0].name) && !a->nodes[0].code[0]));
	assert(a->code[0] && (a->winner || a->message[0]));
	for (size_t i = 1; i < a->nodes_n; i++)
		assert(!strcmp(a->nodes[i].code, "Standby") == (i < a->candidates_n));
}

static int settle(struct world *w)
{
	struct err e = ERR_INIT;
	const struct config *c = config_store_get(w->store, &e);
	struct election_outcome o;
	int told = 0;

	assert(c);
	while (election_next(w->el, c, &o, &e) == 1) {
		const struct election_result *r = o.now;

		told++;
		assert(o.before || o.now);
		if (!r)
			continue;
		assert(!r->code[0] == !r->message[0]);
		assert(r->code[0] || r->addresses_n);
		for (size_t i = 0; i < r->addresses_n; i++)
			check(r, &r->addresses[i]);
	}
	return told;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct election_options o = { .down = { (const char *const[]){ "down" }, 1 } };
	struct err e = ERR_INIT;
	struct world w = { election_new(&o, &e), config_store_new("lb", &e) };
	const char *at = (const char *)data, *end = at + size;

	assert(w.el && w.store);
	while (at < end) {
		const char *eol = memchr(at, '\n', (size_t)(end - at));
		size_t len = (size_t)((eol ? eol : end) - at);

		tell(&w, at, len);
		settle(&w);
		at += len + (eol != NULL);
	}
	election_config_changed(w.el);
	assert(settle(&w) == 0);
	election_free(w.el);
	config_store_free(w.store);
	return 0;
}
