/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes of the kernel into structs.  Attributes of the wrong size are refused: the kernel doesn't
 * send them, so they would mean that this isn't what we take it for.  Unknown ones are skipped. */
#include <libmnl/libmnl.h>
#include <limits.h>
#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if_arp.h>
#include <string.h>

#include "pkg/netlink/netlink.h"

static int wrong_attribute(const char *of, const struct nlattr *a, struct err *e)
{
	return err_set(e, ERR_PROTOCOL, "netlink: attribute %u of a %s has %u bytes",
	    mnl_attr_get_type(a), of, mnl_attr_get_payload_len(a));
}

static bool get_u32(const struct nlattr *a, uint32_t *out)
{
	if (mnl_attr_validate(a, MNL_TYPE_U32) < 0)
		return false;
	*out = mnl_attr_get_u32(a);
	return true;
}

static bool get_text(const struct nlattr *a, char *out, size_t size)
{
	const char *text = mnl_attr_get_payload(a);
	size_t n = strnlen(text, mnl_attr_get_payload_len(a));

	if (n >= size)
		return false;
	memcpy(out, text, n);
	memset(out + n, 0, size - n);
	return true;
}

/* An address of the family of the message it stands in. */
static bool get_addr(const struct nlattr *a, int family, struct addr *out)
{
	size_t n = mnl_attr_get_payload_len(a);

	if (n != (family == AF_INET ? 4 : 16))
		return false;
	*out = (struct addr){ .family = family == AF_INET ? ADDR_IPV4 : ADDR_IPV6 };
	memcpy(out->bytes, mnl_attr_get_payload(a), n);
	return true;
}

static bool get_link_kind(const struct nlattr *info, struct netlink_link *l)
{
	const struct nlattr *a;

	mnl_attr_for_each_nested(a, info)
	{
		if (mnl_attr_get_type(a) == IFLA_INFO_KIND && !get_text(a, l->kind, sizeof(l->kind)))
			return false;
	}
	return true;
}

static bool get_link_attribute(const struct nlattr *a, struct netlink_link *l)
{
	uint32_t master;

	switch (mnl_attr_get_type(a)) {
	case IFLA_IFNAME:
		return get_text(a, l->name, sizeof(l->name));
	case IFLA_MTU:
		return get_u32(a, &l->mtu);
	case IFLA_MASTER:
		if (!get_u32(a, &master))
			return false;
		l->master = (int)master;
		return true;
	case IFLA_LINKINFO:
		return get_link_kind(a, l);
	case IFLA_ADDRESS:
		if (!l->ethernet)
			return true;
		if (mnl_attr_get_payload_len(a) != MAC_LEN)
			return false;
		memcpy(l->mac.bytes, mnl_attr_get_payload(a), MAC_LEN);
		return true;
	default:
		return true;
	}
}

static int decode_link(const struct nlmsghdr *nlh, struct netlink_message *m, struct err *e)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	struct netlink_link *l = &m->link;
	const struct nlattr *a;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*ifi))
		return err_set(e, ERR_PROTOCOL, "netlink: link message is too short");
	/* A bridge tells of its ports with messages of its own, whose deletion means "left the
	 * bridge". */
	if (ifi->ifi_family != AF_UNSPEC)
		return 0;
	l->ifindex = ifi->ifi_index;
	l->ethernet = ifi->ifi_type == ARPHRD_ETHER;
	l->up = ifi->ifi_flags & IFF_UP;
	l->running = ifi->ifi_flags & IFF_RUNNING;
	l->broadcast = ifi->ifi_flags & IFF_BROADCAST;
	l->loopback = ifi->ifi_flags & IFF_LOOPBACK;
	l->noarp = ifi->ifi_flags & IFF_NOARP;
	mnl_attr_for_each(a, nlh, sizeof(*ifi))
	{
		if (mnl_attr_get_type(a) == IFLA_WIRELESS) /* news of the radio, the rest left out */
			return 0;
		if (!get_link_attribute(a, l))
			return wrong_attribute("link", a, e);
	}
	if (nlh->nlmsg_type == RTM_NEWLINK && !l->name[0])
		return err_set(e, ERR_PROTOCOL, "netlink: link %d has no name", l->ifindex);
	m->tells = nlh->nlmsg_type == RTM_NEWLINK ? NETLINK_TELLS_LINK : NETLINK_TELLS_LINK_GONE;
	return 0;
}

