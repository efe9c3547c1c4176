# SPDX-License-Identifier: Apache-2.0
# lbctl elect --lease NAME -- COMMAND...: who runs COMMAND, and what ends it.  The API server is
# lib/fakeapi; tests/kube/lease.bats has a real one, and client-go.

bats_require_minimum_version 1.5.0
# shellcheck source=tests/lib/fakeapi.bash
source tests/lib/fakeapi.bash

setup() {
	fakeapi_setup
	plain
	expires=(--lease-duration 60s --renew-deadline 40s)
}

# for a test that waits for the end of a Lease that is not renewed
soon() {
	expires=(--lease-duration 3s --renew-deadline 1500ms)
}

# contender NAME COMMAND...: in the background, $pid; what it says is in NAME.err, NAME.out
contender() {
	lbctl elect --lease x --namespace ns --retry-period 200ms "${expires[@]}" -- "${@:2}" \
		>"$1.out" 2>"$1.err" 3>&- &
	pid=$!
	pids+=("$pid")
}

# in COMMAND: says so when it starts and when TERM ends it, and whether another was at work
worker='trap "rmdir at-work; echo stopped; exit 0" TERM
if mkdir at-work; then echo started; else echo twice; fi
while :; do sleep 0.02; done'

lease() { # JQ-FILTER
	curl -sf "$url/apis/coordination.k8s.io/v1/namespaces/ns/leases/x" | jq -r "$1"
}

ended() { # PID
	! kill -0 "$1" 2>/dev/null
}

@test "a command runs while the Lease is held, and its status is ours" {
	run -3 lbctl elect --lease x --namespace ns -- sh -c 'echo "out $1"; exit 3' sh word
	[[ $output = *'holding the Lease ns/x as '*'out word'*'the command ended with status 3'* ]]
	[ "$(lease .spec.leaseDurationSeconds)" = 1 ]
	[ "$(lease '.spec.holderIdentity // "nobody"')" = nobody ]
	run -137 lbctl elect --lease x --namespace ns -- sh -c 'kill -9 $$'
	run -127 lbctl elect --lease x --namespace ns -- no-such-command
	[[ $output = *'cannot run no-such-command: No such file or directory'* ]]
	run -126 lbctl elect --lease x --namespace ns -- "$PWD/kc"
	[ "$(lease .spec.leaseTransitions)" = 3 ]
}

@test "what is asked wrongly is a usage error" {
	run -2 lbctl elect --lease x
	[[ $output = *'needs a command to run'* ]]
	run -2 lbctl elect --lease '' -- true
	run -2 lbctl elect -- true
	[[ $output = *"no operand is wanted, have 'true'"* ]]
	run -2 lbctl elect --lease x --lease-duration 1500ms -- true
	[[ $output = *'whole seconds'* ]]
	run -2 lbctl elect --lease x --renew-deadline 15s -- true
	[[ $output = *'must be shorter'* ]]
	run -2 lbctl elect --lease x --retry-period 9s -- true
	[[ $output = *'1.2 times the retry period'* ]]
	KUBECONFIG=$PWD/none run -3 lbctl elect --lease x -- true
}

@test "of two, one runs it; when that one is told to end the other takes over at once" {
	contender a sh -c "$worker"
	local a=$pid
	wait_for 10 has a.out started
	contender b sh -c "$worker"
	wait_for 10 has b.err "the Lease ns/x is held by .*_[0-9a-f]{32}; waiting for it"
	kill -TERM "$a"
	wait_for 10 has b.out started
	wait "$a"
	[ "$(cat a.out)" = $'started\nstopped' ]
	[ "$(cat b.out)" = started ]
	kill -TERM "$pid"
	wait "$pid"
	[ "$(lease .spec.leaseTransitions)" = 1 ]
}

@test "one that is killed takes its command with it, and the Lease goes when it has expired" {
	soon
	contender a sh -c "$worker"
	local a=$pid
	wait_for 10 has a.out started
	contender b sh -c "$worker"
	wait_for 10 has b.err waiting
	local worker_pid
	worker_pid=$(pgrep -P "$a" -x sh)
	kill -KILL "$a"
	wait_for 10 ended "$worker_pid"
	[ "$(cat b.out)" = '' ]
	rmdir at-work
	wait_for 10 has b.out .
	[ "$(cat b.out)" = started ]
}

