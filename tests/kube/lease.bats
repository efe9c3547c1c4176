#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# elect --lease on a real API server, with the controller's own rights, against client-go's leader
# election: whatever happens to the one that holds the Lease, the other takes it, and never both

bats_require_minimum_version 1.5.0
source tests/lib/lan.bash
source tests/lib/cluster.bash

setup_file() {
	lan_up control=1
	cluster_up
	export LAN CLUSTER
	kube apply -f deploy/namespace.yaml -f deploy/rbac.yaml >/dev/null
	cluster_kubeconfig lbctl metallb-system lbctl-controller
	"$CLUSTER_LIB/../kube/build" >"$CLUSTER/build"
}

teardown_file() {
	cluster_down
	lan_down
}

setup() {
	work=$BATS_TEST_TMPDIR
	times='3s 2s 300ms'
	kapi DELETE $leases/lbctl-controller >/dev/null || true
}

teardown() {
	local name
	for name in ours ours2 theirs; do
		cluster_stop $name KILL
		rm -f "$CLUSTER/$name.log"
	done
}

leases=/apis/coordination.k8s.io/v1/namespaces/metallb-system/leases

ours() { # NAME [COMMAND...]: lbctl contends, as process NAME; by default COMMAND works until TERM
	local name=$1 duration renew retry
	read -r duration renew retry <<<"$times"
	shift
	[ $# -gt 0 ] || set -- sh -c 'trap "echo stopped; exit 0" TERM; echo leading; while :; do sleep 0.02; done'
	cluster_spawn "$name" control env KUBECONFIG="$CLUSTER/lbctl.kubeconfig" PATH="$PATH" \
		lbctl elect --lease lbctl-controller --lease-duration "$duration" --renew-deadline "$renew" \
		--retry-period "$retry" -- "$@"
}

theirs() { # client-go contends, as process `theirs`
	# shellcheck disable=SC2086 # words
	cluster_spawn theirs control env KUBECONFIG="$CLUSTER/lbctl.kubeconfig" \
		"$(cat "$CLUSTER/build")/elector" metallb-system lbctl-controller client-go $times
}

said() { # NAME REGEX
	grep -Eq "$2" "$CLUSTER/$1.log"
}

until_said() {
	wait_for 30 said "$@" || { tail -n 20 "$CLUSTER"/{ours,ours2,theirs}.log; return 1; }
}

spec() { # JQ-FILTER
	kapi GET $leases/lbctl-controller | jq -r ".spec$1"
}

@test "it writes what client-go reads, and the other way round" {
	ours ours
	until_said ours ^leading
	[ "$(spec .leaseDurationSeconds)" = 3 ]
	[[ "$(spec .holderIdentity)" =~ ^$(hostname)_[0-9a-f]{32}$ ]]
	[ "$(spec .leaseTransitions)" = 0 ]
	theirs
	until_said theirs "^$(hostname)_[0-9a-f]* leads"
	ours ours2
	until_said ours2 'is held by'
	cluster_stop ours
	cluster_stop ours2
	until_said theirs ^leading
	[ "$(spec .holderIdentity)" = client-go ]
	[ "$(spec .leaseTransitions)" -ge 1 ]
	ours ours2
	until_said ours2 'is held by client-go; waiting for it'
	cluster_stop theirs # releases it, and a watch says so
	until_said ours2 ^leading
}

@test "one that is told to end hands over at once, and the other waits for its command to end" {
	local start ms
	ours ours sh -c 'trap "sleep 0.3; echo stopped at \$(date +%s%N); exit 0" TERM; echo leading; while :; do sleep 0.02; done'
	until_said ours ^leading
	times='60s 40s 20s' # nothing but the watch can be quick
	ours ours2 sh -c 'echo started at $(date +%s%N); sleep 60'
	until_said ours2 'is held by'
	cluster_stop ours
	until_said ours2 '^started at'
	start=$(sed -n 's/^stopped at //p' "$CLUSTER/ours.log")
	ms=$((($(sed -n 's/^started at //p' "$CLUSTER/ours2.log") - start) / 1000000))
	[ $ms -ge 0 ]
	[ $ms -lt 15000 ]
	echo "# the second started $ms ms after the first had ended" >&3
}

@test "a holder that crashes is succeeded when its Lease has expired, in both directions" {
	theirs
	until_said theirs ^leading
	ours ours
	until_said ours 'is held by client-go'
	cluster_stop theirs KILL
	until_said ours ^leading
	rm "$CLUSTER/theirs.log"
	theirs
	until_said theirs leads
	cluster_stop ours KILL
	until_said theirs ^leading
}

@test "handed over again and again, never two lead" {
	local worker='mkdir '$work'/led || { echo BOTH >>'$work'/wrong; exit 1; }
		trap "rmdir '$work'/led; exit 0" TERM; echo leading; while :; do sleep 0.01; done'
	: >"$work/wrong"
	local n name
	ours ours sh -c "$worker"
	until_said ours ^leading # else the next may come first, and the count of changes is one less
	for n in 1 2 3 4 5 6; do
		name=ours2
		[ $((n % 2)) -eq 1 ] || name=ours
		rm -f "$CLUSTER/$name.log"
		ours $name sh -c "$worker"
		until_said $name 'is held by|^leading'
		[ $name = ours ] && cluster_stop ours2 || cluster_stop ours
		until_said $name ^leading
	done
	[ ! -s "$work/wrong" ]
	[ "$(spec .leaseTransitions)" -ge 6 ]
}

@test "the API server goes away: the command is stopped before anybody could take over" {
	ours ours
	until_said ours ^leading
	cluster_stop kube-apiserver KILL
	until_said ours ^stopped
	said ours 'was not renewed within 2 s: .*; stopping the command'
	wait_for 20 eval '! cluster_alive ours'
	ours ours2
	until_said ours2 'trying again until it works'
	cluster_start kube-apiserver
	until_said ours2 ^leading
}

@test "the API server falls silent: the command is stopped all the same, and the Lease is taken when it speaks again" {
	ours ours sh -c 'trap "echo stopped; exit 0" TERM; echo leading; while :; do echo >>'"$work"'/alive; sleep 0.02; done'
	until_said ours ^leading
	theirs
	until_said theirs leads
	kill -STOP "$(cat "$CLUSTER/kube-apiserver.pid")"
	until_said ours ^stopped
	wait_for 20 eval '! cluster_alive ours'
	wc -l <"$work/alive" >"$work/then"
	kill -CONT "$(cat "$CLUSTER/kube-apiserver.pid")"
	ours ours2
	wait_for 60 eval 'said theirs ^leading || said ours2 ^leading'
	[ "$(wc -l <"$work/alive")" -eq "$(cat "$work/then")" ]
}

@test "RBAC narrows it to its own Lease, and a missing right is told" {
	cluster_spawn ours control env KUBECONFIG="$CLUSTER/lbctl.kubeconfig" PATH="$PATH" \
		lbctl elect --lease other -- true
	until_said ours 'cannot get resource "leases" in API group "coordination.k8s.io" in the namespace "metallb-system"; grant it'
	KUBECONFIG="$CLUSTER/admin.kubeconfig" run -0 lan_run control env PATH="$PATH" lbctl elect --lease other --namespace default -- echo ran
	[[ $output = *$'\nran\n'* ]]
}
