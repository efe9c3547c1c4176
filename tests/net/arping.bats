# SPDX-License-Identifier: Apache-2.0
# lbctl arping on a LAN: the kernels of other hosts answer, tcpdump watches.

bats_require_minimum_version 1.5.0
# shellcheck source=tests/lib/arping.bash
source tests/lib/arping.bash

@test "one host answers, with its MAC and the time it took" {
	run -0 arping -c 2 -i 100ms 192.0.2.1
	[ "${lines[0]}" = "ARPING 192.0.2.1 from 192.0.2.100 eth0" ]
	[[ ${lines[1]} =~ ^Unicast\ reply\ from\ 192\.0\.2\.1\ \[02:00:00:00:00:01\]\ [0-9]+\.[0-9]{3}ms$ ]]
	[[ ${lines[2]} =~ ^Unicast\ reply ]]
	[ "${lines[3]}" = "Sent 2 probes, received 2 replies" ]
	[ "${#lines[@]}" -eq 4 ]
}

@test "two hosts with the same address are both shown, and exit 4 says so" {
	ip -n "$(lan_ns node-b)" addr add 192.0.2.10/32 dev eth0
	ip -n "$(lan_ns node-c)" addr add 192.0.2.10/32 dev eth0
	run -4 arping -c 1 192.0.2.10
	[[ $output == *"[02:00:00:00:00:02]"* && $output == *"[02:00:00:00:00:03]"* ]]
	[[ $output == *"192.0.2.10 has 2 owners: 02:00:00:00:00:0"* ]]
	[ "${lines[-1]}" = "Sent 1 probe, received 2 replies" ]
	run -4 arping -q -c 1 192.0.2.10
	[ -z "$output" ]
}

@test "nobody: exit 3, and the message names the address and the interface" {
	run -3 --separate-stderr arping -c 2 -i 50ms 192.0.2.50
	[ "${lines[-1]}" = "Sent 2 probes, received 0 replies" ]
	[ "$stderr" = "lbctl arping: nobody answered for 192.0.2.50 on eth0" ]
	run -3 arping -c 1 -i 50ms 192.0.2.1 192.0.2.50
	run -0 arping -c 1 -i 50ms 192.0.2.1 192.0.2.2
}

@test "-1 ends at the first answer, -w at its time, and a signal with the answers so far" {
	run -0 arping -1 -c 0 192.0.2.1
	[ "${lines[-1]}" = "Sent 1 probe, received 1 reply" ]
	run -3 arping -c 0 -i 50ms -w 200ms 192.0.2.50
	[[ ${lines[1]} =~ ^Sent\ [2-5]\ probes,\ received\ 0\ replies$ ]]
	lan_spawn client "$BUILD/lbctl" arping -c 0 -i 50ms 192.0.2.1 >"$T/out" 3>&-
	wait_for 5 grep -q reply "$T/out"
	lan_stop "$LAN_PID" INT
	tail -n 1 "$T/out" | grep -qE '^Sent [0-9]+ probes?, received [0-9]+ repl'
}

@test "--duplicate: free is 0, taken is 4, from 0.0.0.0 either way" {
	capture node-b arp
	run -0 arping -D -i 50ms 192.0.2.50
	[ "${lines[1]}" = "192.0.2.50 is free: nobody answered 3 probes" ]
	wait_for 5 frames 'ethertype ARP .* Request who-has 192.0.2.50 tell 0.0.0.0' 3
	run -4 arping -D -i 50ms 192.0.2.2
	[[ $output == *"192.0.2.2 is taken by 02:00:00:00:00:02"* ]]
	# nobody learned anything from it
	[ -z "$(lan_run node-b ip neigh show 192.0.2.100)" ]
}

@test "--duplicate takes as long as RFC 5227 says, unless told otherwise" {
	local start end
	start=$(date +%s%N)
	run -0 arping -D 192.0.2.50
	end=$(date +%s%N)
	[ $(((end - start) / 1000000)) -ge 3900 ]
}