@test "one that is stopped has its command killed before another takes over" {
	soon
	contender a sh -c 'trap "" TERM; while :; do echo alive >>a.alive; sleep 0.02; done'
	local a=$pid
	wait_for 10 test -s a.alive
	contender b sh -c 'wc -l <a.alive >before; sleep 0.2; wc -l <a.alive >after; cat before; sleep 60'
	wait_for 10 has b.err waiting
	kill -STOP "$a"
	wait_for 10 has b.out .
	cmp before after
	kill -CONT "$a"
	wait "$a" && status=0 || status=$?
	[ "$status" -eq 1 ] || [ "$status" -eq 4 ]
	wait_for 10 has a.err 'stopping the command'
}

@test "an API server that goes away has the command stopped in time" {
	soon
	contender a sh -c "$worker"
	wait_for 10 has a.out started
	stop "$server"
	wait "$pid" && status=0 || status=$?
	[ "$status" -eq 1 ]
	[ "$(cat a.out)" = $'started\nstopped' ]
	has a.err 'cannot reach .*; trying again until it works'
	has a.err 'the Lease ns/x was not renewed within 1 s: .*; stopping the command'
}

@test "one that is slow to end is killed before another can hold the Lease" {
	soon
	contender a sh -c 'trap "" TERM; echo started; while :; do sleep 0.02; done'
	wait_for 10 has a.out started
	local worker_pid
	worker_pid=$(pgrep -P "$pid" -x sh)
	stop "$server"
	wait "$pid" && status=0 || status=$?
	[ "$status" -eq 1 ]
	ended "$worker_pid"
	has a.err 'stopping the command'
}

@test "another name in the Lease stops the command at once" {
	contender a sh -c "$worker"
	wait_for 10 has a.out started
	curl -sf -o /dev/null -X PATCH -H 'Content-Type: application/merge-patch+json' \
		"$url/apis/coordination.k8s.io/v1/namespaces/ns/leases/x" \
		-d '{"spec":{"holderIdentity":"thief","leaseDurationSeconds":60}}'
	wait "$pid" && status=0 || status=$?
	[ "$status" -eq 4 ]
	has a.err 'the Lease ns/x is now held by thief; stopping the command'
	[ "$(tail -n 1 a.err)" = 'lbctl elect: the Lease ns/x is now held by thief' ]
	[ "$(lease .spec.holderIdentity)" = thief ]
}

@test "an outage that is shorter than the renew deadline is survived" {
	contender a sh -c "$worker"
	wait_for 10 has a.out started
	printf 'PUT status 500\nPUT drop\nPUT html\nGET status 503\nGET empty\n' >api/faults
	wait_for 10 eval '! [ -s api/faults ]'
	wait_for 10 has a.err 'answers again'
	[ "$(cat a.out)" = started ]
	kill -TERM "$pid"
	wait "$pid"
}

@test "a server that is not there yet, or does not allow it yet, is waited for" {
	echo 'always leases forbidden' >api/faults
	contender a sh -c 'echo started'
	wait_for 10 has a.err 'cannot list resource "leases" in API group "coordination.k8s.io".*; trying again until it works'
	: >api/faults
	wait "$pid"
	[ "$(cat a.out)" = started ]
	[ "$(grep -c 'trying again' a.err)" -eq 1 ]
}

@test "a signal before the command runs ends it with status 0" {
	contender a sh -c "$worker"
	local a=$pid
	wait_for 10 has a.out started
	contender b sh -c "$worker"
	wait_for 10 has b.err waiting
	kill -TERM "$pid"
	wait "$pid"
	[ "$(cat b.out)" = '' ]
	kill -TERM "$a"
}

@test "a signal is passed to the command alone, and what it leaves behind is ended" {
	contender a sh -c 'trap "echo parent >>said; exit 5" TERM
		sh -c "trap \"echo child >>said; exit\" TERM; echo >ready; while :; do sleep 0.02; done" &
		while :; do sleep 0.02; done'
	wait_for 10 test -e ready
	kill -TERM "$pid"
	wait "$pid" && status=0 || status=$?
	[ "$status" -eq 5 ]
	[ "$(cat said)" = $'parent\nchild' ]
	[ "$(lease '.spec.holderIdentity // "nobody"')" = nobody ]
}

@test "a credential plugin that fails while the command runs is told with its status" {
	cat >plugin <<-END
		#!/bin/sh
		[ ! -e "$PWD/fails" ] || exit 5
		soon=\$(date -u -d '+2 seconds' +%Y-%m-%dT%H:%M:%SZ)
		echo '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{"token":"t","expirationTimestamp":"'\$soon'"}}'
	END
	chmod +x plugin
	sed -i "s|user: {}|user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: $PWD/plugin, interactiveMode: Never}}|" kc
	contender a sh -c 'echo started; while :; do sleep 0.02; done'
	wait_for 10 has a.out started
	touch fails
	wait_for 10 has a.err 'plugin ended with status 5'
}
