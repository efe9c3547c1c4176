# SPDX-License-Identifier: Apache-2.0
# lbctl announce on a LAN: what other systems see, with tools that aren't ours.

bats_require_minimum_version 1.5.0
# shellcheck source=tests/lib/announce.bash
source tests/lib/announce.bash

@test "a client resolves an announced address to the node's MAC, and no other address" {
	announce_on node-a 8
	announcement ADDED web node-a '"192.0.2.10"' >&8
	wait_for 5 decided node-a Announcing
	wait_for 5 resolved 192.0.2.10 $A
	answered_by 192.0.2.10 $A
	unanswered 192.0.2.11
	jq -es 'any(.[].object; .reason == "nodeAssigned" and .type == "Normal" and
		.message == "announcing from node \"node-a\" with protocol \"layer2\"" and
		.source == {component: "metallb-speaker", host: "node-a"})' "$T/node-a.out"
	# once a takeover, however often the Announcement is read
	announcement MODIFIED web node-a '"192.0.2.10"' >&8
	announcement ADDED other node-a '"192.0.2.12"' >&8
	wait_for 5 decided node-a Announcing 2
	[ "$(grep -c '"nodeAssigned"' "$T/node-a.out")" -eq 2 ]
}

@test "a duplicate address probe is answered" {
	announce_on node-a 8
	announcement ADDED web node-a '"192.0.2.10"' >&8
	wait_for 5 decided node-a Announcing
	run ! lan_run client arping -q -D -c 1 -w 2 -I eth0 192.0.2.10
	lan_run client arping -q -D -c 1 -w 1 -I eth0 192.0.2.11
}

@test "gratuitous ARP goes out in both forms at 0, 1.1, 2.2, 3.3 and 4.4 seconds" {
	watch_arp "$T/seen" 'arp and ether src 02:00:00:00:00:01 and ether broadcast'
	announce_on node-a 8
	announcement ADDED web node-a '"192.0.2.10"' >&8
	wait_for 8 lines "$T/seen" 10
	awk '
		{ form = "wrong" }
		/Request who-has 192.0.2.10 \(ff:ff:ff:ff:ff:ff\) tell 192.0.2.10,/ { form = "request" }
		/Reply 192.0.2.10 is-at 02:00:00:00:00:01,/ { form = "reply" }
		NR == 1 { start = $1 }
		form != (NR % 2 ? "request" : "reply") { print "frame " NR ": " $0; bad = 1 }
		{ late = $1 - start - int((NR - 1) / 2) * 1.1 }
		late < -0.01 || late > 0.5 { print "frame " NR " is " late " s late"; bad = 1 }
		END { exit bad || NR != 10 }' "$T/seen"
	# that was all
	announcement MODIFIED web node-a '"192.0.2.10"' >&8
	answered_by 192.0.2.10 $A
	[ "$(wc -l <"$T/seen")" -eq 10 ]
}

@test "DELETED withdraws after the grace, and the others stay" {
	announce_on node-a 8 --grace 300ms
	announcement ADDED web node-a '"192.0.2.10"' >&8
	announcement ADDED other node-a '"192.0.2.11"' >&8
	wait_for 5 answered_by 192.0.2.10 $A
	announcement DELETED web node-a '"192.0.2.10"' >&8
	wait_for 5 decided node-a AnnouncementEnded
	unanswered 192.0.2.10
	answered_by 192.0.2.11 $A
	kill -0 "$LAN_PID"
}

@test "an Announcement that becomes another node's is withdrawn" {
	announce_on node-a 8 --grace 0s
	announcement ADDED web node-a '"192.0.2.10"' >&8
	wait_for 5 answered_by 192.0.2.10 $A
	announcement MODIFIED web node-b '"192.0.2.10"' >&8
	wait_for 5 decided node-a AnnouncementEnded
	unanswered 192.0.2.10
}

@test "in its grace an address is answered until the successor is heard" {
	announce_on node-a 8 --grace 60s
	announcement ADDED web node-a '"192.0.2.10"' >&8
	wait_for 5 answered_by 192.0.2.10 $A
	announcement DELETED web node-a '"192.0.2.10"' >&8
	wait_for 5 said node-a '"DELETED"'
	answered_by 192.0.2.10 $A
	lan_run node-b ip addr add 192.0.2.10/32 dev eth0
	lan_run node-b arping -q -A -c 1 -I eth0 192.0.2.10
	wait_for 5 said node-a "no longer announces 192.0.2.10: $B has taken over"
	answered_by 192.0.2.10 $B
	lan_run node-b ip addr del 192.0.2.10/32 dev eth0
	unanswered 192.0.2.10
}

