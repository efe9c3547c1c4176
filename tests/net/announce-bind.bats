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

@test "--bind puts back at once what somebody removes" {
	lan_run node-a sh -c 'ip link add vip0 type veth peer name vip1 && ip link set vip1 up && ip link set vip0 up'
	announce_on node-a 8 --interface eth0 --bind --bind-interface vip0
	announcement ADDED web node-a '"192.0.2.10","2001:db8::10"' >&8
	wait_for 5 bound node-a 192.0.2.10 vip0
	in6() { lan_run node-a ip -o addr show dev vip0 | grep -q '2001:db8::10/128'; }
	wait_for 5 in6
	local start=$SECONDS
	for i in 1 2 3 4 5; do
		lan_run node-a ip addr del 192.0.2.10/32 dev vip0
		wait_for 5 bound node-a 192.0.2.10 vip0
		lan_run node-a sh -c 'ip link set vip0 down && ip link set vip0 up'
		wait_for 5 in6
		lan_run client ping -c 1 -w 2 2001:db8::10
	done
	[ $((SECONDS - start)) -lt 12 ] # waiting to be renewed, they would have taken twice that
}

@test "--bind leaves alone an address that somebody makes permanent meanwhile" {
	forever() { lan_run node-a ip -o addr show dev eth0 | grep " $1/" | grep -q 'valid_lft forever'; }
	announce_on node-a 8 --bind --grace 0s
	announcement ADDED web node-a '"192.0.2.10","2001:db8::10"' >&8
	wait_for 5 bound node-a 192.0.2.10
	lan_run node-a ip addr change 192.0.2.10/32 dev eth0 valid_lft forever preferred_lft forever
	lan_run node-a ip addr change 2001:db8::10/128 dev eth0 valid_lft forever preferred_lft forever
	announcement ADDED other node-a '"192.0.2.11"' >&8
	wait_for 5 bound node-a 192.0.2.11
	# the first would have been renewed before the other is
	lives() { lan_run node-a ip -o addr show dev eth0 | grep 'inet 192.0.2.11/32' | grep -qE "valid_lft $1sec"; }
	wait_for 10 lives '[78]'
	wait_for 10 lives 10
	forever 192.0.2.10
	forever 2001:db8::10
	lan_stop "$LAN_PID" TERM
	not_bound node-a 192.0.2.11
	forever 192.0.2.10
	forever 2001:db8::10
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
