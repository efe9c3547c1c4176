#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# what goes wrong around lbctl's Pods on a real control plane, and that nobody's address is lost,
# moved or given twice; the tests build on each other's Services

bats_require_minimum_version 1.5.0
source tests/kube/story.bash

setup_file() {
	story_up namespace.yaml crds.yaml rbac.yaml controller.yaml speaker.yaml
	kube apply -f deploy/samples/pool.yaml
	kapi POST /apis/metallb.io/v1beta1/namespaces/metallb-system/ipaddresspools \
		'{"apiVersion":"metallb.io/v1beta1","kind":"IPAddressPool","metadata":{"name":"large"},"spec":{"addresses":["2001:db8:1::/112"]}}'
	wait_for 10 has_address nginx-lb
	wait_for 10 has_address nginx2-lb
}

teardown_file() {
	story_down
}

setup() {
	cluster_addresses default >"$BATS_TEST_TMPDIR/before"
	processes >"$BATS_TEST_TMPDIR/processes"
}

# every test leaves each Service that was there with the address that it had, and none twice
teardown() {
	cluster_addresses default >"$BATS_TEST_TMPDIR/after"
	[ "$(comm -23 "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/after" | grep -v '^gone')" = '' ]
	[ "$(cut -d' ' -f2 "$BATS_TEST_TMPDIR/after" | sort | uniq -d)" = '' ]
}

processes() { # lines "HOST STAGE PID" of all of lbctl
	local host pid
	for host in $(controllers) "${NODES[@]}"; do
		for pid in $(ip netns pids "$(lan_ns "$host")"); do
			[ "$(cat "/proc/$pid/comm" 2>/dev/null)" != lbctl ] ||
				echo "$host $(tr '\0' ' ' <"/proc/$pid/cmdline" | cut -d' ' -f2,3) $pid"
		done
	done | sort
}

process() { # HOST STAGE
	processes | sed -n "s/^$1 $2 .* \([0-9]*\)$/\1/p" | head -n 1
}

same_speakers() {
	diff <(grep ^node "$BATS_TEST_TMPDIR/processes") <(processes | grep ^node)
}

# one_controller POD: the other stops, and POD works
one_controller() {
	local pod
	for pod in $(controllers); do
		[ "$pod" = "$1" ] || cluster_stop "$pod"
	done
	wait_for 30 eval "[ \"\$(controller)\" = $1 ]"
}

both_controllers() {
	local pod
	for pod in $(controllers); do
		[ -e "$CLUSTER/$pod.pid" ] || cluster_container metallb-system "$pod"
	done
}

addresses() { # PREFIX COUNT: so many have one; asked seldom, for the answer is long
	sleep 0.3
	[ "$(cluster_addresses default "$1" | wc -l)" -ge "$2" ]
}

service() { # NAME
	kapi POST /api/v1/namespaces/default/services \
		'{"metadata":{"name":"'"$1"'"},"spec":{"type":"LoadBalancer","ports":[{"port":8080}]}}' >/dev/null
}

signal_watches() { # SIGNAL
	local pid
	for pid in $(processes | awk '$2 == "watch" && $3 == "-k" { print $4 }'); do
		kill -s "$1" "$pid"
	done
}

@test "a controller that is killed in the middle of its work loses and moves nothing" {
	local victim pod
	pod=$(controller)
	victim=$(process "$pod" allocate)
	cluster_services default 300 middle IPv6 &
	wait_for 20 addresses middle 30
	kill -KILL "$victim"
	cluster_addresses default middle >"$BATS_TEST_TMPDIR/middle"
	wait
	wait_for 30 addresses middle 300
	[ -z "$(comm -23 "$BATS_TEST_TMPDIR/middle" <(cluster_addresses default middle))" ]
	wait_for 10 grep 'container: ended with status 137' "$CLUSTER/$pod.log"
	[ "$(controller)" != "$pod" ] # the other took over
	echo "# killed when $(wc -l <"$BATS_TEST_TMPDIR/middle") of 300 had their address" >&3
}

