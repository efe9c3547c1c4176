# SPDX-License-Identifier: Apache-2.0
# lbctl announce and other hosts that have an address: Linux hosts of the LAN, other nodes.

bats_require_minimum_version 1.5.0
# shellcheck source=tests/lib/announce.bash
source tests/lib/announce.bash

CLIENT=02:00:00:00:00:64

node() { # NAME ADDRESS
	printf '{"type":"ADDED","object":{"kind":"Node","apiVersion":"v1","metadata":{"name":"%s"},"status":{"addresses":[{"type":"InternalIP","address":"%s"},{"type":"Hostname","address":"%s"}]}}}\n' "$1" "$2" "$1"
}

# node_tells LIST: of node-a, the addresses in use that its annotation has, or null
node_tells() {
	[ "$(jq -c 'select(.type == "APPLY" and .object.kind == "Node") |
		.object.metadata.annotations["lbctl.dev/addresses-in-use"] | (. // empty | split(",") | sort) // null' \
		"$T/node-a.out" | tail -n 1)" = "$1" ]
}

# claim HOST ADDRESS: gratuitous ARP of Linux's own arping
claim() {
	lan_run "$1" ip addr add "$2/32" dev eth0
	lan_run "$1" arping -q -A -c 1 -I eth0 "$2"
	lan_run "$1" ip addr del "$2/32" dev eth0
}

@test "a new address that a Linux host has is not used, and the Decision says who has it" {
	lan_run client ip addr add 192.0.2.10/32 dev eth0
	lan_run client ip addr add 2001:db8::10/128 dev eth0 nodad
	announce_on node-a 8
	{
		listed
		service MODIFIED web 192.0.2.10
		service MODIFIED web6 2001:db8::10
		service MODIFIED free 192.0.2.12
		announcement ADDED web node-a '"192.0.2.10"'
		announcement ADDED web6 node-a '"2001:db8::10"'
		announcement ADDED free node-a '"192.0.2.12"'
	} >&8
	wait_for 5 decided node-a AddressInUse 2
	wait_for 5 decided node-a Announcing
	jq -es --arg mac $CLIENT 'map(.object | select(.spec.code == "AddressInUse")) | length == 2 and
		(map(.spec.addresses[0]) | sort == ["192.0.2.10", "2001:db8::10"]) and
		all(.[]; .spec.verdict == "refused" and .spec.component == "announce" and
			(.spec.message | contains("is in use by \($mac) on eth0")))' "$T/node-a.out"
	run ! lan_run node-b arping -q -f -c 1 -w 1 -I eth0 192.0.2.11
	lan_run node-b arping -f -w 1 -I eth0 192.0.2.10 | grep -qi "\[$CLIENT\]"
	run ! grep -q "\[$A\]" <(lan_run node-b arping -c 3 -w 1 -I eth0 192.0.2.10)
	answered_by 192.0.2.12 $A
	# its Node tells it, until it is free
	wait_for 5 node_tells "[\"192.0.2.10=$CLIENT\",\"2001:db8::10=$CLIENT\"]"
	lan_run client ip addr del 192.0.2.10/32 dev eth0
	announcement DELETED web node-a '"192.0.2.10"' >&8
	announcement ADDED web node-a '"192.0.2.10"' >&8
	wait_for 5 answered_by 192.0.2.10 $A
	wait_for 5 node_tells "[\"2001:db8::10=$CLIENT\"]"
	lan_run client ip addr del 2001:db8::10/128 dev eth0
	announcement DELETED web6 node-a '"2001:db8::10"' >&8
	announcement ADDED web6 node-a '"2001:db8::10"' >&8
	wait_for 5 node_tells null
	run ! said node-a 'no longer announces' # for it never did
}

@test "a new address that is free is probed thrice, then announced" {
	watch_arp "$T/seen" 'arp and ether src 02:00:00:00:00:01 and arp[24:4] == 0xc000020a'
	announce_on node-a 8 --probe 300ms
	{
		listed
		service MODIFIED web 192.0.2.10
		announcement ADDED web node-a '"192.0.2.10"'
	} >&8
	wait_for 5 decided node-a Announcing
	wait_for 5 lines "$T/seen" 4
	cat "$T/seen"
	head -n 3 "$T/seen" | grep -c 'who-has 192.0.2.10 tell 0.0.0.0' | grep -qx 3
	sed -n 4p "$T/seen" | grep -q 'tell 192.0.2.10'
}

@test "of hundreds of addresses that are new at once, each that a host has is found" {
	local i
	for i in $(seq 1 20 481); do
		printf 'addr add 2001:db8::1:%x/128 dev eth0 nodad\n' "$i"
	done >"$T/held"
	lan_run client ip -batch "$T/held"
	announce_on node-a 8
	{
		listed
		for i in $(seq 1 500); do
			service MODIFIED "s$i" "2001:db8::1:$(printf %x "$i")"
			announcement ADDED "s$i" node-a "\"2001:db8::1:$(printf %x "$i")\""
		done
	} >"$T/records"
	cat "$T/records" >&8
	wait_for 20 decided node-a Announcing 475
	wait_for 5 decided node-a AddressInUse 25
	[ "$(grep -c '"code":"Announcing"' "$T/node-a.out")" -eq 475 ]
}

@test "what is withdrawn and comes back within its probe is not used before that is over, nor probed again" {
	watch_arp "$T/seen" 'arp and ether src 02:00:00:00:00:01 and arp[24:4] == 0xc000020a'
	announce_on node-a 8 --probe 3s --grace 0s
	{
		listed
		service MODIFIED web 192.0.2.10
		announcement ADDED web node-a '"192.0.2.10"'
	} >&8
	wait_for 5 lines "$T/seen" 1
	{
		announcement DELETED web node-a '"192.0.2.10"'
		announcement ADDED web node-a '"192.0.2.10"'
	} >&8
	wait_for 10 decided node-a Announcing
	{
		announcement DELETED web node-a '"192.0.2.10"'
		announcement ADDED web node-a '"192.0.2.10"'
	} >&8
	wait_for 2 decided node-a Announcing 2
	wait_for 5 lines "$T/seen" 6
	cat "$T/seen"
	head -n 3 "$T/seen" | grep -c 'tell 0.0.0.0' | grep -qx 3
	run ! grep -q 'tell 0.0.0.0' <(sed '1,/tell 192.0.2.10/d' "$T/seen")
}

@test "a new address that comes while no interface is up is probed when one is" {
	lan_run client ip addr add 192.0.2.10/32 dev eth0
	lan_run node-a ip link set eth0 down
	announce_on node-a 8
	{
		listed
		service MODIFIED web 192.0.2.10
		announcement ADDED web node-a '"192.0.2.10"'
	} >&8
	wait_for 5 decided node-a NoInterface
	lan_run node-a ip link set eth0 up
	wait_for 5 decided node-a AddressInUse
	run ! decided node-a Announcing
}

@test "what was there before, what another node announces and what comes back is not probed" {
	watch_arp "$T/seen" 'arp and ether src 02:00:00:00:00:01 and arp[14:4] == 0'
	announce_on node-a 8 --grace 0s
	{
		service ADDED old 192.0.2.10
		listed
		announcement ADDED old node-a '"192.0.2.10"'
		service MODIFIED other 192.0.2.11
		echo '{"type":"ADDED","object":{"kind":"Decision","apiVersion":"lbctl.dev/v1","metadata":{"namespace":"default","name":"other"},"spec":{"component":"elect","code":"NotElected","addresses":["192.0.2.11"]}}}'
		announcement ADDED other node-a '"192.0.2.11"'
		announcement ADDED alone node-a '"192.0.2.12"'
		announcement DELETED old node-a '"192.0.2.10"'
		service MODIFIED old 192.0.2.10
		announcement ADDED old node-a '"192.0.2.10"'
	} >&8
	wait_for 5 decided node-a Announcing 3
	answered_by 192.0.2.12 $A
	[ ! -s "$T/seen" ]
}

@test "a foreign claim is a conflict within milliseconds, and is defended once" {
	announce_on node-a 8
	announcement ADDED web node-a '"192.0.2.10"' >&8
	wait_for 5 decided node-a Announcing
	wait_for 5 resolved 192.0.2.10 $A
	watch_arp "$T/seen" 'arp and ether broadcast and arp[14:4] == 0xc000020a'
	wait_for 8 lines "$T/seen" 2
	lan_run node-b ip addr add 192.0.2.10/32 dev eth0
	lan_run node-b arping -q -A -c 1 -I eth0 192.0.2.10
	wait_for 1 decided node-a AddressConflict
	jq -es --arg mac $B 'map(.object.spec | select(.code == "AddressConflict"))[0] |
		.verdict == "kept" and .addresses == ["192.0.2.10"] and
		.message == "192.0.2.10, which node \"node-a\" announces, is also claimed by \($mac) on eth0"' "$T/node-a.out"
	jq -es 'any(.[].object; .reason == "AddressConflict" and .type == "Warning")' "$T/node-a.out"
	grep -q 'claimed by' "$T/node-a.err"
	# the defence comes at once: behind the claim stands a frame of ours, and the client follows it
	after_claim() {
		awk '/02:00:00:00:00:02 >/ { claimed = $1 } /02:00:00:00:00:01 >/ && claimed { exit !($1 - claimed < 0.1) }
			END { if (!claimed) exit 1 }' "$T/seen"
	}
	wait_for 5 after_claim
	lan_run node-b arping -q -A -c 3 -I eth0 192.0.2.10
	[ "$(grep -c '"code":"AddressConflict"' "$T/node-a.out")" -eq 1 ] # and no more for a minute
	kill -0 "$LAN_PID"
}

@test "two nodes that announce one IPv6 address each see the other" {
	announce_on node-a 8
	announce_on node-b 9
	announcement ADDED web node-a '"2001:db8::10"' >&8
	announcement ADDED web node-b '"2001:db8::10"' >&9
	wait_for 5 decided node-a AddressConflict
	wait_for 5 decided node-b AddressConflict
	said node-a "claimed by $B on eth0"
	said node-b "claimed by $A on eth0"
}

@test "--defend never leaves it at telling, and another word is refused" {
	run -2 lan_run node-a "$BUILD/lbctl" announce --defend sometimes </dev/null
	[[ $output == *'"sometimes" is not once, always or never'* ]]
	run -2 lan_run node-a "$BUILD/lbctl" announce --ignore-mac 192.0.2.1 </dev/null
	[[ $output == *--ignore-mac* ]]
	announce_on node-a 8 --defend never
	announcement ADDED web node-a '"192.0.2.10"' >&8
	watch_arp "$T/seen" 'arp and ether broadcast and ether src 02:00:00:00:00:01'
	wait_for 8 lines "$T/seen" 8
	sleep 1.2 # until the burst is over
	before=$(wc -l <"$T/seen")
	claim node-b 192.0.2.10
	wait_for 5 decided node-a AddressConflict
	answered_by 192.0.2.11 $A || true
	[ "$(wc -l <"$T/seen")" -eq "$before" ]
}

@test "a router with proxy ARP can be excepted" {
	announce_on node-a 8 --ignore-mac $B
	announcement ADDED web node-a '"192.0.2.10"' >&8
	wait_for 5 decided node-a Announcing
	claim node-b 192.0.2.10
	claim client 192.0.2.10
	wait_for 5 decided node-a AddressConflict
	said node-a "claimed by $CLIENT on eth0"
	run ! said node-a "claimed by $B"
}

@test "a node of the cluster may claim an address for a moment, as happens in a handover" {
	announce_on node-a 8
	lan_run node-a ping -q -c 1 192.0.2.2
	{
		node node-a 192.0.2.1
		node node-b 192.0.2.2
		announcement ADDED web node-a '"192.0.2.10"'
	} >&8
	wait_for 5 decided node-a Announcing
	claim node-b 192.0.2.10
	answered_by 192.0.2.10 $A
	run ! decided node-a AddressConflict
	still() {
		claim node-b 192.0.2.10
		decided node-a AddressConflict
	}
	wait_for 8 still
	said node-a "claimed by $B (node .\"node-b.\") on eth0"
}

member() { # node-b, ALIVE
	printf '{"type":"MODIFIED","object":{"kind":"Member","apiVersion":"lbctl.dev/v1","metadata":{"name":"node-b"},"status":{"alive":%s}}}\n' "$1"
}

@test "a node is known from when it is a member, and by then the kernel knows where it is" {
	announce_on node-a 8
	{
		node node-a 192.0.2.1
		node node-b 192.0.2.2
		announcement ADDED web node-a '"192.0.2.10"'
	} >&8
	wait_for 5 decided node-a Announcing
	lan_run node-a ping -q -c 1 192.0.2.2
	{
		member true
		announcement ADDED later node-a '"192.0.2.11"'
	} >&8
	wait_for 5 answered_by 192.0.2.11 $A
	claim node-b 192.0.2.10
	answered_by 192.0.2.10 $A
	run ! decided node-a AddressConflict
}

@test "a node that has changed its MAC is no stranger" {
	announce_on node-a 8
	lan_run node-a ping -q -c 1 192.0.2.2
	{
		node node-a 192.0.2.1
		node node-b 192.0.2.2
		announcement ADDED web node-a '"192.0.2.10"'
	} >&8
	wait_for 5 decided node-a Announcing
	lan_run node-b ip link set eth0 address 02:00:00:00:00:52
	node_b_moved() {
		lan_run node-b ping -q -c 1 -W 1 192.0.2.1
		lan_run node-a ip neigh show 192.0.2.2 | grep -q 'lladdr 02:00:00:00:00:52'
	}
	wait_for 8 node_b_moved
	claim node-b 192.0.2.10
	claim client 192.0.2.10 # heard after it
	wait_for 5 said node-a "claimed by $CLIENT on eth0"
	run ! said node-a 'claimed by 02:00:00:00:00:52'
}

@test "a speaker that comes back makes this one tell everything again" {
	announce_on node-a 8
	{
		member true
		announcement ADDED web node-a '"192.0.2.10"'
	} >&8
	watch_arp "$T/seen" 'arp and ether broadcast and ether src 02:00:00:00:00:01'
	wait_for 8 lines "$T/seen" 8
	sleep 1.2 # until the burst is over
	before=$(wc -l <"$T/seen")
	member true >&8 # as before: no news
	member false >&8
	answered_by 192.0.2.10 $A
	[ "$(wc -l <"$T/seen")" -eq "$before" ]
	member true >&8
	wait_for 5 lines "$T/seen" $((before + 2))
}