static int decode_address(const struct nlmsghdr *nlh, struct netlink_message *m, struct err *e)
{
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(nlh);
	struct netlink_address *got = &m->address;
	struct addr local = { 0 };
	const struct nlattr *a;
	uint32_t flags;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*ifa))
		return err_set(e, ERR_PROTOCOL, "netlink: address message is too short");
	if (ifa->ifa_family != AF_INET && ifa->ifa_family != AF_INET6)
		return 0;
	got->ifindex = (int)ifa->ifa_index;
	got->len = ifa->ifa_prefixlen;
	got->link_local = ifa->ifa_scope == RT_SCOPE_LINK;
	flags = ifa->ifa_flags;
	mnl_attr_for_each(a, nlh, sizeof(*ifa))
	{
		uint16_t type = mnl_attr_get_type(a);

		if ((type == IFA_LOCAL && !get_addr(a, ifa->ifa_family, &local)) ||
		    (type == IFA_ADDRESS && !get_addr(a, ifa->ifa_family, &got->addr)) ||
		    (type == IFA_FLAGS && !get_u32(a, &flags)))
			return wrong_attribute("address", a, e);
	}
	if (local.family) /* of a point-to-point link, whose IFA_ADDRESS is the peer's */
		got->addr = local;
	if (!got->addr.family || got->len > 8 * addr_len(&got->addr))
		return err_set(
		    e, ERR_PROTOCOL, "netlink: address message without an address and prefix");
	got->permanent = flags & IFA_F_PERMANENT;
	got->tentative = flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED);
	m->tells = nlh->nlmsg_type == RTM_NEWADDR ? NETLINK_TELLS_ADDRESS : NETLINK_TELLS_ADDRESS_GONE;
	return 0;
}

static int decode_route(const struct nlmsghdr *nlh, struct netlink_message *m, struct err *e)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *a;
	uint32_t oif;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*rtm))
		return err_set(e, ERR_PROTOCOL, "netlink: route message is too short");
	if (nlh->nlmsg_type != RTM_NEWROUTE ||
	    (rtm->rtm_family != AF_INET && rtm->rtm_family != AF_INET6))
		return 0;
	m->route.local = rtm->rtm_type == RTN_LOCAL;
	mnl_attr_for_each(a, nlh, sizeof(*rtm))
	{
		uint16_t type = mnl_attr_get_type(a);

		if ((type == RTA_OIF && !get_u32(a, &oif)) ||
		    (type == RTA_PREFSRC && !get_addr(a, rtm->rtm_family, &m->route.source)) ||
		    (type == RTA_GATEWAY && !get_addr(a, rtm->rtm_family, &m->route.gateway)))
			return wrong_attribute("route", a, e);
		if (type == RTA_OIF)
			m->route.ifindex = (int)oif;
	}
	m->tells = NETLINK_TELLS_ROUTE;
	return 0;
}

static int decode_neighbour(const struct nlmsghdr *nlh, struct netlink_message *m, struct err *e)
{
	const struct ndmsg *ndm = mnl_nlmsg_get_payload(nlh);
	const uint16_t useless = NUD_INCOMPLETE | NUD_FAILED | NUD_NOARP;
	bool has_mac = false;
	const struct nlattr *a;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*ndm))
		return err_set(e, ERR_PROTOCOL, "netlink: neighbour message is too short");
	if (nlh->nlmsg_type != RTM_NEWNEIGH || ndm->ndm_state & useless ||
	    (ndm->ndm_family != AF_INET && ndm->ndm_family != AF_INET6))
		return 0;
	m->neighbour.ifindex = ndm->ndm_ifindex;
	mnl_attr_for_each(a, nlh, sizeof(*ndm))
	{
		uint16_t type = mnl_attr_get_type(a);

		if (type == NDA_DST && !get_addr(a, ndm->ndm_family, &m->neighbour.addr))
			return wrong_attribute("neighbour", a, e);
		if (type == NDA_LLADDR && mnl_attr_get_payload_len(a) == MAC_LEN) {
			memcpy(m->neighbour.mac.bytes, mnl_attr_get_payload(a), MAC_LEN);
			has_mac = true;
		}
	}
	if (has_mac && m->neighbour.addr.family)
		m->tells = NETLINK_TELLS_NEIGHBOUR;
	return 0;
}

