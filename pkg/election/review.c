/* SPDX-License-Identifier: Apache-2.0 */
/* The rules about a Service, in the order in which MetalLB asks them, before any node is looked at. */
#include <string.h>

#include "pkg/election/world.h"

/* The Service isn't announced at all.  Returns false for `return say_no(...)`. */
static bool say_no(struct service *s, const char *code, const char *message)
{
	s->code = code;
	s->message = message;
	return false;
}

static const char *first_address(struct service *s)
{
	char text[ADDR_TEXT_LEN];

	return arena_copy(&s->review_arena, addr_format(&s->addresses[0], text));
}

static bool has_addresses(struct service *s)
{
	const struct api_ingress *in = s->overlaid ? s->ingress : s->observed.ingress;
	size_t n = s->overlaid ? s->ingress_n : s->observed.ingress_n;
	struct addr *at = arena_alloc(&s->review_arena, n * sizeof(*at));

	if (!n)
		return say_no(s, "NoAddress", "the Service has no address yet");
	for (size_t i = 0; at && i < n; i++) {
		const char *text = in[i].ip[0] ? in[i].ip : in[i].hostname;
		struct err ignored = ERR_INIT;

		if (addr_parse(&at[i], in[i].ip, &ignored) == 0)
			continue;
		return say_no(s, "InvalidAddress",
		    arena_printf(&s->review_arena,
			"status.loadBalancer.ingress[%zu] has %s \"%s\", which is no IP address", i,
			in[i].ip[0] ? "ip" : "hostname", strlen(text) > 100 ? "(long)" : text));
	}
	s->addresses = at;
	s->addresses_n = at ? n : 0;
	return at != NULL;
}

static bool in_one_pool(const struct config *c, struct service *s)
{
	s->pool = config_pool_of(c, &s->addresses[0]);
	for (size_t i = 1; s->pool && i < s->addresses_n; i++)
		if (!config_pool_holds(s->pool, &s->addresses[i]))
			s->pool = NULL;
	if (s->pool)
		return true;
	return say_no(s, "NotInPool",
	    arena_printf(&s->review_arena, "no pool holds %s%s%s", first_address(s),
		s->addresses_n > 1 ? " and the Service's other addresses" : "",
		c->incomplete ? "; a pool that is wrong may be meant to" : ""));
}

static bool has_endpoints(struct service *s)
{
	for (const struct slice *sl = s->slices; sl; sl = sl->next)
		if (sl->usable)
			return true;
	return say_no(s, "NoEndpoints",
	    s->slices ? "none of its endpoints is ready or serving"
		      : "it has no EndpointSlices, so there is nothing to send traffic to");
}

static bool is_advertised(const struct config *c, struct service *s)
{
	size_t *ads = arena_alloc(&s->review_arena, c->l2_n * sizeof(*ads));
	bool of_pool = false;

	for (size_t i = 0; ads && i < c->l2_n; i++) {
		if (!config_l2_covers_pool(&c->l2[i], s->pool))
			continue;
		of_pool = true;
		if (config_selectors_match(&c->l2[i].service_selectors, &s->observed.meta.labels))
			ads[s->ads_n++] = i;
	}
	s->ads = ads;
	if (s->ads_n)
		return true;
	return say_no(s, "NoAdvertisement",
	    arena_printf(&s->review_arena,
		of_pool ? "no L2Advertisement of pool %s selects the Service by its labels"
			: "no L2Advertisement is for pool %s",
		s->pool->name));
}

static bool may_share(const struct config *c, struct service *s)
{
	if (!api_annotation(&s->observed.meta, "allow-shared-ip"))
		return true;
	for (size_t i = 0; i < s->ads_n; i++)
		if (c->l2[s->ads[i]].service_selectors.n)
			return say_no(s, "SharedAddressWithSelectors",
			    arena_printf(&s->review_arena,
				"the annotation metallb.io/allow-shared-ip and the serviceSelectors of "
				"L2Advertisement %s exclude each other",
				c->l2[s->ads[i]].name));
	return true;
}

static bool claims(const struct service *s, size_t n, const struct addr *a)
{
	for (size_t i = 0; i < n; i++)
		if (addr_equal(&s->claims[i]->vip->rank.addr, a))
			return true;
	return false;
}

/* A claim on each address, and on no other.  Those that stay are elected anew too. */
static int stake(struct election *el, struct service *s, size_t n, struct err *e)
{
	struct claim **old = s->claims;
	size_t old_n = s->claims_n;
	int rc = 0;

	s->claims = n ? calloc(n, sizeof(*s->claims)) : NULL;
	s->claims_n = 0;
	if (n && !s->claims) {
		s->claims = old;
		s->claims_n = old_n;
		return err_memory(e);
	}
	for (size_t i = 0; i < n && rc == 0; i++) {
		if (claims(s, s->claims_n, &s->addresses[i]))
			continue;
		rc = claim_open(el, s, &s->addresses[i], &s->claims[s->claims_n], e);
		s->claims_n += rc == 0;
	}
	for (size_t i = 0; i < old_n; i++)
		claim_close(el, old[i]);
	free(old);
	return rc;
}

int service_review(struct election *el, const struct config *c, struct service *s, struct err *e)
{
	bool votes = false;

	arena_release(&s->review_arena);
	s->code = s->message = "";
	s->addresses = NULL;
	s->addresses_n = 0;
	s->pool = NULL;
	s->ads = NULL;
	s->ads_n = 0;
	if (s->known)
		votes = has_addresses(s) && in_one_pool(c, s) && has_endpoints(s) &&
			is_advertised(c, s) && may_share(c, s);
	if (s->review_arena.bad)
		return err_memory(e);
	if (stake(el, s, votes ? s->addresses_n : 0, e) < 0)
		return -1;
	service_tell(el, s);
	return 0;
}
