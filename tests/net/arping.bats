# SPDX-License-Identifier: Apache-2.0
# lbctl arping on a LAN: the kernels of other hosts answer, tcpdump watches.

bats_require_minimum_version 1.5.0
# shellcheck source=tests/lib/lan.bash
source tests/lib/lan.bash

setup() {
	[ "$(id -u)" -eq 0 ] || skip "network namespaces need root"
	T=$BATS_TEST_TMPDIR
	# no cluster of whoever runs this
	unset KUBECONFIG KUBERNETES_SERVICE_HOST
	export HOME=$T
	lan_up node-a node-b node-c client=100
}

teardown() {
	lan_down
}

arping() { # on the client
	lan_run client "$BUILD/lbctl" arping "$@"
}

ends_in() { # STATUS: what lan_spawn started ends by itself
	local status=0
	wait "$LAN_PID" || status=$?
	[ "$status" -eq "$1" ]
}

nodes() { # DIRECTORY: the Nodes of this LAN as manifests
	mkdir -p "$1"
	local n=0 node
	for node in node-a node-b node-c; do
		n=$((n + 1))
		cat >"$1/$node.yaml" <<-END
			apiVersion: v1
			kind: Node
			metadata: {name: $node}
			status:
			  addresses:
			  - {type: Hostname, address: $node}
			  - {type: InternalIP, address: 192.0.2.$n}
			  conditions:
			  - {type: Ready, status: "True"}
		END
	done
}

# capture HOST FILTER...: frames as tcpdump prints them into $T/frames, once it listens
capture() {
	local host=$1
	shift
	lan_spawn "$host" tcpdump -U -l -nn -e -i eth0 "$@" >"$T/frames" 2>"$T/tcpdump" 3>&-
	wait_for 5 grep -q 'listening on' "$T/tcpdump"
}

frames() { # PATTERN COUNT: that many have been seen
	[ "$(grep -cE "$1" "$T/frames")" -eq "$2" ]
}

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
	jq -es 'length == 5 and .[-1] == {type: "summary", addresses: 17, answered: 4, silent: 13, conflicts: 0,
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

@test "node names come from --from, and stand beside a Service's address" {
	nodes "$T/cluster"
	ip -n "$(lan_ns node-b)" addr add 192.0.2.10/32 dev eth0
	run -0 arping -c 1 --from "$T/cluster" 192.0.2.10
	[[ ${lines[1]} =~ ^Unicast\ reply\ from\ 192\.0\.2\.10\ \[02:00:00:00:00:02\]\ [0-9.]+ms\ node-b$ ]]
	[ "${lines[2]}" = "Sent 1 probe, received 1 reply" ]
	# an address of a node itself: its answer to the question for names isn't counted
	run -0 arping -c 1 --from "$T/cluster" 192.0.2.3
	[[ ${lines[1]} == *" node-c" ]]
	[ "${lines[2]}" = "Sent 1 probe, received 1 reply" ]
	ip -n "$(lan_ns node-c)" addr add 192.0.2.10/32 dev eth0
	run -4 arping -c 1 --from "$T/cluster" 192.0.2.10
	[[ $output == *"(node-b)"* && $output == *"(node-c)"* ]]
}

@test "this host can be a node, too" {
	nodes "$T/cluster"
	run -0 lan_run node-a "$BUILD/lbctl" arping --from "$T/cluster" -i 50ms 192.0.2.0/28
	[[ ${lines[1]} =~ ^192\.0\.2\.1\ +02:00:00:00:00:01\ +node-a\ +-\ +this\ host$ ]]
	[[ ${lines[2]} =~ node-b ]]
}

