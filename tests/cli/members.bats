# SPDX-License-Identifier: Apache-2.0
# lbctl members alone: options, the stream, joining.  tests/net/members.bats has several of them.

bats_require_minimum_version 1.5.0
# shellcheck source=tests/lib/wait.bash
source tests/lib/wait.bash

setup() {
	T=$BATS_TEST_TMPDIR
}

teardown() {
	[ -z "${PID:-}" ] || kill "$PID" 2>/dev/null || true
}

# A namespace of our own, with loopback only.  No function in the background: its pid is a shell's.
ALONE=(unshare $([ "$(id -u)" -eq 0 ] || echo -Ur) -n sh -c 'ip link set lo up && exec "$@"' sh)
alone() {
	"${ALONE[@]}" "$@"
}

node() { # NAME ADDRESS
	printf '{"type":"ADDED","object":{"kind":"Node","apiVersion":"v1","metadata":{"name":"%s"},"status":{"addresses":[{"type":"InternalIP","address":"%s"}]}}}\n' "$@"
}

# What a speaker's watch says of all that it has read, but not of ConfigMaps
world() {
	local k
	for k in Node:v1 Service:v1 EndpointSlice:discovery.k8s.io/v1 \
		IPAddressPool:metallb.io/v1beta1 AddressPool:metallb.io/v1beta1 L2Advertisement:metallb.io/v1beta1; do
		bookmark "${k%%:*}" "${k#*:}"
	done
}

bookmark() { # KIND APIVERSION
	printf '{"type":"BOOKMARK","object":{"kind":"%s","apiVersion":"%s","metadata":{"annotations":{"k8s.io/initial-events-end":"true"}}}}\n' "$@"
}

# start OPTION...: node-a, with an address of its own; input is written to 8
start() {
	mkfifo "$T/in"
	exec 8<>"$T/in"
	"${ALONE[@]}" lbctl members --node node-a "$@" <"$T/in" >"$T/out" 2>"$T/err" 3>&- 8>&- &
	PID=$!
	exec 8>"$T/in"
	node node-a 127.0.0.1 >&8
}

members() { # FILE: of its Members, in order
	jq -r 'select(.object.kind == "Member") |
		"\(.type) \(.object.metadata.name) \(.object.status.alive) \(.object.status.reason)"' "$1"
}

@test "operands and options that make no sense are usage errors" {
	run -2 lbctl members node-a
	[ "$output" = "lbctl members: no operand is wanted, have 'node-a'" ]
	run -2 lbctl members --port 0
	run -2 lbctl members --port 65536
	[ "$output" = "lbctl members: --port: want 1 to 65535, have 65536" ]
	run -2 lbctl members --multiplier 0
	run -2 lbctl members --multiplier 256
	run -2 lbctl members --interval 29ms
	[ "$output" = "lbctl members: --interval: want 30ms to 10s, have 29ms" ]
	run -2 lbctl members --interval 11s
}

@test "a secret that can't be read, is empty or too long is refused" {
	run -1 lbctl members --secret-file "$T/none" </dev/null
	[ "$output" = "lbctl members: $T/none: No such file or directory" ]
	echo >"$T/empty"
	run -2 lbctl members --secret-file "$T/empty" </dev/null
	[ "$output" = "lbctl members: $T/empty: the secret is empty" ]
	head -c 4097 /dev/zero >"$T/long"
	run -2 lbctl members --secret-file "$T/long" </dev/null
}

@test "without a secret it says what that means, with one it does not" {
	run -0 --separate-stderr lbctl members --node a </dev/null
	# shellcheck disable=SC2154 # set by run
	[[ $stderr == *"no --secret-file: whoever reaches UDP port 7946 can pass for another node"* ]]
	echo secret >"$T/secret"
	run -0 --separate-stderr lbctl members --node a --secret-file "$T/secret" </dev/null
	[[ $stderr != *"no --secret-file"* ]]
}

@test "records pass unchanged after the Member of its own node, which is not alive" {
	{
		node node-a 127.0.0.1
		echo '{"type":"ADDED","object":{"kind":"Service","apiVersion":"v1","metadata":{"name":"x"}}}'
		world
	} >"$T/in"
	alone lbctl members --node node-a <"$T/in" >"$T/out"
	diff "$T/in" <(tail -n +2 "$T/out")
	[ "$(members "$T/out")" = "ADDED node-a false joining" ]
	jq -es '.[0].object | .apiVersion == "lbctl.dev/v1" and
		(.status.since | test("^20[0-9-]{8}T[0-9:]{8}[.][0-9]{3}Z$"))' "$T/out"
}

