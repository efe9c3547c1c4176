#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016 # expanded where they run
# the LAN itself: what every other network test stands on

bats_require_minimum_version 1.5.0
source tests/lib/lan.bash

teardown() {
	lan_down
}

# a script of its own, outside bats
script() {
	env -u BATS_VERSION bash -c "source tests/lib/lan.bash; $1"
}

gone() {
	! ip netns list | grep -q "^$1"
}

@test "hosts of a LAN reach each other over IPv4 and IPv6 at once" {
	lan_up node-a client=100
	wait_for 5 lan_run client arping -q -f -w 1 -I eth0 192.0.2.1
	wait_for 5 lan_run client ndisc6 -q -1 -w 1000 2001:db8::1 eth0
	[ "$(lan_mac node-a)" = 02:00:00:00:00:01 ]
	[ "$(lan_mac client)" = 02:00:00:00:00:64 ]
	[ "$(lan_number client)" = 100 ]
}

@test "lan_down ends what ran there and leaves nothing" {
	lan_up one two
	lan_spawn one sleep 1000
	lan_run two sh -c 'sleep 1000 3>&- & echo $! >"$0"' "$BATS_TEST_TMPDIR/pid"
	local name=$LAN stray
	stray=$(cat "$BATS_TEST_TMPDIR/pid")
	kill -0 "$stray"
	lan_down
	wait_for 5 gone "$name"
	wait_for 5 eval '! kill -0 $stray 2>/dev/null'
	wait_for 5 eval '! kill -0 $LAN_PID 2>/dev/null'
}

@test "what lan_spawn starts is known by its own pid, and told its signals" {
	lan_up one
	lan_spawn one sh -c 'trap "exit 7" USR1; echo >"$0"; while :; do sleep 0.01; done' \
		"$BATS_TEST_TMPDIR/ready" 3>&-
	wait_for 5 test -s "$BATS_TEST_TMPDIR/ready"
	local status=0
	lan_stop "$LAN_PID" USR1 || status=$?
	[ $status -eq 7 ]
}

@test "a script that fails leaves nothing, and what a killed one left is removed by the next" {
	run script 'lan_up one; echo $LAN; false; exit 3'
	[ "$status" -eq 3 ]
	gone "$output-"
	run script 'lan_up one; echo $LAN; kill -KILL $$'
	local left=${lines[0]}
	run ! gone "$left-"
	lan_up one
	gone "$left-"
}

@test "two LANs stand side by side" {
	lan_up one
	run script 'lan_up one two; wait_for 5 lan_run one arping -q -f -w 1 -I eth0 192.0.2.2'
	[ "$status" -eq 0 ]
	[ "$(lan_mac one)" = 02:00:00:00:00:01 ]
}
