/* SPDX-License-Identifier: Apache-2.0 */
/* The format: https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-04.html */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "pkg/probe/probe.h"

enum {
	SNAP_LEN = 256,
	VLAN_TAG_LEN = 4,
	LINKTYPE_ETHERNET = 1,
	TAKEN_AT_ONCE = 512, /* frames */
	ALL_AT_MOST = 65536,
	PIPE_ROOM = 1 << 20, /* more than the socket's queue holds */
	/* offsets in the frame, which has no VLAN tag here */
	AT_ETHERTYPE = 12,
	AT_NEXT_HEADER = 20,
	AT_ARP_SENDER = 28,
	AT_ARP_TARGET = 38,
	AT_ICMP_TYPE = 54,
	AT_NDP_TARGET = 62,
};

struct file_header {
	uint32_t magic;
	uint16_t major, minor;
	uint32_t reserved[2];
	uint32_t snap_len;
	uint32_t link_type;
};

struct frame_header {
	uint32_t seconds, microseconds;
	uint32_t kept, len;
};

struct probe_capture {
	const struct probe *p;
	const struct probe_link *links;
	size_t links_n;
	const char *path; /* for messages */
	FILE *file;
	int fd;
	size_t written;
	bool full;
};

/* ARP, and what of ICMPv6 is NDP's. */
static int make_filter(const void *arg, size_t max, struct packet_filter *f, struct err *e)
{
	struct packet_program p = { malloc(16 * sizeof(*p.at)), 0 };

	(void)arg;
	(void)max;
	if (!p.at)
		return err_memory(e);
	packet_emit(&p, BPF_LD | BPF_H | BPF_ABS, AT_ETHERTYPE, 0, 0);
	packet_emit(&p, BPF_JMP | BPF_JEQ | BPF_K, ETH_P_ARP, 9, 0);
	packet_emit_demand(&p, BPF_JEQ, ETH_P_IPV6, true);
	packet_emit(&p, BPF_LD | BPF_B | BPF_ABS, AT_NEXT_HEADER, 0, 0);
	packet_emit_demand(&p, BPF_JEQ, 58, true);
	packet_emit(&p, BPF_LD | BPF_B | BPF_ABS, AT_ICMP_TYPE, 0, 0);
	packet_emit(&p, BPF_JMP | BPF_JEQ | BPF_K, NDP_SOLICITATION, 2, 0);
	packet_emit_demand(&p, BPF_JEQ, NDP_ADVERTISEMENT, true);
	packet_emit(&p, BPF_RET | BPF_K, PACKET_PASS, 0, 0);
	*f = (struct packet_filter){ p.at, p.n, true };
	return 0;
}

static int write_failed(const struct probe_capture *c, struct err *e)
{
	if (errno == EPIPE)
		return err_set(e, ERR_CLOSED, "writing %s: its reader has gone", c->path);
	if (errno == EAGAIN)
		return err_set(e, ERR_SYSTEM, "writing %s: its reader doesn't keep up", c->path);
	return err_sys(e, errno, "writing %s", c->path);
}

static int put(struct probe_capture *c, const void *at, size_t n, struct err *e)
{
	if (fwrite(at, 1, n, c->file) != n)
		return write_failed(c, e);
	c->written += n;
	return 0;
}

/* Without blocking from then on: what has to be on time doesn't wait for the reader of a pipe. */
static int open_file(struct probe_capture *c, struct err *e)
{
	const struct file_header h = { 0xa1b2c3d4, 2, 4, { 0 }, SNAP_LEN, LINKTYPE_ETHERNET };
	int flags;

	c->file = fopen(c->path, "we");
	if (!c->file)
		return err_sys(e, errno, "opening %s for the capture", c->path);
	flags = fcntl(fileno(c->file), F_GETFL);
	if (flags < 0 || fcntl(fileno(c->file), F_SETFL, flags | O_NONBLOCK) < 0)
		return err_sys(e, errno, "opening %s for the capture", c->path);
	fcntl(fileno(c->file), F_SETPIPE_SZ, PIPE_ROOM); /* fails for what is no pipe */
	return put(c, &h, sizeof(h), e);
}

/* The kernel takes a frame's VLAN tag away before anybody sees it, filters included; it tells it on
 * request. */
static int want_tags(int fd, struct err *e)
{
	int on = 1;

	if (setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &on, sizeof(on)) < 0)
		return err_sys(e, errno, "asking for the VLAN tags of frames");
	return 0;
}

struct probe_capture *probe_capture_open(
    const char *path, const struct probe *p, const struct probe_link *links, size_t n, struct err *e)
{
	struct probe_capture *c = calloc(1, sizeof(*c));

	if (!c) {
		err_memory(e);
		return NULL;
	}
	*c = (struct probe_capture){ .p = p, .links = links, .links_n = n, .path = path };
	c->fd = packet_open("a capture", ETH_P_ALL, n == 1 ? links[0].ifindex : 0, e);
	if (c->fd < 0 || packet_time(c->fd, e) < 0 || want_tags(c->fd, e) < 0 || open_file(c, e) < 0 ||
	    packet_hear(c->fd, make_filter, NULL, NULL, e) < 0) {
		probe_capture_close(c);
		return NULL;
	}
	return c;
}