@test "a Node that is none is skipped, and the stream goes on" {
	run -0 --separate-stderr lbctl members --node a <<<'{"type":"ADDED","object":{"kind":"Node","apiVersion":"v1","metadata":{"name":7}}}'
	[[ $stderr == *"line 1: metadata.name: "*"; ignoring it"* ]]
	[ "${#lines[@]}" -eq 2 ]
}

@test "it joins when all of the world was read and announce has said that it is ready" {
	start
	world >&8
	# nothing is asked before the last kind has come
	wait_for 5 grep -q L2Advertisement "$T/out"
	run ! grep -q notify "$T/out"
	bookmark ConfigMap v1 >&8
	wait_for 5 grep -q notify "$T/out"
	[ "$(jq -r '.object.status.notify // empty' "$T/out")" = $PID ]
	run ! grep -q '"this node"' "$T/out"
	kill -URG $PID
	wait_for 5 grep -q '"this node"' "$T/out"
	[ "$(members "$T/out" | uniq)" = "ADDED node-a false joining
MODIFIED node-a false joining
MODIFIED node-a true this node" ]
}

@test "announce answers for its own node's members alone" {
	alone true || skip "no user namespaces here"
	(
		trap 'echo ready >"$T/ready"' URG
		sed 's/NOTIFY/'$BASHPID'/' >"$T/records" <<-'EOF'
			{"type":"ADDED","object":{"kind":"Member","apiVersion":"lbctl.dev/v1","metadata":{"name":"node-b"},"status":{"alive":false,"reason":"joining","notify":NOTIFY}}}
		EOF
		alone lbctl announce --node node-a <"$T/records" >"$T/out"
		[ ! -e "$T/ready" ]
		alone lbctl announce --node node-b <"$T/records" >"$T/out"
		[ -e "$T/ready" ]
		diff "$T/records" "$T/out"
	)
}

@test "nobody's answer is waited for with --no-wait" {
	start --no-wait
	world >&8
	bookmark ConfigMap v1 >&8
	wait_for 5 grep -q '"this node"' "$T/out"
}

@test "without a Node of its name it waits for that, and says so" {
	start --node nobody --no-wait
	world >&8
	bookmark ConfigMap v1 >&8
	wait_for 5 grep -q 'there is no Node "nobody"' "$T/err"
	node nobody 127.0.0.1 >&8
	# the address is node-a's: no session with that, and none is needed to be alive
	wait_for 5 grep -q '"this node"' "$T/out"
}

@test "a port that is taken is a conflict that tells who may have it" {
	mkfifo "$T/in"
	exec 8<>"$T/in"
	node node-a 127.0.0.1 >&8
	world >&8
	bookmark ConfigMap v1 >&8
	run -4 alone python3 -c '
import socket, subprocess, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("0.0.0.0", 7946))
sys.exit(subprocess.call(["lbctl", "members", "--node", "node-a", "--no-wait"], stdout=subprocess.DEVNULL))' <"$T/in"
	[[ $output == *"127.0.0.1 port 7946 of UDP is in use: another lbctl members or a speaker of MetalLB"* ]]
}

@test "a reader that goes is noticed while nothing happens" {
	mkfifo "$T/in"
	exec 8<>"$T/in"
	lbctl members --node node-a <"$T/in" 2>"$T/err" 3>&- 8>&- > >(head -n 1 >"$T/first") &
	PID=$!
	local status=0
	wait $PID || status=$?
	[ $status -eq 141 ]
	PID=
	grep -q joining "$T/first"
}

@test "SIGTERM is a graceful stop" {
	start --no-wait
	world >&8
	bookmark ConfigMap v1 >&8
	wait_for 5 grep -q '"this node"' "$T/out"
	kill $PID
	wait $PID
	PID=
}

@test "a node whose InternalIP is not on the host would hear nobody, and joins when it is" {
	mkfifo "$T/in"
	exec 8<>"$T/in"
	"${ALONE[@]}" lbctl members --node node-a --no-wait <"$T/in" >"$T/out" 2>"$T/err" 3>&- 8>&- &
	PID=$!
	{ node node-a 192.0.2.7; node node-b 192.0.2.8; world; bookmark ConfigMap v1; } >&8
	wait_for 60 grep -q '192.0.2.7, the InternalIP of this node, is no address of this host; waiting for it' "$T/err"
	wait_for 60 grep -q ConfigMap "$T/out"
	[ "$(members "$T/out")" = 'ADDED node-a false joining' ]
	# shellcheck disable=SC2046
	nsenter -t "$PID" $([ "$(id -u)" -eq 0 ] || echo -U --preserve-credentials) -n ip address add 192.0.2.7/32 dev lo
	is_alive() { members "$T/out" | grep -q 'node-a true this node'; }
	wait_for 60 is_alive
	exec 8>&-
	wait "$PID"
}
