# SPDX-License-Identifier: Apache-2.0
# Whole speakers on a LAN: what dies is replaced, as a client sees it that asks every millisecond.
# The bounds are generous, for a machine with other things to do; make bench has the figures.

bats_require_minimum_version 1.5.0
# shellcheck source=tests/lib/lan.bash
source tests/lib/lan.bash
# shellcheck source=tests/lib/speakers.bash
source tests/lib/speakers.bash

setup() {
	local n
	speakers_up "$BATS_TEST_TMPDIR" node-a node-b node-c
	for n in node-a node-b node-c; do
		speaker $n
	done
	wait_for 10 speakers_agree
	first=$(speakers_announcer)
}

teardown() {
	lan_down
}

# replaced MS GAP: another host answered within that time
replaced() {
	echo "$2" >&2
	[ "$(value first "$2")" -le "$1" ]
	[ "$(speakers_announcer)" != "$first" ]
}

settle() {
	wait_for 10 speakers_agree
	first=$(speakers_announcer)
}

again() { # the first one is back, and has its address again
	speaker_ended "$first"
	speaker "$first"
	settle
}

@test "whichever stage of its pipeline is killed, the node is replaced" {
	local stage gap
	for stage in watch members elect announce; do
		gap=$(speakers_gap 200 1500 kill KILL "$(speaker_stage "$first" "$stage")")
		echo "# $stage: $gap" >&3
		replaced 1000 "$gap"
		again
	done
}

@test "the shell of a pipeline may be killed, and nothing happens; all of its processes, and it is replaced" {
	local gap stages
	stages=$(pgrep -P "${SPEAKERS[$first]}" | xargs)
	gap=$(speakers_gap 200 1000 kill KILL "$(speaker_stage "$first" shell)")
	[ "$(value unanswered "$gap")" -eq 0 ]
	[ "$(speakers_announcer)" = "$first" ]
	# shellcheck disable=SC2086 # words
	gap=$(speakers_gap 200 1500 sh -c 'kill -KILL "$@"' sh $stages)
	replaced 1000 "$gap"
}

@test "a planned stop leaves no request unanswered, and both answer for a moment only" {
	local gap
	gap=$(speakers_gap 200 2000 kill TERM "$(speaker_stage "$first" watch)")
	echo "# $gap" >&3
	replaced 500 "$gap"
	[ "$(value unanswered "$gap")" -eq 0 ]
	[ "$(value both "$gap")" -le 500 ]
	again
	# and it comes back as quietly
	[ "$(value unanswered "$gap")" -eq 0 ]
}

@test "a rolling restart leaves no request unanswered" {
	local gap
	speakers_roll >"$BATS_TEST_TMPDIR/gap" # here, for it starts speakers
	gap=$(cat "$BATS_TEST_TMPDIR/gap")
	echo "# $gap" >&3
	[ "$(value sent "$gap")" -ge 1000 ]
	[ "$(value unanswered "$gap")" -eq 0 ]
	[ "$(value both "$gap")" -le 500 ]
}

@test "a node whose link goes down is replaced, and so is one that is cut off one way" {
	local gap
	gap=$(speakers_gap 200 1500 ip -n "$(lan_ns "$first")" link set eth0 down)
	echo "# link down: $gap" >&3
	replaced 1000 "$gap"
	gap=$(speakers_gap 200 1500 ip -n "$(lan_ns "$first")" link set eth0 up)
	echo "# link up: $gap" >&3
	[ "$(value unanswered "$gap")" -eq 0 ]
	[ "$(value both "$gap")" -le 700 ] # it found the others at once, and took the address back by a frame
	settle
	lan_run "$first" nft add table inet cut
	gap=$(speakers_gap 200 1500 ip netns exec "$(lan_ns "$first")" nft -f - <<<'
		add chain inet cut out { type filter hook output priority 0; }
		add rule inet cut out udp dport 7946 drop')
	echo "# one way: $gap" >&3
	[ "$(value unanswered "$gap")" -eq 0 ] # it still answers, and no longer than the others want
	[ "$(value first "$gap")" -le 1000 ]
	lan_run "$first" nft delete table inet cut
	settle
}

@test "one stage that is stopped alone is as good as none: never two that answer for long" {
	local stage gap pid
	for stage in members elect announce; do
		pid=$(speaker_stage "$first" $stage)
		gap=$(speakers_gap 200 4000 kill STOP "$pid")
		echo "# $stage stopped: $gap" >&3
		replaced 4000 "$gap"
		[ "$(value both "$gap")" -le 200 ]
		gap=$(speakers_gap 200 3000 kill CONT "$pid")
		echo "# $stage goes on: $gap" >&3
		[ "$(value both "$gap")" -le 700 ]
		settle
	done
}

@test "announce that is late, and members of an earlier recording, are no stall" {
	local gap pid
	pid=$(speaker_stage "$first" announce)
	gap=$(speakers_gap 200 1500 sh -c 'kill -STOP $1; sleep 0.5; kill -CONT $1' sh "$pid")
	echo "# late: $gap" >&3
	[ "$(value unanswered "$gap")" -le 20 ] # members ran, so nobody has taken over
	[ "$(value first "$gap")" -eq 999999 ]
	# who is not of the pipeline answers, and ends
	printf '{"type":"MODIFIED","object":{"kind":"Member","apiVersion":"lbctl.dev/v1","metadata":{"name":"%s"},"status":{"alive":false,"notify":%s}}}\n' \
		"$first" "$(speaker_stage "$first" members)" >"$BATS_TEST_TMPDIR/recording"
	(
		cat "$BATS_TEST_TMPDIR/recording"
		sleep 1
	) | lbctl elect --node "$first" >/dev/null 2>&1
	gap=$(speakers_gap 200 3000 true)
	echo "# after a recording: $gap" >&3
	[ "$(value unanswered "$gap")" -eq 0 ]
	run ! grep 'has not run' "$BATS_TEST_TMPDIR/$first.err"
}

@test "a speaker that is stopped and goes on knows that it was replaced" {
	local gap pids
	pids=$(pgrep -P "${SPEAKERS[$first]}" | xargs)
	# shellcheck disable=SC2086 # words
	gap=$(speakers_gap 200 1500 sh -c 'kill -STOP "$@"' sh $pids)
	echo "# stopped: $gap" >&3
	replaced 1000 "$gap"
	# shellcheck disable=SC2086 # words
	gap=$(speakers_gap 200 3000 sh -c 'kill -CONT "$@"' sh $pids)
	echo "# goes on: $gap" >&3
	grep -q '"local stall"' "$BATS_TEST_TMPDIR/$first.out"
	[ "$(value both "$gap")" -le 700 ] # it has taken the address back by a frame, not by the other's grace
	[ "$(value frame "$gap")" -lt 3000 ]
	settle
}