@test "a source of names that isn't there is an error if it was named, and nothing if not" {
	run -3 arping -c 1 --from "$T/nowhere" 192.0.2.1
	[[ $output == *"$T/nowhere"* ]]
	mkdir -p "$T/empty"
	run -0 --separate-stderr arping -c 1 --from "$T/empty" 192.0.2.1
	[[ $stderr == *"no names of nodes: there is no Node with an InternalIP" ]]
	mkdir -p "$T/.kube"
	cat >"$T/.kube/config" <<-END
		apiVersion: v1
		kind: Config
		current-context: gone
		contexts: [{name: gone, context: {cluster: gone, user: gone}}]
		clusters: [{name: gone, cluster: {server: "https://192.0.2.50:6443"}}]
		users: [{name: gone, user: {token: none}}]
	END
	run -0 --separate-stderr arping -c 1 192.0.2.1
	[ -z "$stderr" ]
	[ "${lines[-1]}" = "Sent 1 probe, received 1 reply" ]
}

# An API server on the client, and a kubeconfig for it.
api_up() {
	local n
	mkdir -p "$T/api" "$T/.kube"
	lan_spawn client tests/lib/fakeapi "$T/api" 2>"$T/api.err" 3>&-
	wait_for 10 test -s "$T/api/url"
	for n in 1 2 3; do
		printf '{"kind":"Node","apiVersion":"v1","metadata":{"name":"%s"},"status":{"addresses":[{"type":"InternalIP","address":"192.0.2.%s"}]}}' \
			"node-$(tr 123 abc <<<$n)" $n |
			lan_run client curl -sf -o "$T/created" -X POST -H 'Content-Type: application/json' \
				--data-binary @- "$(cat "$T/api/url")/api/v1/nodes"
	done
	cat >"$T/.kube/config" <<-END
		apiVersion: v1
		kind: Config
		current-context: lan
		contexts: [{name: lan, context: {cluster: lan, user: me}}]
		clusters: [{name: lan, cluster: {server: "$(cat "$T/api/url")"}}]
		users: [{name: me, user: {token: good}}]
	END
}

@test "node names come from the cluster of the kubeconfig, asked for or not" {
	api_up
	ip -n "$(lan_ns node-b)" addr add 192.0.2.10/32 dev eth0
	run -0 arping -c 1 192.0.2.10
	[[ ${lines[1]} == *" node-b" ]]
	run -0 arping -c 1 --kubeconfig "$T/.kube/config" 192.0.2.10
	[[ ${lines[1]} == *" node-b" ]]
	# -q has no use for names
	: >"$T/api/requests"
	run -0 arping -q -c 1 192.0.2.10
	[ ! -s "$T/api/requests" ]
}

@test "a cluster that says nothing, or no, costs a second and the names" {
	local start
	api_up
	for fault in silence forbidden html; do
		echo "always GET $fault" >"$T/api/faults"
		start=$(date +%s%N)
		run -0 --separate-stderr arping -c 1 192.0.2.1
		[[ ${lines[1]} == *ms ]]
		[ -z "$stderr" ]
		[ $((($(date +%s%N) - start) / 1000000)) -lt 3000 ]
	done
}

