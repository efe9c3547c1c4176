/* SPDX-License-Identifier: Apache-2.0 */
/* bfd: Bidirectional Forwarding Detection (RFC 5880) between two systems, in asynchronous mode,
 * as control packets over UDP (RFC 5883): is the other one there, and does it hear me?
 *
 * packet.c knows bytes, session.c the state machine and its timers: both are pure, so that tests,
 * the fuzzer and a simulator in virtual time reach every line.  socket.c is the only part that
 * asks the kernel.
 *
 * Times are microseconds of any clock that does not go backwards.  Addresses and discriminators
 * are the caller's business: a session is told only packets that are meant for it. */
#ifndef LB_BFD_H
#define LB_BFD_H

#include "pkg/addr/addr.h"
#include "pkg/err/err.h"

enum {
	BFD_HEADER_LEN = 24,
	BFD_AUTH_LEN = 28, /* of the section of Meticulous Keyed SHA1 */
	BFD_PACKET_MAX = BFD_HEADER_LEN + BFD_AUTH_LEN,
	BFD_KEY_LEN = 20,
	BFD_QUIET_MASK = 0xf0,           /* of the second byte: state, Poll, Final */
	BFD_QUIET = 0xc0,                /* Up, and neither */
	BFD_OVERDUE_POLLS = 8,           /* an interval, of a peer that is overdue */
	BFD_SLOW_US = 1000000,           /* between packets of a session that isn't up (6.8.3) */
	BFD_DETECTION_MAX_US = 30000000, /* whatever a peer promises */
};

enum bfd_state { BFD_ADMIN_DOWN, BFD_DOWN, BFD_INIT, BFD_UP };
const char *bfd_state_name(enum bfd_state state); /* "AdminDown" */

/* Why a session last went down (4.1). */
enum bfd_diag {
	BFD_DIAG_NONE,
	BFD_DIAG_EXPIRED,       /* Control Detection Time Expired */
	BFD_DIAG_ECHO_FAILED,   /* Echo Function Failed */
	BFD_DIAG_NEIGHBOR_DOWN, /* Neighbor Signaled Session Down */
	BFD_DIAG_FORWARDING,    /* Forwarding Plane Reset */
	BFD_DIAG_PATH_DOWN,     /* Path Down */
	BFD_DIAG_CONCATENATED,  /* Concatenated Path Down */
	BFD_DIAG_ADMIN_DOWN,    /* Administratively Down */
	BFD_DIAG_REVERSE,       /* Reverse Concatenated Path Down */
};
const char *bfd_diag_name(enum bfd_diag diag); /* as in the RFC; never NULL */

/* A control packet (4.1).  Multipoint and echo are not ours. */
struct bfd_packet {
	enum bfd_diag diag; /* 0..31: values beyond the RFC's are kept */
	enum bfd_state state;
	bool poll;
	bool final;
	bool control_plane_independent;
	bool demand;
	uint8_t multiplier;          /* Detect Mult */
	uint32_t my_discriminator;   /* not 0 */
	uint32_t your_discriminator; /* 0 only while Down or AdminDown */
	uint32_t desired_min_tx_us;  /* Desired Min TX Interval */
	uint32_t required_min_rx_us; /* Required Min RX Interval; 0: send me none */
	uint32_t required_min_echo_rx_us;
	uint32_t sequence; /* of the authentication section, if there is one */
};

/* What both ends know, for Meticulous Keyed SHA1 (4.4, 6.7.4). */
struct bfd_key {
	uint8_t id;
	uint8_t bytes[BFD_KEY_LEN]; /* padded with zeros */
};

/* A secret of up to BFD_KEY_LEN bytes is the key as it is, as other systems configure it; of a
 * longer one the key is the SHA-1.  ERR_USAGE: it is empty. */
int bfd_key_make(struct bfd_key *k, const void *secret, size_t len, struct err *e) MUST_CHECK;

