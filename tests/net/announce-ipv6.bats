# SPDX-License-Identifier: Apache-2.0
# lbctl announce for IPv6 on a LAN: what other systems see, with tools that aren't ours.

bats_require_minimum_version 1.5.0
# shellcheck source=tests/lib/announce.bash
source tests/lib/announce.bash

V6=2001:db8::10

announced() { # HOST FD OPTION...: announces $V6
	announce_on "$@"
	announcement ADDED web "$1" "\"$V6\"" >&"$2"
	wait_for 5 decided "$1" Announcing
}

in_group() { # HOST GROUP [INTERFACE]
	lan_run "$1" ip -6 maddr show dev "${3:-eth0}" | grep -q "inet6 $2\\b"
}

@test "a client resolves an announced IPv6 address to the node's MAC, and no other address" {
	announced node-a 8
	wait_for 5 resolved $V6 $A
	solicited $V6 $A
	unsolicited 2001:db8::11
	jq -es 'any(.[].object; .reason == "nodeAssigned" and
		.message == "announcing from node \"node-a\" with protocol \"layer2\"")' "$T/node-a.out"
}

@test "both families of one Service are announced, and withdrawn together" {
	announce_on node-a 8 --grace 0s
	announcement ADDED web node-a "\"192.0.2.10\",\"$V6\"" >&8
	wait_for 5 decided node-a Announcing
	answered_by 192.0.2.10 $A
	solicited $V6 $A
	announcement DELETED web node-a "\"192.0.2.10\",\"$V6\"" >&8
	wait_for 5 decided node-a AnnouncementEnded
	unanswered 192.0.2.10
	unsolicited $V6
}

@test "the client's reachability probes, which are unicast, are answered" {
	announced node-a 8
	watch_arp "$T/seen" "icmp6 and ip6[40] == 135 and ether dst $A"
	lan_run client sh -c 'echo 200 >/proc/sys/net/ipv6/neigh/eth0/base_reachable_time_ms
		echo 1 >/proc/sys/net/ipv6/neigh/eth0/delay_first_probe_time'
	wait_for 5 resolved $V6 $A
	probed() {
		resolve $V6
		[ -s "$T/seen" ]
	}
	wait_for 20 probed
	reachable() {
		lan_run client ip neigh show $V6 | grep -q REACHABLE
	}
	wait_for 5 reachable
}

@test "a host that would take the address finds that it is taken" {
	announced node-a 8
	lan_run client sh -c 'echo 1 >/proc/sys/net/ipv6/conf/eth0/accept_dad'
	lan_run client ip addr add $V6/64 dev eth0
	failed() {
		lan_run client ip -6 addr show dev eth0 dadfailed | grep -q $V6
	}
	wait_for 5 failed
	lan_run client ip addr add 2001:db8::11/64 dev eth0
	usable() {
		lan_run client ip -6 addr show dev eth0 -tentative | grep -q 2001:db8::11
	}
	wait_for 5 usable
}

@test "five advertisements to all nodes, 1.1 seconds apart, and nothing in them is malformed" {
	spawn client tcpdump -U -i eth0 -w "$T/pcap" 'icmp6 or arp' 2>"$T/pcap.err"
	wait_for 5 grep -q 'listening on' "$T/pcap.err"
	watch_arp "$T/seen" 'icmp6 and ip6[40] == 136 and ether dst 33:33:00:00:00:01'
	announce_on node-a 8
	announcement ADDED web node-a "\"192.0.2.10\",\"$V6\"" >&8
	wait_for 8 lines "$T/seen" 5
	awk 'NR == 1 { start = $1 }
		{ late = $1 - start - (NR - 1) * 1.1 }
		late < -0.01 || late > 0.5 { print "frame " NR " is " late " s late"; bad = 1 }
		END { exit bad || NR != 5 }' "$T/seen"
	solicited $V6 $A
	answered_by 192.0.2.10 $A
	wait_for 5 resolved $V6 $A
	recorded() { # by a tcpdump that may write it a little later
		tshark -r "$T/pcap" -Y "eth.src == $A" >"$T/all" 2>/dev/null
		[ "$(grep -c 'Neighbor Advertisement 2001:db8::10 (ovr)' "$T/all")" -eq 5 ] &&
			grep -q 'Neighbor Advertisement 2001:db8::10 (sol, ovr)' "$T/all" &&
			[ "$(grep -c 'Gratuitous ARP for 192.0.2.10' "$T/all")" -eq 10 ]
	}
	wait_for 10 recorded || { cat "$T/all"; false; }
	run tshark -r "$T/pcap" -Y "eth.src == $A && (_ws.malformed || icmpv6.checksum.status == \"Bad\" ||
		_ws.expert.severity >= 6291456)"
	[ -z "$(grep -v '^Running as user' <<<"$output")" ]
}