static int to_errno(int negative)
{
	return negative == INT_MIN ? INT_MAX : negative < 0 ? -negative : negative;
}

/* The text that stands behind the request, which the kernel may have sent back whole. */
static void get_error_text(
    const struct nlmsghdr *nlh, const struct nlmsgerr *err, char *out, size_t size)
{
	size_t skip = sizeof(*err);
	const struct nlattr *a;

	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	if (!(nlh->nlmsg_flags & NLM_F_CAPPED) && err->msg.nlmsg_len > sizeof(err->msg))
		skip += MNL_ALIGN(err->msg.nlmsg_len - sizeof(err->msg));
	if (skip > mnl_nlmsg_get_payload_len(nlh))
		return;
	mnl_attr_for_each(a, nlh, skip)
	{
		if (mnl_attr_get_type(a) == NLMSGERR_ATTR_MSG && !get_text(a, out, size))
			out[0] = 0; /* too long to show */
	}
}

static int decode_end(const struct nlmsghdr *nlh, struct netlink_message *m, struct err *e)
{
	size_t n = mnl_nlmsg_get_payload_len(nlh);
	bool done = nlh->nlmsg_type == NLMSG_DONE;

	m->tells = done ? NETLINK_TELLS_DONE : NETLINK_TELLS_ERROR;
	if (!done && n < sizeof(struct nlmsgerr))
		return err_set(e, ERR_PROTOCOL, "netlink: error message is too short");
	if (n >= sizeof(int))
		m->error = to_errno(*(const int *)mnl_nlmsg_get_payload(nlh));
	if (!done)
		get_error_text(nlh, mnl_nlmsg_get_payload(nlh), m->error_text, sizeof(m->error_text));
	return 0;
}

static int decode_one(const struct nlmsghdr *nlh, struct netlink_message *m, struct err *e)
{
	switch (nlh->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		return decode_link(nlh, m, e);
	case RTM_NEWADDR:
	case RTM_DELADDR:
		return decode_address(nlh, m, e);
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		return decode_route(nlh, m, e);
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		return decode_neighbour(nlh, m, e);
	case NLMSG_ERROR:
	case NLMSG_DONE:
		return decode_end(nlh, m, e);
	case NLMSG_OVERRUN:
		m->tells = NETLINK_TELLS_OVERRUN;
		return 0;
	default:
		return 0;
	}
}

int netlink_decode(const uint8_t **at, size_t *len, struct netlink_message *m, struct err *e)
{
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)*at;
	size_t step;

	if (*len == 0)
		return 0;
	/* Not mnl_nlmsg_ok(), which takes a length of 2 GiB and more for a negative one.  libmnl looks
	 * for attributes up to the aligned end, which the kernel always sends. */
	if (*len < sizeof(*nlh) || nlh->nlmsg_len < sizeof(*nlh) ||
	    MNL_ALIGN((size_t)nlh->nlmsg_len) > *len)
		return err_set(
		    e, ERR_PROTOCOL, "netlink: message is cut off, %zu bytes are left", *len);
	memset(m, 0, sizeof(*m));
	m->seq = nlh->nlmsg_seq;
	m->interrupted = nlh->nlmsg_flags & NLM_F_DUMP_INTR;
	if (decode_one(nlh, m, e) < 0)
		return -1;
	step = MNL_ALIGN((size_t)nlh->nlmsg_len);
	*at += step;
	*len -= step;
	return 1;
}