@test "the end of input withdraws all and exits 0" {
	announce_on node-a 8 --grace 500ms
	announcement ADDED web node-a '"192.0.2.10"' >&8
	wait_for 5 answered_by 192.0.2.10 $A
	exec 8>&-
	answered_by 192.0.2.10 $A
	wait "$LAN_PID"
	unanswered 192.0.2.10
	decided node-a AnnouncementEnded
}

@test "SIGTERM withdraws all and exits 0" {
	announce_on node-a 8 --grace 100ms
	announcement ADDED web node-a '"192.0.2.10"' >&8
	wait_for 5 answered_by 192.0.2.10 $A
	lan_stop "$LAN_PID" TERM
	unanswered 192.0.2.10
	decided node-a AnnouncementEnded
}

@test "SIGKILL leaves nothing" {
	announce_on node-a 8
	announcement ADDED web node-a '"192.0.2.10"' >&8
	wait_for 5 answered_by 192.0.2.10 $A
	run ! lan_run node-a sh -c 'ip addr | grep 192.0.2.10'
	lan_stop "$LAN_PID" KILL || true
	unanswered 192.0.2.10
}

@test "a second node takes over, and the client's table follows the gratuitous ARP" {
	announce_on node-a 8
	announcement ADDED web node-a '"192.0.2.10"' >&8
	wait_for 5 decided node-a Announcing
	wait_for 5 resolved 192.0.2.10 $A
	lan_stop "$LAN_PID" KILL || true
	announce_on node-b 9
	announcement ADDED web node-b '"192.0.2.10"' >&9
	wait_for 5 neighbour 192.0.2.10 $B
}

@test "two nodes hand over: the former answers until it hears the next" {
	announce_on node-a 8 --grace 60s
	announce_on node-b 9
	announcement ADDED web node-a '"192.0.2.10"' >&8
	wait_for 5 answered_by 192.0.2.10 $A
	announcement DELETED web node-a '"192.0.2.10"' >&8
	wait_for 5 said node-a '"DELETED"'
	answered_by 192.0.2.10 $A
	announcement ADDED web node-b '"192.0.2.10"' >&9
	wait_for 5 said node-a "no longer announces 192.0.2.10: $B has taken over"
	answered_by 192.0.2.10 $B
	exec 8>&- 9>&-
	wait # both end
}

@test "an interface that goes down and comes up is announced on again" {
	announce_on node-a 8
	announcement ADDED web node-a '"192.0.2.10"' >&8
	wait_for 5 answered_by 192.0.2.10 $A
	lan_run node-a ip link set eth0 down
	wait_for 5 said node-a '"announceFailed"'
	watch_arp "$T/seen" 'arp and ether src 02:00:00:00:00:01 and ether broadcast and arp[24:4] == 0xc000020a'
	lan_run node-a ip link set eth0 up
	wait_for 5 lines "$T/seen" 2
	answered_by 192.0.2.10 $A
	wait_for 5 decided node-a Announcing 2
}

@test "a MAC that changes is announced" {
	announce_on node-a 8
	announcement ADDED web node-a '"192.0.2.10"' >&8
	wait_for 5 decided node-a Announcing
	wait_for 5 resolved 192.0.2.10 $A
	lan_run node-a ip link set eth0 address 02:00:00:00:00:aa
	wait_for 5 neighbour 192.0.2.10 02:00:00:00:00:aa
	answered_by 192.0.2.10 02:00:00:00:00:aa
}

# A second switch that node-a and the client are plugged into, with eth1.
second_switch() {
	lan_switch other
	lan_nic node-a eth1 02:00:00:00:01:01 other
	lan_nic client eth1 02:00:00:00:01:64 other
	lan_run client ip addr add 198.51.100.100/24 dev eth1
}

@test "a malformed Announcement changes nothing of what its name announces" {
	announce_on node-a 8 --grace 0s
	announcement ADDED web node-a '"192.0.2.10"' >&8
	wait_for 5 decided node-a Announcing
	announcement MODIFIED web node-a '7' >&8
	announcement MODIFIED web node-a '"192.0.2.11"' '7' >&8
	announcement ADDED other node-a '"192.0.2.12"' >&8
	wait_for 5 decided node-a Announcing 2
	answered_by 192.0.2.10 $A
	unanswered 192.0.2.11
	# but one whose every address is wrong has none
	announcement MODIFIED web node-a '"0.0.0.0"' >&8
	wait_for 5 decided node-a AnnouncementEnded
	unanswered 192.0.2.10
}

