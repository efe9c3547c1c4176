#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# ten speakers and a controller on a real control plane: whatever dies, each address is answered by one
# node soon, and by the same one for all; the tests build on each other

bats_require_minimum_version 1.5.0
source tests/lib/lan.bash
source tests/lib/cluster.bash
source tests/lib/speakers.bash

NODES=(node-a node-b node-c node-d node-e node-f node-g node-h node-i node-j)
ADDRESSES=(192.0.2.200 192.0.2.201 192.0.2.202 192.0.2.203 192.0.2.204)

# Nobody asks for what is behind an address.
cluster_proxy() {
	:
}

setup_file() {
	local n i=10 hosts=()
	for n in "${NODES[@]}"; do
		hosts+=("$n=$((i += 1))")
	done
	lan_up control=1 "${hosts[@]}" client=100
	export LAN
	cluster_up
	export CLUSTER
	kube apply -k deploy >/dev/null
	for n in "${NODES[@]}"; do
		cluster_node "$n"
	done
	cluster_kubeconfig lbctl-controller metallb-system lbctl-controller
	cluster_kubeconfig lbctl-speaker metallb-system lbctl-speaker
	kube apply -f - >/dev/null <<-END
		apiVersion: metallb.io/v1beta1
		kind: IPAddressPool
		metadata: {name: p, namespace: metallb-system}
		spec: {addresses: ["${ADDRESSES[0]}-${ADDRESSES[-1]}"]}
		---
		apiVersion: metallb.io/v1beta1
		kind: L2Advertisement
		metadata: {name: l, namespace: metallb-system}
	END
	for i in "${!ADDRESSES[@]}"; do
		kapi POST /api/v1/namespaces/default/services '{"metadata":{"name":"web-'"$i"'"},
			"spec":{"type":"LoadBalancer","ports":[{"port":80}]}}' >/dev/null
		cluster_slice default web-"$i" node-a 198.51.100.1
	done
	head -c 16 /dev/urandom | base64 >"$BATS_FILE_TMPDIR/secret"
}

teardown_file() {
	cluster_down
	lan_down
}

setup() {
	local n pid
	export KUBECONFIG=$CLUSTER/lbctl-speaker.kubeconfig METALLB_NAMESPACE=metallb-system
	SPEAKERS_DIR=$BATS_FILE_TMPDIR SPEAKERS_NODES=("${NODES[@]}")
	SPEAKERS_WATCH='' SPEAKERS_APPLY='lbctl apply'
	[ -e "$CLUSTER/controller.pid" ] || controller
	all_run
}

teardown() {
	declare -p SPEAKERS >"$BATS_FILE_TMPDIR/speakers"
	[ -z "${BATS_ERROR_STATUS:-}" ] || tail -n 3 "$BATS_FILE_TMPDIR"/*.err
}

controller() {
	cluster_spawn controller control env KUBECONFIG="$CLUSTER/lbctl-controller.kubeconfig" setsid \
		sh -c 'lbctl watch -k controller | lbctl allocate | lbctl apply'
}

# Those that an earlier test left, and the others anew, until all agree
all_run() {
	local n
	# shellcheck source=/dev/null
	[ ! -e "$BATS_FILE_TMPDIR/speakers" ] || source <(sed 's/^declare/declare -g/' "$BATS_FILE_TMPDIR/speakers")
	for n in "${NODES[@]}"; do
		[ -n "${SPEAKERS[$n]:-}" ] || speaker "$n"
	done
	settle
}

settle() {
	wait_for 20 speakers_agree
	wait_for 10 one_each
	first=$(speakers_announcer)
}

# Each address is answered, by one host
one_each() {
	local a answers
	for a in "${ADDRESSES[@]}"; do
		answers=$(lan_run client arping -c 2 -w 1 -I eth0 "$a" | grep -o '\[[0-9A-F:]*\]' | sort -u | wc -l)
		[ "$answers" -eq 1 ] || return 1
	done
}

replaced() { # MS GAP
	echo "$2" >&2
	[ "$(value first "$2")" -le "$1" ]
	[ "$(speakers_announcer)" != "$first" ]
}

stages() { # NODE: all processes of its pipeline
	pgrep -P "${SPEAKERS[$1]}" | xargs
}

kill_all() {
	local n pids=()
	for n in "${NODES[@]}"; do
		# shellcheck disable=SC2207 # words
		pids+=($(stages "$n"))
	done
	kill -KILL "${pids[@]}"
	for n in "${NODES[@]}"; do
		speaker_ended "$n"
	done
}

@test "ten speakers share five addresses, and each is answered by one" {
	[ "$(cluster_addresses default | cut -d' ' -f2 | sort -u | wc -l)" -eq "${#ADDRESSES[@]}" ]
	one_each
}

@test "the pipeline of a node is killed" {
	local gap
	# shellcheck disable=SC2046 # words
	gap=$(speakers_gap 200 1500 sh -c 'kill -KILL "$@"' sh $(stages "$first"))
	echo "# $gap" >&3
	replaced 1000 "$gap"
	speaker_ended "$first"
}

@test "the pipeline of a node stands still, and goes on" {
	local gap stages
	stages=$(stages "$first")
	# shellcheck disable=SC2086 # words
	gap=$(speakers_gap 200 1500 sh -c 'kill -STOP "$@"' sh $stages)
	echo "# $gap" >&3
	replaced 1000 "$gap"
	# shellcheck disable=SC2086 # words
	kill -CONT $stages
}

@test "the link of a node goes down, and comes up" {
	local gap
	gap=$(speakers_gap 200 1500 ip -n "$(lan_ns "$first")" link set eth0 down)
	echo "# $gap" >&3
	replaced 1000 "$gap"
	lan_run "$first" ip link set eth0 up
	ip -n "$(lan_ns "$first")" route add default via 192.0.2.1
}

@test "what a node says to the others is dropped, one way" {
	local gap
	lan_run "$first" nft add table inet cut
	gap=$(speakers_gap 200 1500 ip netns exec "$(lan_ns "$first")" nft -f - <<<'
		add chain inet cut out { type filter hook output priority 0; }
		add rule inet cut out udp dport 7946 drop')
	echo "# $gap" >&3
	lan_run "$first" nft delete table inet cut
	[ "$(value unanswered "$gap")" -eq 0 ]
	[ "$(value first "$gap")" -le 1000 ]
}

@test "a node dies while there is no API server, and comes back with it" {
	local gap
	cluster_stop kube-apiserver KILL
	# shellcheck disable=SC2046 # words
	gap=$(speakers_gap 200 1500 sh -c 'kill -KILL "$@"' sh $(stages "$first"))
	echo "# $gap" >&3
	replaced 1000 "$gap"
	speaker_ended "$first"
	speaker "$first"
	cluster_start kube-apiserver
}

@test "all nodes die at once and start again" {
	kill_all
	[ -z "$(speakers_announcer)" ]
}

@test "the whole cluster dies and starts again, and each Service has its address still" {
	local before n
	before=$(cluster_addresses default)
	kill_all
	kill -KILL -- "-$(cat "$CLUSTER/controller.pid")"
	cluster_stop kube-controller-manager KILL
	cluster_stop kube-apiserver KILL
	cluster_stop etcd KILL
	for n in "${NODES[@]}"; do
		speaker "$n"
	done
	cluster_start etcd
	cluster_start kube-apiserver
	cluster_start kube-controller-manager
	controller
	settle
	[ "$(cluster_addresses default)" = "$before" ]
}