/* `key` NULL: authentication is not in use, and a packet that has it is refused; else one that
 * hasn't, or whose digest is wrong.  Whatever else 6.8.6 discards without knowing the session is
 * refused too, all of it as ERR_PROTOCOL.  Bytes after the packet's own length are ignored. */
int bfd_decode(struct bfd_packet *p, const void *buf, size_t len, const struct bfd_key *key,
    struct err *e) MUST_CHECK;
/* Returns the length. */
size_t bfd_encode(
    const struct bfd_packet *p, const struct bfd_key *key, uint8_t out[static BFD_PACKET_MAX]);

struct bfd_options {
	uint32_t interval_us; /* both ways, once the session is up */
	uint8_t multiplier;   /* this many packets lost in a row are an end */
	bool authenticated;   /* sequence numbers count */
	/* Where they start.  A system that restarts must start beyond all it has sent, or its peers
	 * refuse it until they have forgotten (twice the detection time). */
	uint32_t sequence;
	uint64_t seed;   /* of discriminators, which must not be guessed */
	uint64_t jitter; /* its seed, the same for all sessions of a system, of no two systems */
};

/* The variables of 6.8.1.  To be read by all, written by session.c. */
struct bfd_session {
	enum bfd_state state;
	enum bfd_state remote_state;
	enum bfd_diag diag;        /* why we last went down */
	enum bfd_diag remote_diag; /* as the peer last said */
	uint32_t discriminator;
	uint32_t remote_discriminator; /* 0: not known */
	uint64_t heard_us;             /* when the last packet was accepted; 0: never */
	uint64_t silence_us;           /* how long none had been, when the detection time expired */

	uint32_t interval_us;  /* as the options or bfd_session_set_interval() have it */
	uint32_t tx_us;        /* Desired Min TX Interval in force: an increase waits for a poll */
	uint32_t rx_us;        /* Required Min RX Interval in force: a decrease waits for a poll */
	uint32_t remote_tx_us; /* as the peer last said */
	uint32_t remote_rx_us; /* as the peer last said */
	uint8_t multiplier;
	uint8_t remote_multiplier;
	bool remote_demand;
	bool polling;         /* a Poll Sequence is under way */
	bool final_due;       /* the peer's poll wants its answer */
	bool send_due;        /* a packet that can't wait for its turn */
	uint8_t copies;       /* of AdminDown that are still to be sent */
	uint64_t next_us;     /* when the next periodic packet is due */
	uint64_t earliest_us; /* when it may be sent, for 75% of the interval have passed */
	uint64_t again_us;    /* when a peer that is overdue is polled again; 0: not yet polled */
	uint32_t polls;       /* sent since the peer was last heard: each has its answer */

	bool authenticated;
	bool sequence_known; /* bfd.AuthSeqKnown */
	uint32_t remote_sequence;
	uint32_t sequence;
	uint64_t random;
	uint64_t jitter;
};

/* Down, and sends its first packet at once. */
void bfd_session_init(struct bfd_session *s, const struct bfd_options *o, uint64_t now_us);

/* A packet that bfd_decode() accepted, from the peer, with our discriminator or 0.  False: it was
 * refused for its sequence number, and nothing has changed.
 *
 * RFC 5880 refuses all that is beyond 3 * Detect Mult of the last.  We accept it further ahead by one
 * for each poll that we have sent since, whose answers may have been lost; and by much more while
 * the session isn't up at both ends, and in a packet that starts one (Your Discriminator is 0): so
 * speaks a system that has restarted, or of which much was lost.  An earlier number, which is what a
 * replay has, is always refused. */
bool bfd_session_input(struct bfd_session *s, const struct bfd_packet *p, uint64_t now_us);

/* A packet from the peer to an earlier life of our session: it is discarded, as RFC 5880 has it.  But
 * when it comes from a life of the peer that we don't know, while we are not up, neither knows the
 * other, each discards what the other sends, and only the detection time, of three seconds, would end
 * that.  So we begin again, with Your Discriminator 0. */