@test "a new interface is followed" {
	announce_on node-a 8
	announcement ADDED web node-a '"198.51.100.10"' >&8
	wait_for 5 decided node-a Announcing
	second_switch
	wait_for 5 answered_by 198.51.100.10 02:00:00:00:01:01 eth1
	answered_by 198.51.100.10 $A
	lan_run node-a ip link del eth1
	answered_by 198.51.100.10 $A
	kill -0 "$LAN_PID"
}

@test "an Announcement that names interfaces is made on those alone" {
	second_switch
	announce_on node-a 8
	announcement ADDED web node-a '"198.51.100.10"' '"eth1"' >&8
	wait_for 5 answered_by 198.51.100.10 02:00:00:00:01:01 eth1
	unanswered 198.51.100.10 eth0
	announcement MODIFIED web node-a '"198.51.100.10"' '"eth0"' >&8
	wait_for 5 answered_by 198.51.100.10 $A eth0
	unanswered 198.51.100.10 eth1
	announcement MODIFIED web node-a '"198.51.100.10"' '"eth7"' >&8
	wait_for 5 said node-a 'the interfaces specified by LB IP \\"198.51.100.10\\" doesn.t exist in assigned node \\"node-a\\" with protocol \\"layer2\\"'
	decided node-a NoInterface
	unanswered 198.51.100.10 eth0
}

@test "--interface and --exclude choose by name, and a port of a bridge is left alone" {
	second_switch
	announce_on node-a 8 --interface 'eth*' --exclude '^veth,h1$'
	announcement ADDED web node-a '"198.51.100.10"' >&8
	wait_for 5 answered_by 198.51.100.10 $A eth0
	unanswered 198.51.100.10 eth1
	lan_run node-a sh -c 'ip link add br0 type bridge && ip link set eth0 master br0 && ip link set br0 up'
	wait_for 5 decided node-a NoInterface
	jq -es 'any(.[].object; .spec.code == "NoInterface" and
		(.spec.considered | map({(.name): .code}) | add) ==
		{eth0: "Enslaved", eth1: "Excluded", br0: "NotSelected"})' "$T/node-a.out"
}

@test "short, foreign and forged frames do no harm" {
	announce_on node-a 8
	announcement ADDED web node-a '"192.0.2.10"' >&8
	wait_for 5 answered_by 192.0.2.10 $A
	watch_arp "$T/seen" 'arp and ether src 02:00:00:00:00:01 and not ether broadcast'
	lan_run client python3 - <<-'PY'
		import socket, struct
		s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
		s.bind(("eth0", 0))
		mac = bytes.fromhex("020000000064")
		node = bytes.fromhex("020000000001")
		every = b"\xff" * 6
		vip = bytes([192, 0, 2, 10])
		def arp(op=1, to=every, source=mac, sender=mac, htype=1, ptype=0x0800, hlen=6, plen=4):
		    return (to + source + b"\x08\x06" + struct.pack(">HHBBH", htype, ptype, hlen, plen, op) +
		            sender + bytes([192, 0, 2, 100]) + bytes(6) + vip)
		good = arp()
		for n in range(14, len(good)):
		    s.send(good[:n])
		for op in [0, 2, 3, 4, 8, 9, 25, 255, 65535]:
		    s.send(arp(op))
		s.send(arp(htype=6))
		s.send(arp(ptype=0x86dd))
		s.send(arp(hlen=255))
		s.send(arp(plen=16))
		s.send(arp(sender=every))
		s.send(arp(sender=bytes.fromhex("0180c2000000")))
		s.send(arp(sender=node))
		s.send(arp(source=node))
		s.send(arp(to=bytes.fromhex("020000000099")))
		s.send(good + bytes(1400))  # long, but right: answered
	PY
	wait_for 5 lines "$T/seen" 1
	answered_by 192.0.2.10 $A
	wait_for 5 lines "$T/seen" 2
	cat "$T/seen"
	[ "$(grep -c 'Reply 192.0.2.10' "$T/seen")" -eq 2 ]
	[ ! -s "$T/node-a.err" ]
}

