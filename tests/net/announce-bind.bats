# SPDX-License-Identifier: Apache-2.0
# lbctl announce --bind: the addresses on an interface of the node.

bats_require_minimum_version 1.5.0
# shellcheck source=tests/lib/announce.bash
source tests/lib/announce.bash

bound() { # HOST ADDRESS [INTERFACE]: on the interface, with a lifetime
	lan_run "$1" ip -o addr show dev "${3:-eth0}" | grep "inet $2/32" | grep -qE 'valid_lft ([0-9]|10)sec'
}

not_bound() {
	! lan_run "$1" ip -o addr | grep -q "inet $2/"
}

lifetime_is() { # SECONDS
	lan_run node-a ip -o addr show dev eth0 | grep 'inet 192.0.2.10/32' | grep -q "valid_lft $1sec"
}

@test "--bind takes the address in, renews it, and takes it back" {
	announce_on node-a 8 --bind --grace 0s
	announcement ADDED web node-a '"192.0.2.10"' >&8
	wait_for 5 bound node-a 192.0.2.10
	spawn node-a python3 -m http.server --bind 0.0.0.0 8080 >/dev/null 2>&1
	wait_for 10 lan_run client curl -s -o /dev/null -m 1 http://192.0.2.10:8080/
	wait_for 5 lifetime_is 8
	wait_for 5 lifetime_is 10
	announcement DELETED web node-a '"192.0.2.10"' >&8
	wait_for 5 not_bound node-a 192.0.2.10
	unanswered 192.0.2.10
}

@test "--bind after SIGKILL: the kernel takes the address away" {
	announce_on node-a 8 --bind --bind-interface lo
	announcement ADDED web node-a '"192.0.2.10"' >&8
	wait_for 5 bound node-a 192.0.2.10 lo
	lan_stop "$LAN_PID" KILL || true
	bound node-a 192.0.2.10 lo
	wait_for 15 not_bound node-a 192.0.2.10
	unanswered 192.0.2.10
}

@test "--bind leaves alone an address that was there for good" {
	lan_run node-a ip addr add 192.0.2.10/32 dev eth0
	announce_on node-a 8 --bind --grace 0s
	announcement ADDED web node-a '"192.0.2.10"' >&8
	announcement ADDED other node-a '"192.0.2.11"' >&8
	wait_for 5 bound node-a 192.0.2.11
	lan_run node-a ip -o addr show dev eth0 | grep 'inet 192.0.2.10/32' | grep 'valid_lft forever'
	lan_stop "$LAN_PID" TERM
	lan_run node-a ip -o addr show dev eth0 | grep 'inet 192.0.2.10/32'
	not_bound node-a 192.0.2.11
}

@test "--bind takes in hundreds of addresses" {
	announce_on node-a 8 --bind --bind-interface lo --grace 0s
	announcement ADDED web node-a "$(seq -s, -f '"198.51.100.%g"' 0 199)" >&8
	# shellcheck disable=SC2016 # evaluated each time
	wait_for 5 eval '[ "$(lan_run node-a ip -o addr show dev lo | grep -c inet.198.51.100)" -eq 200 ]'
	answered_by 198.51.100.199 $A
	lan_stop "$LAN_PID" TERM
	not_bound node-a 198.51.100.0
	not_bound node-a 198.51.100.199
}

@test "an interface that isn't there can't be bound to" {
	run -3 lan_run node-a "$BUILD/lbctl" announce --bind --bind-interface nope0 </dev/null
	[[ $output == *'"nope0"'* ]]
}