void bfd_session_stray(struct bfd_session *s, const struct bfd_packet *p);

/* Time has passed.  When there was a stall, what arrived meanwhile should be told first, or not. */
void bfd_session_tick(struct bfd_session *s, uint64_t now_us);
uint64_t bfd_session_deadline(const struct bfd_session *s); /* when to call it next */
/* Another session of ours sends: so may this one, if 75% of its interval have passed (6.8.7). */
void bfd_session_ride(struct bfd_session *s, uint64_t now_us);

/* The next packet to send now; false when there is none.  To be asked after each of the above.
 *
 * When the peer is overdue by a quarter of the interval, at least one packet was lost.  Then it is
 * polled, and polled again BFD_OVERDUE_POLLS times an interval, until it is heard or its time is over:
 * its answer, which is sent at once, shows that it is still there.  That is more often than RFC 5880
 * 6.8.7 has packets sent, but not for
 * longer than the detection time; at the usual pace, one lost packet in ten would often be an end. */
bool bfd_session_output(struct bfd_session *s, struct bfd_packet *p, uint64_t now_us);

/* Packets may get through again: one that is down speaks at once, out of its turn. */
void bfd_session_rouse(struct bfd_session *s);

/* Another interval, negotiated with a Poll Sequence while the session is up. */
void bfd_session_set_interval(struct bfd_session *s, uint32_t interval_us);

/* AdminDown, for good: a few copies are sent, and nothing else from then on. */
void bfd_session_stop(struct bfd_session *s, enum bfd_diag diag);
/* Down, when the peer must have lost us: it begins again. */
void bfd_session_restart(struct bfd_session *s, enum bfd_diag diag, uint64_t now_us);

/* How long a silence is an end (6.8.4), at most BFD_DETECTION_MAX_US; 0: nothing was heard yet. */
uint64_t bfd_session_detection_us(const struct bfd_session *s);

/* It says that its sender is up, and nothing else: no poll, no answer.  Nearly all packets are so, and
 * none needs to wake anybody, as long as they are read before somebody is taken for dead. */
bool bfd_is_quiet(const void *buf, size_t len);

/* Where packets to and from any peer go.  Those that are quiet wait in a socket of their own, chosen
 * by the kernel (SO_ATTACH_REUSEPORT_CBPF), which nobody polls. */
struct bfd_socket {
	int fd;    /* to be polled; sends; -1: not open */
	int quiet; /* -1: the kernel can't, and fd has them too */
};

/* Non-blocking UDP on that address of this host and that port (0: any).  The precedence is that of
 * network control, the TTL 255 as RFC 5881 peers want it. */
int bfd_open(struct bfd_socket *s, const struct addr *local, uint16_t port, struct err *e) MUST_CHECK;
void bfd_close(struct bfd_socket *s); /* one that is not open is fine */

struct bfd_datagram {
	struct addr peer;
	uint64_t age_ns; /* how long ago it arrived, by a clock that may step */
	uint16_t len;
	uint8_t bytes[BFD_PACKET_MAX]; /* what is longer is cut, which does no harm */
};

enum { BFD_BATCH = 64 };

/* What has arrived, oldest first, up to BFD_BATCH; returns how many, -1 only when the socket is no
 * more.  There may be more when it is BFD_BATCH / 2 or above. */
int bfd_receive(
    const struct bfd_socket *s, struct bfd_datagram at[static BFD_BATCH], struct err *e) MUST_CHECK;

/* Sends each, BFD_BATCH at most, to its peer's same port.  One that can't be sent is as good as lost on
 * the way; *e tells why the first of them could not, and the return value how many. */
size_t bfd_send(
    const struct bfd_socket *s, uint16_t port, const struct bfd_datagram *at, size_t n, struct err *e);

#endif