void probe_capture_close(struct probe_capture *c)
{
	if (!c)
		return;
	if (c->file)
		fclose(c->file);
	if (c->fd >= 0)
		close(c->fd);
	free(c);
}

int probe_capture_fd(const struct probe_capture *c)
{
	return c->fd;
}

static bool on_our_links(const struct probe_capture *c, int ifindex)
{
	for (size_t i = 0; i < c->links_n; i++)
		if (c->links[i].ifindex == ifindex)
			return true;
	return false;
}

static bool is_target(const struct probe_capture *c, enum addr_family family, const uint8_t *at)
{
	struct addr a = { .family = family };

	memcpy(a.bytes, at, family == ADDR_IPV4 ? 4 : 16);
	return probe_find(c->p, &a) != NULL;
}

/* What is too short to tell is kept: somebody wants to see it. */
static bool concerns(const struct probe_capture *c, const uint8_t *frame, size_t len)
{
	if (len > AT_ETHERTYPE + 1 && frame[AT_ETHERTYPE] == ETH_P_ARP >> 8)
		return len < AT_ARP_TARGET + 4 || is_target(c, ADDR_IPV4, frame + AT_ARP_SENDER) ||
		       is_target(c, ADDR_IPV4, frame + AT_ARP_TARGET);
	return len < AT_NDP_TARGET + 16 || is_target(c, ADDR_IPV6, frame + AT_NDP_TARGET);
}

static int write_frame(
    struct probe_capture *c, const uint8_t *frame, size_t kept, size_t len, uint64_t us, struct err *e)
{
	struct frame_header h = { .kept = (uint32_t)kept, .len = (uint32_t)len };

	h.seconds = (uint32_t)(us / 1000000);
	h.microseconds = (uint32_t)(us % 1000000);
	return put(c, &h, sizeof(h), e) < 0 || put(c, frame, kept, e) < 0 ? -1 : 0;
}

/* Puts the VLAN tag back, if there was one, into the room before the frame. */
static bool restore_tag(struct msghdr *m, uint8_t *frame)
{
	for (struct cmsghdr *h = CMSG_FIRSTHDR(m); h; h = CMSG_NXTHDR(m, h)) {
		struct tpacket_auxdata aux;
		uint16_t tag[2];

		if (h->cmsg_level != SOL_PACKET || h->cmsg_type != PACKET_AUXDATA)
			continue;
		memcpy(&aux, CMSG_DATA(h), sizeof(aux));
		if (!(aux.tp_status & TP_STATUS_VLAN_VALID))
			return false;
		tag[0] =
		    htons(aux.tp_status & TP_STATUS_VLAN_TPID_VALID ? aux.tp_vlan_tpid : ETH_P_8021Q);
		tag[1] = htons(aux.tp_vlan_tci);
		memmove(frame - VLAN_TAG_LEN, frame, AT_ETHERTYPE);
		memcpy(frame - VLAN_TAG_LEN + AT_ETHERTYPE, tag, VLAN_TAG_LEN);
		return true;
	}
	return false;
}

/* 1, or 0 when there is no more. */
static int take_one(struct probe_capture *c, struct err *e)
{
	uint8_t room[SNAP_LEN], *frame = room + VLAN_TAG_LEN;
	_Alignas(struct cmsghdr) char
	    control[PACKET_CONTROL_ROOM + CMSG_SPACE(sizeof(struct tpacket_auxdata))];
	struct iovec iov = { frame, sizeof(room) - VLAN_TAG_LEN };
	struct sockaddr_ll from;
	struct msghdr m = { .msg_name = &from,
		.msg_namelen = sizeof(from),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control) };
	ssize_t len = recvmsg(c->fd, &m, MSG_DONTWAIT | MSG_TRUNC);
	size_t kept = len < (ssize_t)iov.iov_len ? (size_t)len : iov.iov_len;
	struct timespec now;
	uint64_t us; /* since the epoch */
	size_t tag;

	if (len < 0 && (errno == EAGAIN || errno == EINTR || errno == ENETDOWN))
		return 0; /* a link that goes down is told elsewhere */
	if (len < 0)
		return err_sys(e, errno, "receiving for the capture");
	if (c->full || !on_our_links(c, from.sll_ifindex) || !concerns(c, frame, kept))
		return 1;
	tag = restore_tag(&m, frame) ? VLAN_TAG_LEN : 0;
	if (c->written + sizeof(struct frame_header) + tag + kept > PROBE_CAPTURE_MAX) {
		c->full = true;
		return 1;
	}
	clock_gettime(CLOCK_REALTIME, &now);
	us = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000 - packet_age_us(&m, &now);
	return write_frame(c, frame - tag, tag + kept, tag + (size_t)len, us, e) < 0 ? -1 : 1;
}

int probe_capture_take(struct probe_capture *c, bool all, bool *full, struct err *e)
{
	bool was_full = c->full;
	int got = 1;

	for (int i = 0; i < (all ? ALL_AT_MOST : TAKEN_AT_ONCE) && got > 0; i++)
		got = take_one(c, e);
	if (got < 0)
		return -1;
	*full = c->full && !was_full;
	if (fflush(c->file) != 0)
		return write_failed(c, e);
	return 0;
}