@test "1,000 Services that wait for a controller all get an address" {
	local start pod
	for pod in $(controllers); do
		cluster_stop "$pod"
	done
	cluster_services default 1000 thousand IPv6
	start=$(date +%s%N)
	both_controllers
	wait_for 60 addresses thousand 1000
	echo "# 1,000 Services had their address $((($(date +%s%N) - start) / 1000000)) ms after the controller's start" >&3
}

@test "the API server killed and started again: addresses are answered meanwhile, and work goes on" {
	answers 192.0.2.240
	cluster_stop kube-apiserver KILL
	lan_run client arping -q -c 3 -w 5 -I eth0 192.0.2.240
	answers 192.0.2.240
	answers 192.0.2.241
	cluster_start kube-apiserver
	service after-outage
	wait_for 60 has_address after-outage
	same_speakers
}

answered_by() { # ADDRESS NODE: it and nobody else
	[ "$(lan_run client arping -c 3 -w 5 -I eth0 "$1" | sed -n 's/.*\[\([0-9A-F:]*\)\].*/\L\1/p' | sort -u)" = "$(lan_mac "$2")" ]
}

@test "a speaker killed while the API server is down: another node answers, and asks nobody" {
	local ip=192.0.2.240 first second pod
	first=$(elected $ip "${NODES[@]}")
	# shellcheck disable=SC2046 # words
	second=$(elected $ip $(without "$first" "${NODES[@]}"))
	pod=$(pod_on "$first")
	wait_for 30 answered_by $ip "$first"
	cluster_stop kube-apiserver KILL
	cluster_stop "$pod" KILL # what would start it again, and then itself
	# shellcheck disable=SC2046 # words
	kill -KILL $(processes | sed -n "s/^$first .* //p") || true # some may be gone already
	wait_for 10 answered_by $ip "$second"
	cluster_start kube-apiserver
	cluster_container metallb-system "$pod"
	wait_for 60 answered_by $ip "$first"
}

@test "etcd compacted while the watches were away: 410, and the difference is made up" {
	service gone
	wait_for 10 has_address gone
	address=$(cluster_ingress default gone)
	version=$(kapi GET /api/v1/services | jq -r .metadata.resourceVersion)
	signal_watches STOP
	kube delete svc gone
	service instead
	cluster_compact
	cluster_stop kube-apiserver KILL
	cluster_start kube-apiserver
	run kapi GET "/api/v1/services?watch=1&resourceVersion=$version&timeoutSeconds=1"
	[[ "$output" = *'"code":410'* ]]
	signal_watches CONT
	wait_for 60 has_address instead "$address"
	same_speakers
}

@test "a token that expired is read anew, by watches and writes" {
	local secrets=/api/v1/namespaces/metallb-system/secrets pod token uid
	pod=$(controller)
	one_controller "$pod"
	uid=$(kapi POST $secrets '{"metadata":{"name":"life"}}' | jq -r .metadata.uid)
	cluster_pod_token metallb-system "$pod" Secret life "$uid"
	token=$(cat "$CLUSTER/pods/$pod/secrets/token")
	kapi DELETE $secrets/life >/dev/null # its token ends with it
	cluster_stop kube-apiserver KILL     # and so do the connections that it opened
	cluster_start kube-apiserver
	KAPI_TOKEN=$token run ! kapi GET /api/v1/services
	[[ "$output" = *Unauthorized* ]]
	service unauthorized
	wait_for 20 said "$pod" 'HTTP 401|Unauthorized'
	[ -z "$(cluster_ingress default unauthorized)" ]
	cluster_pod_token metallb-system "$pod"
	wait_for 60 has_address unauthorized
	both_controllers
}

@test "the controller that works is stopped, or killed: the other goes on where it was" {
	local pod next
	pod=$(controller)
	cluster_stop "$pod" # as a rolling update does
	service after-stop
	wait_for 10 has_address after-stop
	grep 'container: ended with status 0' "$CLUSTER/$pod.log"
	next=$(controller)
	[ "$next" != "$pod" ]
	both_controllers
	wait_for 20 said "$pod" "is held by $next"
	cluster_stop "$next" KILL # as a node that is lost: nobody gives its Lease back
	# shellcheck disable=SC2046 # words
	kill -KILL $(ip netns pids "$(lan_ns "$next")")
	service after-kill
	wait_for 40 has_address after-kill
	[ "$(controller)" = "$pod" ]
	both_controllers
}
