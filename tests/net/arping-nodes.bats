# SPDX-License-Identifier: Apache-2.0
# lbctl arping: names of nodes, from manifests or the cluster.

bats_require_minimum_version 1.5.0
# shellcheck source=tests/lib/arping.bash
source tests/lib/arping.bash

@test "node names come from --from, and stand beside a Service's address" {
	nodes "$T/cluster"
	ip -n "$(lan_ns node-b)" addr add 192.0.2.10/32 dev eth0
	run -0 arping -c 1 --from "$T/cluster" 192.0.2.10
	[[ ${lines[1]} =~ ^Unicast\ reply\ from\ 192\.0\.2\.10\ \[02:00:00:00:00:02\]\ [0-9.]+ms\ node-b$ ]]
	[ "${lines[2]}" = "Sent 1 probe, received 1 reply" ]
	# an address of a node itself: its answer to the question for names isn't counted
	run -0 arping -c 1 --from "$T/cluster" 192.0.2.3
	[[ ${lines[1]} == *" node-c" ]]
	[ "${lines[2]}" = "Sent 1 probe, received 1 reply" ]
	ip -n "$(lan_ns node-c)" addr add 192.0.2.10/32 dev eth0
	run -4 arping -c 1 --from "$T/cluster" 192.0.2.10
	[[ $output == *"(node-b)"* && $output == *"(node-c)"* ]]
}

@test "names follow the changes of a recording" {
	nodes "$T/cluster"
	lbctl watch --once --from "$T/cluster" -o json >"$T/now.ndjson"
	jq -c 'select(.type == "ADDED" and .object.metadata.name == "node-b") | .type = "DELETED"' "$T/now.ndjson" >"$T/more"
	jq -c 'select(.type == "ADDED" and .object.metadata.name == "node-c") | .type = "MODIFIED" |
		.object.status.addresses[1].address = "192.0.2.2"' "$T/now.ndjson" >>"$T/more"
	cat "$T/more" >>"$T/now.ndjson"
	run -0 arping --who --from "$T/now.ndjson" 192.0.2.1 192.0.2.2 192.0.2.3
	[ "$output" = "192.0.2.1 node-a 02:00:00:00:00:01
192.0.2.2 node-c 02:00:00:00:00:02
192.0.2.3 unknown 02:00:00:00:00:03" ]
}

@test "this host can be a node, too" {
	nodes "$T/cluster"
	run -0 lan_run node-a "$BUILD/lbctl" arping --from "$T/cluster" -i 50ms 192.0.2.0/28
	[[ ${lines[1]} =~ ^192\.0\.2\.1\ +02:00:00:00:00:01\ +node-a\ +-\ +this\ host$ ]]
	[[ ${lines[2]} =~ node-b ]]
}

@test "a source of names that isn't there is an error if it was named, and nothing if not" {
	run -3 arping -c 1 --from "$T/nowhere" 192.0.2.1
	[[ $output == *"$T/nowhere"* ]]
	mkdir -p "$T/empty"
	run -0 --separate-stderr arping -c 1 --from "$T/empty" 192.0.2.1
	[[ $stderr == *"no names of nodes: there is no Node with an InternalIP" ]]
	mkdir -p "$T/.kube"
	cat >"$T/.kube/config" <<-END
		apiVersion: v1
		kind: Config
		current-context: gone
		contexts: [{name: gone, context: {cluster: gone, user: gone}}]
		clusters: [{name: gone, cluster: {server: "https://192.0.2.50:6443"}}]
		users: [{name: gone, user: {token: none}}]
	END
	run -0 --separate-stderr arping -c 1 192.0.2.1
	[ -z "$stderr" ]
	[ "${lines[-1]}" = "Sent 1 probe, received 1 reply" ]
}

@test "node names come from the cluster of the kubeconfig, asked for or not" {
	api_up
	ip -n "$(lan_ns node-b)" addr add 192.0.2.10/32 dev eth0
	run -0 arping -c 1 192.0.2.10
	[[ ${lines[1]} == *" node-b" ]]
	run -0 arping -c 1 --kubeconfig "$T/.kube/config" 192.0.2.10
	[[ ${lines[1]} == *" node-b" ]]
	# -q has no use for names
	: >"$T/api/requests"
	run -0 arping -q -c 1 192.0.2.10
	[ ! -s "$T/api/requests" ]
}

@test "a cluster that says nothing, or no, costs a second and the names" {
	local start
	api_up
	for fault in silence forbidden html; do
		echo "always GET $fault" >"$T/api/faults"
		start=$(date +%s%N)
		run -0 --separate-stderr arping -c 1 192.0.2.1
		[[ ${lines[1]} == *ms ]]
		[ -z "$stderr" ]
		[ $((($(date +%s%N) - start) / 1000000)) -lt 3000 ]
	done
}

@test "names of nodes delay no probe" {
	api_up
	echo "always GET silence" >"$T/api/faults"
	capture node-a -tt arp and src host 192.0.2.100
	lan_spawn client "$BUILD/lbctl" arping -c 3 -i 100ms 192.0.2.1 >"$T/out" 3>&-
	wait_for 5 frames 'who-has 192.0.2.1 tell 192.0.2.100' 3
	[ ! -s "$T/out" ] # still waiting
	ends_in 0
	awk '{ if (NR > 1 && ($1 - last < 0.095 || $1 - last > 0.3)) exit 1; last = $1 }' "$T/frames"
	[ "$(grep -c '^Unicast reply' "$T/out")" -eq 3 ]
}
