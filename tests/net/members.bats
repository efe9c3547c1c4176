# SPDX-License-Identifier: Apache-2.0
# lbctl members and the BFD of others: FRR's bfdd, which knows no authentication, and BIRD, which does.

bats_require_minimum_version 1.5.0
# shellcheck source=tests/lib/lan.bash
source tests/lib/lan.bash

setup() {
	T=$BATS_TEST_TMPDIR
	FRR=$(mktemp -d) # where a daemon that isn't root may go
	lan_up node-a=11 node-b=12
}

teardown() {
	lan_down
	rm -rf "$FRR"
}

node() { # NAME ADDRESS
	printf '{"type":"ADDED","object":{"kind":"Node","apiVersion":"v1","metadata":{"name":"%s"},"status":{"addresses":[{"type":"InternalIP","address":"%s"}]}}}\n' "$@"
}

world() {
	local k
	for k in Node:v1 Service:v1 ConfigMap:v1 EndpointSlice:discovery.k8s.io/v1 \
		IPAddressPool:metallb.io/v1beta1 AddressPool:metallb.io/v1beta1 L2Advertisement:metallb.io/v1beta1; do
		printf '{"type":"BOOKMARK","object":{"kind":"%s","apiVersion":"%s","metadata":{"annotations":{"k8s.io/initial-events-end":"true"}}}}\n' \
			"${k%%:*}" "${k#*:}"
	done
}

# members_on_a OPTION...: sets MEMBERS, its process; port 4784 is RFC 5883's
members_on_a() {
	[ -p "$T/in" ] || mkfifo "$T/in"
	exec 8<>"$T/in"
	lan_spawn node-a "$BUILD/lbctl" members --node node-a --no-wait --port 4784 "$@" \
		<"$T/in" >"$T/out" 2>"$T/err" 3>&- 8>&-
	MEMBERS=$LAN_PID
	{
		node node-a "${A:-192.0.2.11}"
		node node-b "${B:-192.0.2.12}"
		world
	} >&8
}

told() { # REASON: of the last Member of node-b
	[ "$(jq -r 'select(.object.kind == "Member" and .object.metadata.name == "node-b").object.status.reason' "$T/out" | tail -n 1)" = "$1" ]
}

frr() { # MILLISECONDS: between its packets
	cat >"$FRR/bfdd.conf" <<-EOF
		bfd
		 peer ${A:-192.0.2.11} multihop local-address ${B:-192.0.2.12}
		  detect-multiplier 3
		  receive-interval $1
		  transmit-interval $1
		 exit
		exit
	EOF
	chown frr "$FRR"
	lan_spawn node-b /usr/lib/frr/zebra -z "$FRR/zserv" --vty_socket "$FRR" -i "$FRR/zebra.pid" -f /dev/null \
		-A 127.0.0.1 -P 0 </dev/null >"$T/zebra.log" 2>&1 3>&- 8>&-
	wait_for 10 test -S "$FRR/zserv"
	frr_bfdd
}

frr_bfdd() {
	lan_spawn node-b /usr/lib/frr/bfdd -z "$FRR/zserv" --vty_socket "$FRR" -i "$FRR/bfdd.pid" -f "$FRR/bfdd.conf" \
		-A 127.0.0.1 -P 0 --bfdctl "$FRR/bfdd.sock" </dev/null >"$T/bfdd.log" 2>&1 3>&- 8>&-
	BFDD=$LAN_PID
}

frr_says() { # REGEX: in what it shows of its peer
	lan_run node-b vtysh --vty_socket "$FRR" -c 'show bfd peers' | grep -qE "$1"
}

@test "a session with FRR comes up; each notices that the other is silent, and says goodbye" {
	frr 100
	members_on_a
	wait_for 20 told 'session up'
	wait_for 10 frr_says 'Status: up'
	# ours is killed: theirs detects it
	kill -KILL "$MEMBERS"
	wait_for 10 frr_says 'Diagnostics: control detection time expired'
	frr_says 'Status: down'
	members_on_a
	wait_for 20 told 'session up'
	# ours leaves: theirs is told
	kill "$MEMBERS"
	wait_for 10 frr_says 'Diagnostics: neighbor signaled session down'
	members_on_a
	wait_for 20 told 'session up'
	# theirs is killed: ours detects it, after 300 ms
	kill -KILL "$BFDD"
	wait_for 10 told 'detection time expired'
	jq -es '[.[] | select(.object.metadata.name == "node-b" and .object.status.silence).object.status.silence |
		rtrimstr("ms") | tonumber] | all(. >= 299) and length > 0' "$T/out"
	frr_bfdd
	wait_for 20 told 'session up'
	# theirs is shut down: ours is told
	lan_run node-b vtysh --vty_socket "$FRR" -c 'configure' -c 'bfd' \
		-c "peer 192.0.2.11 multihop local-address 192.0.2.12" -c shutdown
	wait_for 10 told AdminDown
}

@test "the same over IPv6, with an interval of FRR's that is negotiated" {
	A=2001:db8::11 B=2001:db8::12
	frr 250
	members_on_a
	wait_for 20 told 'session up'
	wait_for 10 frr_says 'Status: up'
	frr_says 'Transmission interval: 100ms' # as we said
	kill -KILL "$BFDD"
	wait_for 10 told 'detection time expired'
	jq -es '[.[] | select(.object.metadata.name == "node-b" and .object.status.silence).object.status.silence |
		rtrimstr("ms") | tonumber] | all(. >= 749) and length > 0' "$T/out"
}

bird() { # PASSWORD
	cat >"$T/bird.conf" <<-EOF
		protocol device {}
		protocol bfd {
			multihop {
				interval 100 ms;
				multiplier 3;
				authentication meticulous keyed sha1;
				password "$1";
			};
			neighbor 192.0.2.11 local 192.0.2.12 multihop on;
		}
	EOF
	lan_spawn node-b bird -f -c "$T/bird.conf" -s "$T/bird.ctl" -P "$T/bird.pid" </dev/null >"$T/bird.log" 2>&1 3>&- 8>&-
	BIRD=$LAN_PID
	wait_for 10 test -S "$T/bird.ctl"
}

bird_says() { # STATE
	lan_run node-b birdc -s "$T/bird.ctl" show bfd sessions | grep -q "192.0.2.11 .* $1 "
}

@test "a session with BIRD, with Meticulous Keyed SHA1, comes up and goes down both ways" {
	echo s3cret >"$T/secret"
	bird s3cret
	members_on_a --secret-file "$T/secret"
	wait_for 20 told 'session up'
	wait_for 10 bird_says Up
	kill -KILL "$MEMBERS"
	wait_for 10 bird_says Down
	members_on_a --secret-file "$T/secret"
	wait_for 20 told 'session up'
	kill -KILL "$BIRD"
	wait_for 10 told 'detection time expired'
}

@test "with another secret no session comes up" {
	echo other >"$T/secret"
	bird s3cret
	members_on_a --secret-file "$T/secret"
	wait_for 20 told 'never up'
	bird_says Down
	run ! told 'session up'
}
