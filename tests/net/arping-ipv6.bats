# SPDX-License-Identifier: Apache-2.0
# lbctl arping for IPv6: Neighbor Solicitations on a LAN.

bats_require_minimum_version 1.5.0
# shellcheck source=tests/lib/arping.bash
source tests/lib/arping.bash

@test "IPv6: one host answers, the two owners of an address are both shown, nobody is nobody" {
	run -0 arping -c 2 -i 100ms 2001:db8::1
	[ "${lines[0]}" = "ARPING 2001:db8::1 from 2001:db8::100 eth0" ]
	[[ ${lines[1]} =~ ^Unicast\ reply\ from\ 2001:db8::1\ \[02:00:00:00:00:01\]\ [0-9]+\.[0-9]{3}ms$ ]]
	[ "${lines[-1]}" = "Sent 2 probes, received 2 replies" ]
	ip -n "$(lan_ns node-b)" addr add 2001:db8::10/128 dev eth0 nodad
	ip -n "$(lan_ns node-c)" addr add 2001:db8::10/128 dev eth0 nodad
	run -4 arping -c 1 2001:db8::10
	[[ $output == *"[02:00:00:00:00:02]"* && $output == *"[02:00:00:00:00:03]"* ]]
	[[ $output == *"2001:db8::10 has 2 owners: 02:00:00:00:00:0"* ]]
	run -3 --separate-stderr arping -c 1 -i 50ms 2001:db8::50
	[ "$stderr" = "lbctl arping: nobody answered for 2001:db8::50 on eth0" ]
	# a link-local address, with or without a word about the interface
	local address
	address=$(lan_run node-a ip -6 -o addr show dev eth0 scope link | sed 's/.*inet6 \([^/]*\).*/\1/')
	run -0 arping -c 1 "$address"
	[[ ${lines[1]} == *"[02:00:00:00:00:01]"* ]]
	run -0 arping -c 1 -I eth0 -s :: 2001:db8::2
	[ "${lines[0]}" = "ARPING 2001:db8::2 from :: eth0" ]
	[[ ${lines[1]} == "Broadcast reply from 2001:db8::2 [02:00:00:00:00:02]"* ]]
}

@test "IPv6: solicitations are well-formed, to the group of the address, and asked of the sender" {
	capture node-b -v icmp6 and src host 2001:db8::100
	run -0 arping -c 1 2001:db8::1
	wait_for 5 grep -q 'neighbor solicitation' "$T/frames"
	grep -q '02:00:00:00:00:64 > 33:33:ff:00:00:01, ethertype IPv6 (0x86dd), length 86: (hlim 255' "$T/frames"
	grep -q '2001:db8::100 > ff02::1:ff00:1: \[icmp6 sum ok\] ICMP6, neighbor solicitation, length 32, who has 2001:db8::1' "$T/frames"
	wait_for 5 grep -q 'source link-address option (1), length 8 (1): 02:00:00:00:00:64' "$T/frames"
}