@test "it runs as nobody with CAP_NET_RAW alone, and --bind says what it lacks" {
	local dir
	dir=$(mktemp -d /tmp/lbctl-XXXXXX)
	chmod 755 "$dir"
	cp "$BUILD/lbctl" "$dir"
	export LBCTL=$dir/lbctl WRAP="setpriv --reuid 65534 --regid 65534 --clear-groups
		--inh-caps -all,+net_raw --ambient-caps -all,+net_raw --bounding-set -all,+net_raw --no-new-privs"
	announce_on node-a 8
	announcement ADDED web node-a '"192.0.2.10"' >&8
	wait_for 5 answered_by 192.0.2.10 $A
	grep -E '^(Uid|CapEff)' "/proc/$LAN_PID/status"
	grep -q '^CapEff:[[:space:]]*0000000000002000$' "/proc/$LAN_PID/status"
	lan_run node-a ip link set eth0 down
	wait_for 5 decided node-a NoInterface
	# shellcheck disable=SC2086 # words
	run -7 lan_run node-b $WRAP "$LBCTL" announce --bind </dev/null
	rm -r "$dir"
	[ "${#lines[@]}" -eq 1 ]
	[[ $output == *CAP_NET_ADMIN* ]]
}

# 198.18.0.0/15 is set aside for tests like this (RFC 2544); the documentation prefixes have
# no thousand addresses.
@test "a thousand addresses are all announced and answered" {
	watch_arp "$T/seen" 'arp and ether src 02:00:00:00:00:01 and ether broadcast'
	announce_on node-a 8
	for i in $(seq 0 999); do
		announcement ADDED "web$i" node-a "\"198.18.$((i / 250)).$((i % 250))\""
	done >&8
	wait_for 10 decided node-a Announcing 1000
	lan_run client python3 - <<-'PY'
		import socket, struct, time
		s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0806))
		s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
		s.bind(("eth0", 0x0806))
		s.settimeout(0.2)
		mac = bytes.fromhex("020000000064")
		want = {bytes([198, 18, i // 250, i % 250]) for i in range(1000)}
		got, until = set(), time.monotonic() + 10
		while got != want and time.monotonic() < until:
		    for ip in sorted(want - got)[:100]:
		        s.send(b"\xff" * 6 + mac + b"\x08\x06" + struct.pack(">HHBBH", 1, 0x0800, 6, 4, 1) +
		               mac + bytes([192, 0, 2, 100]) + bytes(6) + ip)
		    try:
		        while True:
		            f = s.recv(100)
		            if f[:6] == mac and f[20:22] == b"\0\2" and f[22:28] == bytes.fromhex("020000000001"):
		                got.add(f[28:32])
		    except TimeoutError:
		        pass
		assert got == want, len(got)
	PY
	wait_for 10 lines "$T/seen" 2000
	unanswered 198.18.4.0
}

counted() { # LINE: with a number that is at least what is wanted, in its place
	metrics | awk -v name="${1% *}" -v least="${1##* }" 'index($0, name " ") == 1 && $NF >= least { ok = 1 } END { exit !ok }'
}

@test "what was asked, answered, ignored, sent and claimed is counted by address and interface" {
	announce_on node-a 8 --run-dir "$T/run"
	announcement ADDED web node-a '"192.0.2.10","2001:db8::10"' >&8
	wait_for 5 answered_by 192.0.2.10 $A
	solicited 2001:db8::10 $A
	lan_run node-b arping -q -c 1 -w 1 -I eth0 192.0.2.10
	lan_run node-b ip addr add 192.0.2.10/32 dev eth0
	lan_run node-b arping -q -A -c 2 -I eth0 192.0.2.10
	wait_for 5 counted 'lbctl_layer2_conflicts_total{ip="192.0.2.10",interface="eth0"} 2'
	metrics
	counted 'metallb_layer2_requests_received{ip="192.0.2.10",interface="eth0"} 2'
	counted 'metallb_layer2_responses_sent{ip="192.0.2.10",interface="eth0"} 2'
	counted 'metallb_layer2_gratuitous_sent{ip="192.0.2.10",interface="eth0"} 2'
	counted 'metallb_layer2_responses_sent{ip="2001:db8::10",interface="eth0"} 1'
	counted 'metallb_speaker_announced{service="default/web",protocol="layer2",node="node-a",ip="2001:db8::10"} 1'
	counted 'lbctl_layer2_frames_total{interface="eth0",outcome="answered"} 3'
	counted 'lbctl_layer2_frames_total{interface="eth0",outcome="another host claims it"} 2'
	# every line is one that Prometheus reads
	run ! grep -vE '^(# (HELP|TYPE) [a-z0-9_]+ .+|[a-z0-9_]+\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\} [0-9]+)$' <(metrics)
	run -22 curl -sf --unix-socket "$T/run/announce.sock" http://lbctl/else
	run ! curl -sf -X POST -d x --unix-socket "$T/run/announce.sock" http://lbctl/metrics
	# a second one is refused; what a killed one leaves is replaced
	run -4 lan_run node-b "$BUILD/lbctl" announce --run-dir "$T/run" </dev/null
	[[ $output == *'another process listens there'* ]]
	lan_stop "$LAN_PID" KILL || true
	[ -S "$T/run/announce.sock" ]
	lan_run node-b "$BUILD/lbctl" announce --run-dir "$T/run" </dev/null
	[ ! -e "$T/run/announce.sock" ]
}

@test "what was asked while it did not run is not answered afterwards: another may have taken over" {
	announce_on node-a 8 --run-dir "$T/run"
	announcement ADDED web node-a '"192.0.2.10"' >&8
	wait_for 5 answered_by 192.0.2.10 $A
	kill -STOP "$LAN_PID"
	run ! lan_run node-b arping -q -c 1 -w 2 -I eth0 192.0.2.10
	kill -CONT "$LAN_PID"
	wait_for 10 counted 'lbctl_layer2_frames_total{interface="eth0",outcome="asked too long ago"} 1'
	counted 'lbctl_layer2_frames_total{interface="eth0",outcome="answered"} 1'
	wait_for 5 answered_by 192.0.2.10 $A
}

@test "--links tells the cluster on which interfaces the node can announce, and when that changes" {
	told() { # LINKS
		[ "$(jq -r 'select(.type == "APPLY" and .object.kind == "Node") | .object.metadata
			| "\(.name) \(.annotations["lbctl.dev/links"])"' "$T/node-a.out" | tail -n 1)" = "node-a $1" ]
	}
	announce_on node-a 8 --links
	wait_for 5 told eth0
	lan_run node-a ip link set eth0 down
	wait_for 5 told ''
	lan_run node-a ip link set eth0 up
	wait_for 5 told eth0
	announcement ADDED web node-a '"192.0.2.10"' >&8
	wait_for 5 decided node-a Announcing
	[ "$(grep -c '"lbctl.dev/links"' "$T/node-a.out")" -eq 3 ]
}

@test "--addresses tells the cluster which addresses the node announces" {
	told() { # ADDRESSES [LINKS]
		[ "$(jq -r 'select(.type == "APPLY" and .object.kind == "Node") | .object.metadata.annotations
			| "\(.["lbctl.dev/links"]) \(.["lbctl.dev/addresses"])"' "$T/node-a.out" | tail -n 1)" = "${2-eth0} $1" ]
	}
	announce_on node-a 8 --links --addresses
	wait_for 5 told ''
	announcement ADDED web node-a '"192.0.2.10","192.0.2.11"' >&8
	announcement ADDED db node-a '"192.0.2.12"' >&8
	wait_for 5 told 192.0.2.10,192.0.2.11,192.0.2.12
	announcement DELETED db node-a '"192.0.2.12"' >&8
	announcement MODIFIED web node-a '"192.0.2.10"' >&8
	wait_for 5 told 192.0.2.10
	# not what it only has to announce
	lan_run client ip addr add 192.0.2.13/32 dev eth0
	{
		listed
		service MODIFIED taken 192.0.2.13
		announcement ADDED taken node-a '"192.0.2.13"'
		announcement ADDED nowhere node-a '"192.0.2.14"' '"eth7"'
		announcement ADDED last node-a '"192.0.2.15"'
	} >&8
	wait_for 5 told 192.0.2.10,192.0.2.15
	wait_for 5 decided node-a AddressInUse
	lan_run node-a ip link set eth0 down
	wait_for 5 told '' ''
	lan_run node-a ip link set eth0 up
	wait_for 5 told 192.0.2.10,192.0.2.15
	run ! grep -E 'lbctl.dev/addresses"[^}]*192.0.2.1[34][,"]' "$T/node-a.out"
}