@test "names of nodes delay no probe" {
	api_up
	echo "always GET silence" >"$T/api/faults"
	capture node-a -tt arp and src host 192.0.2.100
	lan_spawn client "$BUILD/lbctl" arping -c 3 -i 100ms 192.0.2.1 >"$T/out" 3>&-
	wait_for 5 frames 'who-has 192.0.2.1 tell 192.0.2.100' 3
	[ ! -s "$T/out" ] # still waiting
	ends_in 0
	awk '{ if (NR > 1 && ($1 - last < 0.095 || $1 - last > 0.3)) exit 1; last = $1 }' "$T/frames"
	[ "$(grep -c '^Unicast reply' "$T/out")" -eq 3 ]
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

@test "IPv6: an interface without any address asks from ::, and hears what is told to all" {
	lan_nic client plain 02:00:00:00:01:01
	lan_run client sh -c 'echo 1 >/proc/sys/net/ipv6/conf/plain/disable_ipv6'
	run -0 arping -I plain -c 1 2001:db8::1
	[ "${lines[0]}" = "ARPING 2001:db8::1 from :: plain" ]
	[[ ${lines[1]} == *"[02:00:00:00:00:01]"* ]]
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

# watching ADDRESS...: `lbctl arping --watch` into $T/out
watching() {
	nodes "$T/cluster"
	lan_spawn client "$BUILD/lbctl" arping --watch --from "$T/cluster" "$@" >"$T/out" 3>&-
	WATCH=$LAN_PID
}

said() { # PATTERN: a line of it
	wait_for 10 grep -qE "$1" "$T/out"
}

@test "--watch tells where an address is, that it moved, and how long the gap was" {
	ip -n "$(lan_ns node-a)" addr add 192.0.2.10/32 dev eth0
	watching -i 20ms 192.0.2.10
	said '^[0-9:.]{12} 192\.0\.2\.10 is at 02:00:00:00:00:01 \(node-a\)$'
	ip -n "$(lan_ns node-a)" addr del 192.0.2.10/32 dev eth0
	said '192\.0\.2\.10 is silent, was at 02:00:00:00:00:01 \(node-a\)$'
	ip -n "$(lan_ns node-b)" addr add 192.0.2.10/32 dev eth0
	said '192\.0\.2\.10 moved to 02:00:00:00:00:02 \(node-b\) from 02:00:00:00:00:01 \(node-a\), gap [0-9]+ ms$'
	lan_stop "$WATCH" INT
	[ "$(wc -l <"$T/out")" -eq 5 ]
	# the gap is from the silence to the answer, to a probe's interval
	gap=$(sed -n 's/.*gap \([0-9]*\) ms$/\1/p' "$T/out" | head -n 1)
	from=$(sed -n 's/^\([0-9:.]*\) .* is silent.*/\1/p' "$T/out")
	to=$(sed -n 's/^\([0-9:.]*\) .* moved to.*/\1/p' "$T/out")
	between=$(($(date -d "$to" +%s%N) / 1000000 - $(date -d "$from" +%s%N) / 1000000))
	[ $((between - gap)) -le 2 ] && [ $((gap - between)) -le 2 ]
	[[ $(tail -n 1 "$T/out") =~ ^Sent\ [0-9]+\ probes,\ [0-9]+\ unanswered,\ 1\ move,\ longest\ gap\ $gap\ ms$ ]]
}

@test "as fast as it goes, answers are heard and signals obeyed" {
	lan_spawn client "$BUILD/lbctl" arping -c 0 -i 0s --rate 1000000 192.0.2.1 >"$T/out" 3>&-
	wait_for 10 grep -q reply "$T/out"
	lan_stop "$LAN_PID" INT
	tail -n 1 "$T/out" | grep -qE '^Sent [0-9]+ probes, received [0-9]+ replies$'
}

@test "--watch tells a conflict and its end, an announcement, and that an address is back" {
	ip -n "$(lan_ns node-a)" addr add 192.0.2.10/32 dev eth0
	watching -i 30ms 192.0.2.10
	said 'is at 02:00:00:00:00:01 \(node-a\)$'
	ip -n "$(lan_ns node-c)" addr add 192.0.2.10/32 dev eth0
	said '192\.0\.2\.10 CONFLICT: is also at 02:00:00:00:00:03 \(node-c\)$'
	ip -n "$(lan_ns node-c)" addr del 192.0.2.10/32 dev eth0
	said '192\.0\.2\.10 is no longer at 02:00:00:00:00:03 \(node-c\)$'
	lan_run node-b arping -q -U -c 1 -w 1 -I eth0 192.0.2.10 || lan_run node-b "$BUILD/lbctl" arping -U -c 1 192.0.2.10
	said '192\.0\.2\.10 is announced by 02:00:00:00:00:02 \(node-b\)$'
	ip -n "$(lan_ns node-a)" addr del 192.0.2.10/32 dev eth0
	said 'is silent'
	ip -n "$(lan_ns node-a)" addr add 192.0.2.10/32 dev eth0
	said '192\.0\.2\.10 is back at 02:00:00:00:00:01 \(node-a\), gap [0-9]+ ms$'
}

@test "--watch: IPv6, JSON, and the exit status of how it is in the end" {
	ip -n "$(lan_ns node-a)" addr add 2001:db8::10/128 dev eth0 nodad
	watching -i 20ms -o json 2001:db8::10
	said '"type":"found"'
	ip -n "$(lan_ns node-a)" addr del 2001:db8::10/128 dev eth0
	said '"type":"silent"'
	ip -n "$(lan_ns node-b)" addr add 2001:db8::10/128 dev eth0 nodad
	said '"type":"moved"'
	lan_stop "$WATCH" INT
	jq -es '[.[] | .type] == ["found", "silent", "moved", "summary"]
		and (.[2] | .address == "2001:db8::10" and .node == "node-b" and .from_node == "node-a" and .gap_ms > 0
			and (.time | test("^[0-9-]{10}T[0-9:.]{12}Z$")))
		and (.[3] | .moves == 1 and .answered == 1 and .longest_gap_ms > 0)' "$T/out"
	run -3 arping --watch -i 20ms -w 200ms 192.0.2.50
	[[ ${lines[1]} == *" 192.0.2.50 is silent" ]]
	run -0 arping --watch -i 20ms -c 5 192.0.2.0/29
	[ "$(grep -c 'is at' <<<"$output")" -eq 3 ]
	[ "${#lines[@]}" -eq 4 ]
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
	[ -z "$(tshark -o icmpv6.check_checksum:TRUE -r "$T/probes.pcap" -Y '_ws.malformed or icmpv6.checksum.status == "Bad"' 2>/dev/null)" ]
	[ "$(tcpdump -nn -r "$T/probes.pcap" 2>/dev/null | wc -l)" -eq 8 ]
	# the times are today's, and in order
	tshark -r "$T/probes.pcap" -T fields -e frame.time_epoch 2>/dev/null | sort -c -n
	[ "$(($(date +%s) - $(tshark -r "$T/probes.pcap" -T fields -e frame.time_epoch 2>/dev/null | head -n 1 | cut -d . -f 1)))" -lt 60 ]
	run -1 arping --pcap /nowhere/file 192.0.2.1
	[ "$output" = "lbctl arping: opening /nowhere/file for the capture: No such file or directory" ]
}

# pool DIRECTORY: a cluster whose only ready node is node-b, with the pool "lan" and, of it, three
# Services that hold 192.0.2.65, .66 and .67; the last has no endpoints.
pool() {
	local n
	nodes "$1"
	sed -i 's/status: "True"/status: "False"/' "$1/node-a.yaml" "$1/node-c.yaml"
	cat >"$1/pool.yaml" <<-END
		apiVersion: metallb.io/v1beta1
		kind: IPAddressPool
		metadata: {name: lan, namespace: metallb-system}
		spec: {addresses: ["192.0.2.64/28"]}
		---
		apiVersion: metallb.io/v1beta1
		kind: IPAddressPool
		metadata: {name: six, namespace: metallb-system}
		spec: {addresses: ["2001:db8:0:0:a::/80"]}
		---
		apiVersion: metallb.io/v1beta1
		kind: L2Advertisement
		metadata: {name: all, namespace: metallb-system}
	END
	for n in 65 66 67; do
		service "$n" "192.0.2.$n" >"$1/web$n.yaml"
	done
	sed -i 's/addresses: \[10.0.0.1\]/addresses: []/; /^endpoints:/,$d' "$1/web67.yaml"
}

service() { # NUMBER ADDRESS
	cat <<-END
		apiVersion: v1
		kind: Service
		metadata: {name: web$1, namespace: default}
		spec: {type: LoadBalancer, ports: [{port: 80}]}
		status: {loadBalancer: {ingress: [{ip: "$2"}]}}
		---
		apiVersion: discovery.k8s.io/v1
		kind: EndpointSlice
		metadata: {name: web$1-x, namespace: default, labels: {kubernetes.io/service-name: web$1}}
		addressType: IPv4
		endpoints:
		- {addresses: [10.0.0.1], nodeName: node-b, conditions: {ready: true}}
	END
}

row() { # ADDRESS WORD...: that row of the table in $output; blanks don't count
	grep -qE "^$1 +$(sed 's/ \+/ +/g' <<<"${*:2}")\$" <<<"$output" || {
		echo "no row '$*' in:"
		echo "$output"
		return 1
	}
}

@test "--pool: what is assigned against who answers, in one table" {
	pool "$T/cluster"
	ip -n "$(lan_ns node-b)" addr add 192.0.2.65/32 dev eth0
	ip -n "$(lan_ns node-b)" addr add 192.0.2.66/32 dev eth0
	run -0 arping --pool lan --from "$T/cluster" -i 100ms
	[[ ${lines[0]} =~ ^ADDRESS\ +SERVICE\ +ELECTED\ +ANSWERS\ +MAC\ +RTT\ +STATE$ ]]
	row 192.0.2.64 - - - - - free
	row 192.0.2.65 default/web65 node-b node-b 02:00:00:00:00:02 '[0-9.]+ms' ok
	row 192.0.2.66 default/web66 node-b node-b 02:00:00:00:00:02 '[0-9.]+ms' ok
	row 192.0.2.67 default/web67 - - - - not announced: NoEndpoints
	row 192.0.2.68-192.0.2.79 - - - - - free
	[ "${lines[6]}" = "2 of 16 addresses answered, 14 silent" ]
	[ "${#lines[@]}" -eq 7 ]

	# one that nobody answers for
	ip -n "$(lan_ns node-b)" addr del 192.0.2.66/32 dev eth0
	run -3 arping --pool lan --from "$T/cluster" -i 100ms
	row 192.0.2.66 default/web66 node-b - - - SILENT
	[ "${lines[-1]}" = "lbctl arping: not all is as it should be: 192.0.2.66 is SILENT" ]
	run -3 arping -q --pool lan --from "$T/cluster" -i 100ms
	[ -z "$output" ]

	# on another node; where nobody should be; a host that is no node; twice
	ip -n "$(lan_ns node-c)" addr add 192.0.2.66/32 dev eth0
	ip -n "$(lan_ns node-a)" addr add 192.0.2.70/32 dev eth0
	lan_host guest=9
	ip -n "$(lan_ns guest)" addr add 192.0.2.67/32 dev eth0
	ip -n "$(lan_ns guest)" addr add 192.0.2.65/32 dev eth0
	run -4 arping --pool lan --from "$T/cluster" -i 100ms
	row 192.0.2.65 default/web65 node-b node-b 02:00:00:00:00:02 '[0-9.]+ms' CONFLICT
	row 192.0.2.65 default/web65 node-b unknown 02:00:00:00:00:09 '[0-9.]+ms' CONFLICT
	row 192.0.2.66 default/web66 node-b node-c 02:00:00:00:00:03 '[0-9.]+ms' WRONG NODE
	row 192.0.2.67 default/web67 - unknown 02:00:00:00:00:09 '[0-9.]+ms' FOREIGN: NoEndpoints
	row 192.0.2.70 - - node-a 02:00:00:00:00:01 '[0-9.]+ms' IN USE
}

@test "--pool: JSON, from a recording, on the elected node itself" {
	pool "$T/cluster"
	ip -n "$(lan_ns node-b)" addr add 192.0.2.65/32 dev eth0
	lbctl watch --once --from "$T/cluster" -o json >"$T/now.ndjson"
	run -3 --separate-stderr arping --pool lan --from "$T/now.ndjson" -i 100ms -o json
	jq -es 'length == 17 and (.[1] | del(.answers[].rtt_us)) == {type: "address", address: "192.0.2.65", pool: "lan",
			service: "default/web65", elected: "node-b", code: "Elected",
			answers: [{mac: "02:00:00:00:00:02", node: "node-b"}], state: "OK"}
		and .[2].state == "Silent" and .[3].state == "NotAnnounced" and .[3].code == "NoEndpoints"
		and .[4] == {type: "address", address: "192.0.2.68", pool: "lan", service: null, elected: null, code: null,
			answers: [], state: "Free"}
		and .[16].type == "summary"' <<<"$output"
	# by pipe as well; the node that shall answer can't ask itself
	run -0 lan_run node-b sh -c '"$0" arping --pool lan --from - -i 100ms <"$1"' "$BUILD/lbctl" "$T/now.ndjson"
	row 192.0.2.66 default/web66 node-b - - - ok, this host
}

@test "--pool: from the cluster of the kubeconfig; one that says nothing is waited for, but not for ever" {
	local start
	api_up
	create() { # PATH JSON
		lan_run client curl -sf -o "$T/created" -X POST -H 'Content-Type: application/json' -d "$2" "$(cat "$T/api/url")$1"
	}
	create /apis/metallb.io/v1beta1/namespaces/metallb-system/ipaddresspools \
		'{"kind":"IPAddressPool","apiVersion":"metallb.io/v1beta1","metadata":{"name":"lan","namespace":"metallb-system"},"spec":{"addresses":["192.0.2.64/28"]}}'
	create /api/v1/namespaces/default/services \
		'{"kind":"Service","apiVersion":"v1","metadata":{"name":"web","namespace":"default"},"spec":{"type":"LoadBalancer","ports":[{"port":80}]},"status":{"loadBalancer":{"ingress":[{"ip":"192.0.2.65"}]}}}'
	run -0 arping --pool lan -i 50ms
	row 192.0.2.65 default/web - - - - not announced: NoEndpoints
	row 192.0.2.66-192.0.2.79 - - - - - free
	echo "always GET silence" >"$T/api/faults"
	start=$(date +%s)
	run -1 arping --pool lan -i 50ms
	[ "${lines[-1]}" = "lbctl arping: the cluster was not read within 10 s" ]
	[ $(($(date +%s) - start)) -lt 25 ]
}

@test "--pool: one too large to sweep is asked for what is assigned; one that isn't there is named" {
	pool "$T/cluster"
	run -3 --separate-stderr arping --pool six --from "$T/cluster" -i 50ms
	[[ $stderr == *"no address of pool 'six' is assigned" ]]
	service 6 2001:db8::a:0:0:6 | sed 's/addressType: IPv4/addressType: IPv6/' >"$T/cluster/web6.yaml"
	ip -n "$(lan_ns node-b)" addr add 2001:db8::a:0:0:6/128 dev eth0 nodad
	run -0 --separate-stderr arping --pool six --from "$T/cluster" -i 100ms
	[[ $stderr == *"more than 1048576 addresses, too many to sweep: only those that are assigned are asked for"* ]]
	row 2001:db8::a:0:0:6 default/web6 node-b node-b 02:00:00:00:00:02 '[0-9.]+ms' ok
	run -3 arping --pool wan --from "$T/cluster"
	[ "$output" = "lbctl arping: no pool 'wan'; there are lan, six" ]
}

@test "--pool: Services of a class are another load balancer's, unless --lb-class says so" {
	pool "$T/cluster"
	sed -i 's/spec: {type: LoadBalancer,/spec: {loadBalancerClass: example.com\/l2, type: LoadBalancer,/' "$T/cluster/web65.yaml"
	ip -n "$(lan_ns node-b)" addr add 192.0.2.65/32 dev eth0
	run -4 arping --pool lan --from "$T/cluster" -i 50ms
	row 192.0.2.65 - - node-b 02:00:00:00:00:02 '[0-9.]+ms' IN USE
	run -0 arping --pool lan --lb-class example.com/l2 --from "$T/cluster" -i 50ms
	row 192.0.2.65 default/web65 node-b node-b 02:00:00:00:00:02 '[0-9.]+ms' ok
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