@test "a second node takes over, and the client's table follows the advertisement" {
	announced node-a 8
	wait_for 5 resolved $V6 $A
	lan_stop "$LAN_PID" KILL || true
	unsolicited $V6
	announced node-b 9
	wait_for 5 neighbour $V6 $B
	solicited $V6 $B
}

@test "in its grace an address is answered until the successor's advertisement" {
	announced node-a 8 --grace 60s
	announcement DELETED web node-a "\"$V6\"" >&8
	wait_for 5 said node-a '"DELETED"'
	solicited $V6 $A
	announced node-b 9
	wait_for 5 said node-a "no longer announces $V6: $B has taken over"
	solicited $V6 $B
}

@test "the group is joined with the address, left with it, and joined again when the interface returns" {
	announced node-a 8 --grace 0s
	wait_for 5 in_group node-a ff02::1:ff00:10
	lan_run node-a ip link set eth0 down
	wait_for 5 decided node-a NoInterface
	lan_run node-a ip link set eth0 up
	wait_for 5 decided node-a Announcing 2
	wait_for 5 in_group node-a ff02::1:ff00:10
	solicited $V6 $A
	lan_run node-a ip link del eth0
	wait_for 5 decided node-a NoInterface 2
	lan_nic node-a eth0 $A
	wait_for 5 decided node-a Announcing 3
	wait_for 5 in_group node-a ff02::1:ff00:10
	wait_for 5 solicited $V6 $A
	announcement DELETED web node-a "\"$V6\"" >&8
	wait_for 5 decided node-a AnnouncementEnded
	not_in_group() { ! in_group "$@"; }
	wait_for 5 not_in_group node-a ff02::1:ff00:10
}

@test "IPv6 that is switched off and on again on an interface is joined again" {
	announced node-a 8
	lan_run node-a sh -c 'echo 1 >/proc/sys/net/ipv6/conf/eth0/disable_ipv6'
	lan_run node-a sh -c 'echo 0 >/proc/sys/net/ipv6/conf/eth0/disable_ipv6'
	wait_for 5 in_group node-a ff02::1:ff00:10
	wait_for 5 solicited $V6 $A
}

@test "an MTU too small for IPv6 and back: the group is joined again, and the address announced again" {
	local stage
	announced node-a 8 --grace 0s
	stage=$LAN_PID
	wait_for 5 in_group node-a ff02::1:ff00:10
	lan_run node-a ip link set eth0 mtu 1000
	wait_for 5 said node-a '"code":"NoIPv6"'
	announcement ADDED late node-a '"2001:db8::11"' >&8
	watch_arp "$T/seen" 'icmp6 and ip6[40] == 136 and ether dst 33:33:00:00:00:01'
	lan_run node-a ip link set eth0 mtu 1500
	wait_for 5 in_group node-a ff02::1:ff00:10
	wait_for 5 in_group node-a ff02::1:ff00:11
	wait_for 5 solicited $V6 $A
	wait_for 5 solicited 2001:db8::11 $A
	wait_for 5 grep -q "tgt is $V6" "$T/seen"
	# so fast that it hears of both at once
	kill -STOP "$stage"
	lan_run node-a sh -c 'ip link set eth0 mtu 1000 && ip link set eth0 mtu 1500'
	kill -CONT "$stage"
	wait_for 5 in_group node-a ff02::1:ff00:10
	wait_for 5 solicited $V6 $A
}

@test "a switch that snoops MLD forwards solicitations, though no address is on the interface" {
	lan_run switch ip link set lan type bridge mcast_snooping 1 mcast_querier 1 mcast_query_interval 100 mcast_startup_query_interval 100
	lan_run node-a ip -6 addr flush dev eth0
	announced node-a 8
	member() {
		lan_run switch bridge mdb show dev lan | grep -q ff02::1:ff00:10
	}
	wait_for 10 member
	wait_for 5 solicited $V6 $A
}