@test "IPv6: a sweep of both families, with names of nodes" {
	nodes "$T/cluster"
	for n in a b c; do
		sed -i "s/  - {type: InternalIP, address: 192.0.2.\(.\)}/&\n  - {type: InternalIP, address: '2001:db8::\1'}/" "$T/cluster/node-$n.yaml"
	done
	ip -n "$(lan_ns node-b)" addr add 2001:db8::ab:10/128 dev eth0 nodad
	run -0 arping --from "$T/cluster" -i 100ms 2001:db8::/124 2001:db8::ab:0/120 192.0.2.0/29
	[[ ${lines[1]} =~ ^192\.0\.2\.1\ +02:00:00:00:00:01\ +node-a ]]
	[[ ${lines[4]} =~ ^2001:db8::1\ +02:00:00:00:00:01\ +node-a\ +[0-9.]+ms$ ]]
	[[ ${lines[7]} =~ ^2001:db8::ab:10\ +02:00:00:00:00:02\ +node-b ]]
	[ "${lines[-1]}" = "7 of 280 addresses answered, 273 silent" ]
	# Nodes that have IPv6 addresses only
	sed -i '/192.0.2/d' "$T"/cluster/*.yaml
	run -0 arping --from "$T/cluster" -c 1 2001:db8::ab:10
	[[ ${lines[1]} == *"[02:00:00:00:00:02] "*"ms node-b" ]]
	[ "${lines[-1]}" = "Sent 1 probe, received 1 reply" ]
}

@test "IPv6: --duplicate is duplicate address detection: 0 free, 4 taken, from ::" {
	capture node-b icmp6 and src host ::
	run -0 arping -D -i 50ms 2001:db8::50
	[ "${lines[0]}" = "ARPING 2001:db8::50 from :: eth0" ]
	[ "${lines[1]}" = "2001:db8::50 is free: nobody answered 3 probes" ]
	wait_for 5 frames ':: > ff02::1:ff00:50: ICMP6, neighbor solicitation, who has 2001:db8::50, length 24' 3
	run -4 arping -D -i 50ms 2001:db8::2
	[[ $output == *"2001:db8::2 is taken by 02:00:00:00:00:02"* ]]
}

@test "IPv6: --duplicate also minds another host's detection, and an unsolicited advertisement" {
	lan_spawn client "$BUILD/lbctl" arping -D -i 1s 2001:db8::61 >"$T/out" 3>&-
	wait_for 5 grep -q ARPING "$T/out"
	lan_run node-b "$BUILD/lbctl" arping -D -i 50ms 2001:db8::61 >"$T/other" || true
	ends_in 4
	grep -q '^2001:db8::61 is taken by 02:00:00:00:00:02$' "$T/out"
	lan_spawn client "$BUILD/lbctl" arping -D -i 1s 2001:db8::62 >"$T/out" 3>&-
	wait_for 5 grep -q ARPING "$T/out"
	lan_run node-b "$BUILD/lbctl" arping -U -c 1 2001:db8::62 >"$T/other"
	ends_in 4
	grep -q '^2001:db8::62 is taken by 02:00:00:00:00:02$' "$T/out"
}

@test "IPv6: --gratuitous changes what the neighbours know" {
	ip -n "$(lan_ns node-a)" addr add 2001:db8::10/128 dev eth0 nodad
	lan_run node-b bash -c "echo >/dev/udp/2001:db8::10/9"
	lan_run node-b ip neigh show 2001:db8::10 | grep -q 02:00:00:00:00:01
	ip -n "$(lan_ns node-a)" addr del 2001:db8::10/128 dev eth0
	capture node-b -v icmp6 and src host 2001:db8::10
	run -0 arping -U -c 1 2001:db8::10
	[ "$output" = "ARPING 2001:db8::10 at 02:00:00:00:00:64 eth0
Sent 1 announcement" ]
	knows_client() {
		lan_run node-b ip neigh show 2001:db8::10 | grep -q 02:00:00:00:00:64
	}
	wait_for 5 knows_client
	wait_for 5 grep -q 'destination link-address option (2), length 8 (1): 02:00:00:00:00:64' "$T/frames"
	grep -q '2001:db8::10 > ff02::1: \[icmp6 sum ok\] ICMP6, neighbor advertisement, length 32, tgt is 2001:db8::10, Flags \[override\]' "$T/frames"
}

@test "IPv6: --gratuitous hears who objects, also after the last" {
	mkfifo "$T/in"
	exec 8<>"$T/in"
	echo '{"type":"ADDED","object":{"kind":"Announcement","apiVersion":"lbctl.dev/v1","metadata":{"namespace":"default","name":"web"},"spec":{"node":"node-b","addresses":["2001:db8::200"],"protocols":["layer2"]}}}' >&8
	lan_spawn node-b "$BUILD/lbctl" announce --node node-b --defend always <"$T/in" >"$T/announced" 3>&- 8>&-
	wait_for 5 grep -q '"code":"Announcing"' "$T/announced"
	run -4 arping -U -c 1 2001:db8::200
	[[ $output == *"2001:db8::200 is claimed by others, too: 02:00:00:00:00:02"* ]]
}

@test "IPv6: an interface without any address asks from ::, and hears what is told to all" {
	lan_nic client plain 02:00:00:00:01:01
	lan_run client sh -c 'echo 1 >/proc/sys/net/ipv6/conf/plain/disable_ipv6'
	run -0 arping -I plain -c 1 2001:db8::1
	[ "${lines[0]}" = "ARPING 2001:db8::1 from :: plain" ]
	[[ ${lines[1]} == *"[02:00:00:00:00:01]"* ]]
}