@test "--duplicate also minds those who don't answer but use the address, or probe for it" {
	lan_run node-b sysctl -qw net.ipv4.conf.all.arp_ignore=8
	ip -n "$(lan_ns node-b)" addr add 192.0.2.60/32 dev eth0
	lan_spawn client "$BUILD/lbctl" arping -D -i 1s 192.0.2.60 >"$T/out" 3>&-
	wait_for 5 grep -q ARPING "$T/out"
	wait_for 5 lan_run node-b arping -q -U -c 1 -w 1 -I eth0 192.0.2.60
	ends_in 4
	grep -q '^Claim of 192.0.2.60 by \[02:00:00:00:00:02\]$' "$T/out"
	grep -q '^192.0.2.60 is taken by 02:00:00:00:00:02$' "$T/out"

	lan_spawn client "$BUILD/lbctl" arping -D -i 1s 192.0.2.61 >"$T/out" 3>&-
	wait_for 5 grep -q ARPING "$T/out"
	lan_run node-b "$BUILD/lbctl" arping -D -i 50ms 192.0.2.61 >"$T/other" || true
	ends_in 4
	grep -q '^192.0.2.61 is taken by 02:00:00:00:00:02$' "$T/out"
}

@test "what was cut short is not told free, silent or nobody's, and is no success" {
	ip -n "$(lan_ns node-b)" addr add 192.0.2.50/32 dev eth0
	run -3 arping -D --rate 1 -w 300ms 192.0.2.5 192.0.2.50
	[ "${lines[2]}" = "192.0.2.5 may be free: the 1 probe so far got no answer" ]
	[ "${lines[3]}" = "192.0.2.50 may be free: the 0 probes so far got no answer" ]
	[ "${lines[-1]}" = "lbctl arping: it ended before the last probe was waited for" ]
	run -3 arping -D --rate 1 -w 300ms 192.0.2.60-192.0.2.63
	[ "${lines[0]}" = "0 of 4 addresses taken, 1 silent so far, 3 not asked" ]
	run -3 arping -o json --rate 1 -w 300ms 192.0.2.60-192.0.2.63
	jq -e '.silent == 1 and .unasked == 3' <<<"${lines[0]}"
	run -3 arping --rate 1 -w 300ms 192.0.2.1 192.0.2.2
	[ "${lines[-1]}" = "lbctl arping: nobody was asked for 192.0.2.2 on eth0" ]
	nodes "$T/cluster"
	run -0 arping -1 --who --from "$T/cluster" --rate 1 192.0.2.1 192.0.2.2
	[ "$output" = "192.0.2.1 node-a 02:00:00:00:00:01
192.0.2.2 unasked -" ]
	lan_spawn client "$BUILD/lbctl" arping -D 192.0.2.61 >"$T/out" 3>&-
	wait_for 5 grep -q ARPING "$T/out"
	kill -INT "$LAN_PID"
	ends_in 3
}

@test "--gratuitous changes what the neighbours know, in both forms" {
	# node-b knows the address at node-a
	ip -n "$(lan_ns node-a)" addr add 192.0.2.10/32 dev eth0
	lan_run node-b bash -c 'echo >/dev/udp/192.0.2.10/9'
	knows_node_a() {
		lan_run node-b ip neigh show 192.0.2.10 | grep -q 02:00:00:00:00:01
	}
	wait_for 5 knows_node_a
	ip -n "$(lan_ns node-a)" addr del 192.0.2.10/32 dev eth0
	capture node-b arp and src host 192.0.2.10
	# the kernel heeds no change within a second of the last
	knows_client() {
		run -0 arping -U -c 1 192.0.2.10
		[ "$output" = "ARPING 192.0.2.10 at 02:00:00:00:00:64 eth0
Sent 1 announcement, a request and a reply each" ]
		lan_run node-b ip neigh show 192.0.2.10 | grep -q 02:00:00:00:00:64
	}
	wait_for 5 knows_client
	wait_for 5 grep -q '02:00:00:00:00:64 > ff:ff:ff:ff:ff:ff, ethertype ARP (0x0806), length 42: Request who-has 192.0.2.10 (ff:ff:ff:ff:ff:ff) tell 192.0.2.10, length 28' "$T/frames"
	wait_for 5 grep -q '02:00:00:00:00:64 > ff:ff:ff:ff:ff:ff, ethertype ARP (0x0806), length 42: Reply 192.0.2.10 is-at 02:00:00:00:00:64, length 28' "$T/frames"
}

@test "probes on the wire are well-formed, paced and as many as told" {
	capture node-b -tt arp and src host 192.0.2.100
	run -0 arping -c 3 -i 100ms 192.0.2.1
	wait_for 5 frames '^[0-9.]+ 02:00:00:00:00:64 > ff:ff:ff:ff:ff:ff, ethertype ARP \(0x0806\), length 42: Request who-has 192.0.2.1 tell 192.0.2.100, length 28$' 3
	awk '{ if (NR > 1 && ($1 - last < 0.095 || $1 - last > 0.5)) exit 1; last = $1 }' "$T/frames"
}

@test "a sweep of a /28 finds exactly the hosts" {
	run -0 arping 192.0.2.0/28
	[ "${#lines[@]}" -eq 5 ]
	[[ ${lines[0]} =~ ^ADDRESS\ +MAC\ +NODE\ +RTT$ ]]
	for n in 1 2 3; do
		[[ ${lines[n]} =~ ^192\.0\.2\.$n\ +02:00:00:00:00:0$n\ +-\ +[0-9.]+ms$ ]]
	done
	[ "${lines[4]}" = "3 of 16 addresses answered, 13 silent" ]
	run -3 arping -i 50ms 192.0.2.32/28
	[ "${lines[0]}" = "0 of 16 addresses answered, 16 silent" ]
}

@test "a sweep shows this host, and the two owners of one address" {
	ip -n "$(lan_ns node-c)" addr add 192.0.2.101/32 dev eth0
	ip -n "$(lan_ns node-b)" addr add 192.0.2.101/32 dev eth0
	run -4 arping -i 100ms 192.0.2.98-192.0.2.102
	[[ ${lines[1]} =~ ^192\.0\.2\.100\ +02:00:00:00:00:64\ +-\ +-\ +this\ host$ ]]
	[[ ${lines[2]} =~ ^192\.0\.2\.101\ .*CONFLICT$ && ${lines[3]} =~ ^192\.0\.2\.101\ .*CONFLICT$ ]]
	[ "${lines[-1]}" = "2 of 5 addresses answered, 3 silent" ]
}

# Whoever asks for an address from that address would tell all that it is here, and hear no answer.
@test "an own address is asked for from another one, or from nobody, and changes nobody's table" {
	local host
	for host in node-a node-b; do
		ip -n "$(lan_ns $host)" addr add 192.0.2.65/32 dev eth0
	done
	lan_run client ip neigh replace 192.0.2.65 lladdr 02:00:00:00:00:02 dev eth0 nud reachable
	run -4 lan_run node-a lbctl arping -c 1 192.0.2.65
	[ "${lines[0]}" = "ARPING 192.0.2.65 from 192.0.2.1 eth0" ]
	[ "${lines[-2]}" = "192.0.2.65 has 2 owners: 02:00:00:00:00:01, 02:00:00:00:00:02" ]
	run -4 lan_run node-a lbctl arping -c 1 -s 192.0.2.65 192.0.2.65
	[ "${lines[0]}" = "ARPING 192.0.2.65 from 0.0.0.0 eth0" ]
	run -4 lan_run node-a lbctl arping -i 50ms 192.0.2.65-192.0.2.66
	lan_run client ip neigh show 192.0.2.65 | grep -q 02:00:00:00:00:02

	for host in node-a node-b; do
		ip -n "$(lan_ns $host)" addr add 2001:db8::65/128 dev eth0 nodad
	done
	run -4 lan_run node-a lbctl arping -c 1 2001:db8::65
	[ "${lines[-2]}" = "2001:db8::65 has 2 owners: 02:00:00:00:00:01, 02:00:00:00:00:02" ]
	run -4 lan_run node-a lbctl arping -c 1 -s 2001:db8::65 2001:db8::65
	[ "${lines[0]}" = "ARPING 2001:db8::65 from :: eth0" ]
}

# As kube-proxy's kube-ipvs0 does, on every node.
@test "what this host has where ARP is off, on two interfaces, or on another link alone, is no second owner" {
	local ns
	ns=$(lan_ns client)
	ip -n "$ns" link add ipvs0 type veth peer name ipvs1
	ip -n "$ns" link set ipvs0 arp off up
	ip -n "$ns" addr add 192.0.2.1/32 dev ipvs0
	run -0 arping -c 1 192.0.2.1
	[[ ${lines[-1]} == "Sent 1 probe, received 1 reply" ]]
	lan_switch other
	lan_nic client eth1 02:00:00:00:01:64 other
	ip -n "$ns" addr add 192.0.2.70/32 dev eth0
	ip -n "$ns" addr add 192.0.2.70/32 dev eth1
	run -0 arping -I eth0 -i 50ms 192.0.2.70/31
	[[ ${lines[1]} =~ ^192\.0\.2\.70\ +02:00:00:00:00:64\ .*this\ host$ ]]
	ip -n "$ns" addr add fe80::1/64 dev eth1 nodad
	ip -n "$(lan_ns node-a)" addr add fe80::1/64 dev eth0 nodad
	run -0 arping -c 1 -I eth0 fe80::1
	[[ ${lines[1]} == "Unicast reply from fe80::1 [02:00:00:00:00:01]"* ]]
	run -0 arping -c 1 -I eth1 fe80::1
	[[ ${lines[1]} == "fe80::1 is this host's own address, on eth1"* ]]
}

@test "a sweep keeps to its rate" {
	local start end
	start=$(date +%s%N)
	run -0 arping -c 1 --rate 100 -i 50ms 192.0.2.0/26
	end=$(date +%s%N)
	[ $(((end - start) / 1000000)) -ge 630 ]
}

@test "JSON is one object a line, the summary last" {
	nodes "$T/cluster"
	run -0 --separate-stderr arping -o json --from "$T/cluster" 192.0.2.0/28 192.0.2.100
	jq -es 'length == 5 and .[-1] == {type: "summary", addresses: 17, answered: 4, silent: 13, unasked: 0, conflicts: 0,
			probes: (.[-1].probes), replies: 3}
		and ([.[:3][] | {address, mac, node, interface, probe}] == [range(1; 4) |
			{address: "192.0.2.\(.)", mac: "02:00:00:00:00:0\(.)", node: "node-\("abc"[. - 1:.])",
			interface: "eth0", probe: 1}])
		and all(.[:3][]; .type == "reply" and (.rtt_us | type) == "number")
		and .[3] == {type: "own", address: "192.0.2.100", mac: "02:00:00:00:00:64", node: null, interface: "eth0"}' \
		<<<"$output"
	run -0 --separate-stderr arping -o json -c 2 -i 50ms 192.0.2.1
	jq -es '[.[].type] == ["reply", "reply", "summary"] and [.[:2][].probe] == [1, 2]' <<<"$output"
}

@test "the interface is where the route leads, and -I overrules it" {
	lan_switch other
	lan_nic client eth1 02:00:00:00:01:64 other
	lan_nic node-a eth1 02:00:00:00:01:01 other
	ip -n "$(lan_ns client)" addr add 198.51.100.100/24 dev eth1
	ip -n "$(lan_ns node-a)" addr add 198.51.100.1/24 dev eth1
	run -0 arping -c 1 198.51.100.1
	[ "${lines[0]}" = "ARPING 198.51.100.1 from 198.51.100.100 eth1" ]
	[[ ${lines[1]} == *"[02:00:00:00:01:01]"* ]]
	run -0 arping -c 1 192.0.2.1
	[ "${lines[0]}" = "ARPING 192.0.2.1 from 192.0.2.100 eth0" ]
	run -3 arping -c 1 -i 50ms -I eth1 192.0.2.2
	[ "${lines[0]}" = "ARPING 192.0.2.2 from 198.51.100.100 eth1" ]
	# both at once, each on its own
	run -0 arping -c 1 192.0.2.2 198.51.100.1
	[[ $output == *"[02:00:00:00:00:02]"* && $output == *"[02:00:00:00:01:01]"* ]]
	# no route: which of the two can't be known
	run -2 arping -c 1 203.0.113.1
	[ "$output" = "lbctl arping: no route tells on which interface 203.0.113.1 is; say -I with one of eth0, eth1" ]
	ip -n "$(lan_ns client)" link set eth1 down
	run -3 arping -c 1 -i 50ms 203.0.113.1
	[ "${lines[0]}" = "ARPING 203.0.113.1 from 192.0.2.100 eth0" ]
	run -2 arping -I eth1 203.0.113.1
	[ "$output" = "lbctl arping: can't ask on eth1: it is down" ]
}

@test "a port of a bridge is not asked on, its bridge is" {
	local ns
	ns=$(lan_ns client)
	ip -n "$ns" link add br0 type bridge stp_state 0 forward_delay 0
	ip -n "$ns" link set br0 address 02:00:00:00:00:64 up
	ip -n "$ns" addr flush dev eth0
	ip -n "$ns" link set eth0 master br0
	ip -n "$ns" addr add 192.0.2.100/24 dev br0
	wait_for 5 arping -q -1 -c 1 -i 100ms 192.0.2.1
	run -2 arping -I eth0 192.0.2.1
	[ "$output" = "lbctl arping: can't ask on eth0: it is a port of br0; say -I br0" ]
}

@test "an interface that goes away meanwhile ends it with an error" {
	lan_spawn client "$BUILD/lbctl" arping -c 0 -i 50ms 192.0.2.1 >"$T/out" 2>"$T/err" 3>&-
	wait_for 5 grep -q reply "$T/out"
	ip -n "$(lan_ns client)" link del eth0
	ends_in 1
	grep -qE '^lbctl arping: (eth0: receiving ARP: Network is down|sending ARP on )' "$T/err"
}

@test "a reader that goes away ends it" {
	local status
	arping -c 0 -i 20ms 192.0.2.1 2>"$T/err" | head -n 2 >"$T/out"
	status=${PIPESTATUS[0]}
	[ "$status" -eq 141 ]
	[ "$(wc -l <"$T/out")" -eq 2 ]
}

@test "--who is one line an address: the node and its MAC" {
	nodes "$T/cluster"
	ip -n "$(lan_ns node-b)" addr add 192.0.2.10/32 dev eth0
	run -0 arping --who --from "$T/cluster" 192.0.2.10
	[ "$output" = "192.0.2.10 node-b 02:00:00:00:00:02" ]
	run -3 --separate-stderr arping --who --from "$T/cluster" -i 50ms 192.0.2.10 192.0.2.50 192.0.2.3
	[ "$output" = "192.0.2.3 node-c 02:00:00:00:00:03
192.0.2.10 node-b 02:00:00:00:00:02
192.0.2.50 nobody -" ]
	ip -n "$(lan_ns node-c)" addr add 192.0.2.10/32 dev eth0
	run -4 arping --who --from "$T/cluster" 192.0.2.10
	[ "$(sort <<<"$output")" = "192.0.2.10 node-b 02:00:00:00:00:02 CONFLICT
192.0.2.10 node-c 02:00:00:00:00:03 CONFLICT" ]
	# a name that can't be told, and no cluster to tell any
	rm "$T/cluster/node-b.yaml" && ip -n "$(lan_ns node-c)" addr del 192.0.2.10/32 dev eth0
	run -0 arping --who --from "$T/cluster" 192.0.2.10
	[ "$output" = "192.0.2.10 unknown 02:00:00:00:00:02" ]
	run arping --who 192.0.2.10
	[ "$status" -ne 0 ]
	[ "${#lines[@]}" -eq 1 ]
	run -0 --separate-stderr arping --who -o json --from "$T/cluster" 192.0.2.3
	jq -es '[.[] | {type, node}] == [{type: "reply", node: "node-c"}, {type: "summary", node: null}]' <<<"$output"
}

@test "as fast as it goes, answers are heard and signals obeyed" {
	lan_spawn client "$BUILD/lbctl" arping -c 0 -i 0s --rate 1000000 192.0.2.1 >"$T/out" 3>&-
	wait_for 10 grep -q reply "$T/out"
	lan_stop "$LAN_PID" INT
	tail -n 1 "$T/out" | grep -qE '^Sent [0-9]+ probes, received [0-9]+ replies$'
}

@test "--pcap writes what Wireshark opens: questions and answers of both families, nothing else" {
	lan_run node-b "$BUILD/lbctl" arping -U -c 3 -i 300ms 192.0.2.200 >"$T/noise" &
	run -0 arping --pcap "$T/probes.pcap" -c 2 -i 50ms 192.0.2.1 2001:db8::2
	wait
	capinfos -c -T -r "$T/probes.pcap" >"$T/info"
	[ "$(cut -f 2 "$T/info")" -eq 8 ]
	tshark -r "$T/probes.pcap" >"$T/tshark" 2>&1
	[ "$(grep -c 'ARP .*Who has 192.0.2.1? Tell 192.0.2.100' "$T/tshark")" -eq 2 ]
	[ "$(grep -c 'ARP .*192.0.2.1 is at 02:00:00:00:00:01' "$T/tshark")" -eq 2 ]
	[ "$(grep -c 'Neighbor Solicitation for 2001:db8::2 from 02:00:00:00:00:64' "$T/tshark")" -eq 2 ]
	[ "$(grep -c 'Neighbor Advertisement 2001:db8::2 (sol, ovr) is at 02:00:00:00:00:02' "$T/tshark")" -eq 2 ]
	run -0 tshark -r "$T/probes.pcap" -Y '_ws.malformed or icmpv6.checksum.status == "Bad"'
	run ! grep -v '^Running as user' <<<"$output"
	[ "$(tcpdump -nn -r "$T/probes.pcap" 2>/dev/null | wc -l)" -eq 8 ]
	# the times are today's, and in order
	tshark -r "$T/probes.pcap" -T fields -e frame.time_epoch 2>/dev/null | sort -c -n
	[ "$(($(date +%s) - $(tshark -r "$T/probes.pcap" -T fields -e frame.time_epoch 2>/dev/null | head -n 1 | cut -d . -f 1)))" -lt 60 ]
	run -1 arping --pcap /nowhere/file 192.0.2.1
	[ "$output" = "lbctl arping: opening /nowhere/file for the capture: No such file or directory" ]
}

@test "--pcap on two links leaves out all others, the port of a bridge too" {
	lan_switch other
	lan_nic client eth1 02:00:00:00:01:64 other
	lan_nic node-a eth1 02:00:00:00:01:01 other
	ip -n "$(lan_ns node-a)" addr add 198.51.100.1/24 dev eth1
	ip -n "$(lan_ns client)" link add br0 type bridge stp_state 0 forward_delay 0 mcast_snooping 0
	ip -n "$(lan_ns client)" link set eth1 master br0
	ip -n "$(lan_ns client)" link set br0 up
	ip -n "$(lan_ns client)" addr add 198.51.100.100/24 dev br0
	run -0 arping --pcap "$T/frames.pcap" -c 1 192.0.2.1 198.51.100.1
	tcpdump -nn -r "$T/frames.pcap" >"$T/read" 2>"$T/err"
	[ "$(grep -c 'Request who-has 198.51.100.1 ' "$T/read")" -eq 1 ]
	[ "$(grep -c 'Reply 198.51.100.1 ' "$T/read")" -eq 1 ]
	[ "$(grep -c 'Request who-has 192.0.2.1 ' "$T/read")" -eq 1 ]
	[ "$(wc -l <"$T/read")" -eq 4 ]
}

@test "--pcap to standard output, with -q" {
	arping -q --pcap /dev/stdout -c 1 192.0.2.1 | tcpdump -nn -r - >"$T/read" 2>"$T/err"
	[ "${PIPESTATUS[*]}" = "0 0" ]
	[ "$(grep -c 'ARP.*192.0.2.1' "$T/read")" -eq 2 ]
}

@test "--pcap to a FIFO: a signal ends the wait for a reader; one that leaves or stalls ends it" {
	mkfifo "$T/fifo"
	# a shell without job control starts what is in the background with INT ignored
	run -130 lan_run client env --default-signal=INT timeout -s INT --preserve-status -k 10 1 \
		"$BUILD/lbctl" arping --pcap "$T/fifo" 192.0.2.1
	run -143 lan_run client timeout --preserve-status -k 10 1 "$BUILD/lbctl" arping --pcap "$T/fifo" 192.0.2.1
	[ -z "$output" ]

	lan_spawn client timeout 60 "$BUILD/lbctl" arping --pcap "$T/fifo" -c 0 -i 20ms 192.0.2.1 >"$T/out" 2>"$T/err" 3>&-
	tcpdump -nn -c 4 -r "$T/fifo" >"$T/read" 2>&1
	[ "$(grep -c 'ARP.*192.0.2.1' "$T/read")" -eq 4 ]
	ends_in 141
	[ "$(cat "$T/err")" = "lbctl arping: writing $T/fifo: its reader has gone" ]

	exec 8<>"$T/fifo" # has a reader that never reads, and no room
	python3 -c 'import fcntl, os; os.write(8, bytes(fcntl.fcntl(8, 1031, 1 << 20)))' # F_SETPIPE_SZ
	run -1 --separate-stderr lan_run client timeout 60 "$BUILD/lbctl" arping --pcap "$T/fifo" -c 0 -i 20ms 192.0.2.1
	exec 8>&-
	[ "$stderr" = "lbctl arping: writing $T/fifo: its reader doesn't keep up" ]
}

@test "the manual's examples do what they say" {
	local page=$PWD/man/lbctl-arping.1 line
	pool "$T/manifests"
	sed -i 's,192.0.2.64/28,192.0.2.0/28,' "$T/manifests/pool.yaml"
	sed -i 's/192.0.2.65/192.0.2.10/' "$T/manifests/web65.yaml"
	ip -n "$(lan_ns node-b)" addr add 192.0.2.10/32 dev eth0
	ip -n "$(lan_ns node-b)" addr add 2001:db8::10/128 dev eth0 nodad
	cd "$T"
	sed -n '/^\.Sh EXAMPLES/,/^\.Sh SEE/{/^lbctl arping/p}' "$page" >"$T/examples"
	[ "$(wc -l <"$T/examples")" -ge 8 ]
	while read -r line; do
		echo "$line"
		run lan_run client timeout -s INT 4 env PATH="$BUILD:$PATH" bash -c "exec 3>&-; $line" </dev/null
		echo "$output"
		case $line in
		*' -D '* | *--pool*) [ "$status" -eq 4 ] ;; # nodes have addresses of this pool
		*--watch*) [ "$status" -eq 124 ] || [ "$status" -eq 0 ] ;;
		*) [ "$status" -eq 0 ] ;;
		esac
		[[ $line == *-q1* || $output == *192.0.2.10* || $output == *2001:db8::10* ]]
	done <"$T/examples"
}