@test "while an address is probed, a host behind such a switch that would take it is heard" {
	lan_run switch ip link set lan type bridge mcast_snooping 1 mcast_querier 1 mcast_query_interval 100 mcast_startup_query_interval 100
	announce_on node-a 8 --probe 60s
	{
		listed
		service MODIFIED web "$V6"
		announcement ADDED web node-a "\"$V6\""
	} >&8
	member() {
		lan_run switch bridge mdb show dev lan | grep -q ff02::1:ff00:10
	}
	wait_for 10 member
	lan_run client sh -c "echo 1 >/proc/sys/net/ipv6/conf/eth0/accept_dad; ip addr add $V6/128 dev eth0"
	wait_for 5 decided node-a AddressInUse
}

@test "wrong solicitations are not answered, and do no harm" {
	announced node-a 8
	watch_arp "$T/seen" "icmp6 and ip6[40] == 136 and ether dst 02:00:00:00:00:64"
	lan_run client python3 - <<-'PY'
		import ipaddress, socket, struct
		s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
		s.bind(("eth0", 0))
		ip = lambda t: ipaddress.ip_address(t).packed
		mac = bytes.fromhex("020000000064")
		node = bytes.fromhex("020000000001")
		group = bytes.fromhex("3333ff000010")
		def ns(to=group, src="2001:db8::64", dst="ff02::1:ff00:10", target="2001:db8::10", hops=255,
		       code=0, options=b"\1\1" + mac, bad_sum=0, source=mac, length=None, typ=135):
		    m = struct.pack(">BBHI", typ, code, 0, 0) + ip(target) + options
		    p = ip(src) + ip(dst) + struct.pack(">II", len(m), 58) + m + b"\0" * (len(m) % 2)
		    t = sum(struct.unpack(">%dH" % (len(p) // 2), p))
		    while t >> 16:
		        t = (t & 0xffff) + (t >> 16)
		    m = m[:2] + struct.pack(">H", (~t & 0xffff) ^ bad_sum) + m[4:]
		    return (to + source + b"\x86\xdd" + struct.pack(">IHBB", 6 << 28, len(m) if length is None else length,
		            58, hops) + ip(src) + ip(dst) + m)
		good = ns()
		for n in range(14, len(good)):
		    s.send(good[:n])
		for bad in [ns(hops=254), ns(hops=0), ns(code=1), ns(bad_sum=1), ns(options=b"\1\0" * 4),
		            ns(options=b"\1\0"), ns(options=b"\1\2" + mac), ns(options=b"\xff\xff" + mac),
		            ns(src="ff02::1"), ns(target="ff02::10"), ns(src="::", options=b"\1\1" + mac),
		            ns(src="::", dst="2001:db8::10", to=node, options=b""), ns(source=node),
		            ns(options=b"\1\1" + node), ns(options=b"\1\1" + group), ns(length=8), ns(length=65535),
		            ns(to=bytes.fromhex("020000000099")), ns(typ=133), ns(typ=137)]:
		    s.send(bad)
		s.send(good + bytes(900))                       # long, but right: answered
		s.send(ns(options=b"\x0e\1nonce!\1\1" + mac))   # a nonce before the MAC: answered
	PY
	wait_for 5 lines "$T/seen" 2
	solicited $V6 $A
	wait_for 5 lines "$T/seen" 3
	cat "$T/seen"
	[ "$(grep -c "tgt is $V6" "$T/seen")" -eq 3 ]
	[ ! -s "$T/node-a.err" ]
}

@test "--bind takes an IPv6 address in, and takes it back" {
	announced node-a 8 --bind --grace 0s
	spawn node-a python3 -m http.server --bind :: 8080 >/dev/null 2>&1
	wait_for 10 lan_run client curl -s -g -o /dev/null -m 1 "http://[$V6]:8080/"
	lan_run client ping -c 1 -w 2 $V6
	announcement DELETED web node-a "\"$V6\"" >&8
	gone() {
		! lan_run node-a ip -6 addr show dev eth0 | grep -q "$V6/"
	}
	wait_for 5 gone
	unsolicited $V6
}
