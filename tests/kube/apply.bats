#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# lbctl apply against a real API server, with the controller's own token

bats_require_minimum_version 1.5.0
source tests/lib/lan.bash
source tests/lib/cluster.bash

setup_file() {
	lan_up control=1
	cluster_up
	export LAN CLUSTER
	kube apply -k deploy >/dev/null
	cluster_kubeconfig lbctl metallb-system lbctl-controller >"$CLUSTER/path"
	cluster_services default 1 web
}

teardown_file() {
	cluster_down
	lan_down
}

apply() { # OPTION...: as the controller
	lan_run control env KUBECONFIG="$(cat "$CLUSTER/path")" PATH="$PATH" lbctl apply "$@"
}

want() { # NAME IP...: an APPLY of a Service's status
	local name=$1
	shift
	jq -nc '{type: "APPLY", object: {kind: "Service", apiVersion: "v1",
		metadata: {namespace: "default", name: $name, annotations: {"metallb.io/ip-allocated-from-pool": (if $ARGS.positional == [] then null else "p" end)}},
		status: {loadBalancer: {ingress: [$ARGS.positional[] | {ip: .}]}}}}' --arg name "$name" --args "$@"
}

event() { # NAME
	jq -nc '{type: "APPLY", object: {kind: "Event", apiVersion: "v1", metadata: {namespace: "default", name: $name},
		involvedObject: {kind: "Service", namespace: "default", name: "web-1"}, type: "Normal", reason: "IPAllocated", message: "m",
		source: {component: "metallb-controller"}}}' --arg name "$1"
}

service() { # NAME FILTER
	kapi GET "/api/v1/namespaces/default/services/$1" | jq -c "$2"
}

codes() {
	jq -r 'select(.object.kind == "Decision") | .object.spec.code'
}

@test "status and annotation are written in one server-side apply, owned by lbctl" {
	name=$(kapi GET /api/v1/namespaces/default/services | jq -r '.items[].metadata.name | select(. != "kubernetes")')
	echo "$name" >"$CLUSTER/name"
	[ "$(want "$name" 192.0.2.10 | apply | codes)" = Applied ]
	[ "$(service "$name" '[.status.loadBalancer.ingress[].ip]')" = '["192.0.2.10"]' ]
	[ "$(service "$name" '.metadata.annotations["metallb.io/ip-allocated-from-pool"]')" = '"p"' ]
	[ "$(service "$name" '[.metadata.managedFields[] | select(.manager == "lbctl") | .operation, .subresource]')" = '["Apply","status"]' ]
}

@test "an address that is taken away goes, and its annotation too, even another's" {
	name=$(cat "$CLUSTER/name")
	kapi PATCH "/api/v1/namespaces/default/services/$name" '{"metadata":{"annotations":{"metallb.io/ip-allocated-from-pool":"other"}}}' >/dev/null
	[ "$(want "$name" | apply | codes)" = Applied ]
	[ "$(service "$name" '.status.loadBalancer, .metadata.annotations')" = '{}
null' ]
}

@test "many writes go over one connection, statuses before Events" {
	local n
	cluster_services default 100 many
	for n in {0..99}; do
		event "many-$n.1"
		want "many-$n" "198.18.0.$n"
	done >"$BATS_TEST_TMPDIR/in"
	apply --log debug:kube <"$BATS_TEST_TMPDIR/in" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err"
	[ "$(codes <"$BATS_TEST_TMPDIR/out" | sort | uniq -c | xargs)" = '200 Applied' ]
	[ "$(grep -o 'HTTP/2 20[01] from local port [0-9]*' "$BATS_TEST_TMPDIR/err" | sort -u | cut -d' ' -f3- | uniq | wc -l)" -eq 1 ]
	jq -r 'select(.object.kind == "Decision") | .object.spec.subject.kind' "$BATS_TEST_TMPDIR/out" >"$BATS_TEST_TMPDIR/kinds"
	# the first Event went before there was anything else, and some are done out of turn
	[ "$(head -n 60 "$BATS_TEST_TMPDIR/kinds" | grep -c Event)" -le 20 ]
	[ "$(cluster_addresses default many | wc -l)" -eq 100 ]
	kapi GET '/api/v1/namespaces/default/events?limit=500' | jq -e '[.items[] | select(.metadata.name | test("^many-[0-9]+[.]1$"))] | length == 100'
}

@test "an Event is counted and dated as kubectl shows it" {
	(event web.1; event web.1; event web.1) | apply >/dev/null
	kapi GET /api/v1/namespaces/default/events/web.1 |
		jq -e '.count == 3 and .source.component == "metallb-controller" and .firstTimestamp != null and .lastTimestamp >= .firstTimestamp'
	kube get events -n default | grep -q IPAllocated
}

@test "a Service that is gone is dropped, and nothing is made in its place" {
	[ "$(want nowhere 192.0.2.10 | apply | codes)" = ApplyDropped ]
	run kapi GET /api/v1/namespaces/default/services/nowhere
	[ "$status" -ne 0 ]
}

@test "what the server refuses is told with its reason, and the rest is written" {
	name=$(cat "$CLUSTER/name")
	status=0
	(want "$name" nonsense; event web.2) | apply >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" || status=$?
	[ "$status" -eq 1 ]
	[ "$(codes <"$BATS_TEST_TMPDIR/out" | sort | xargs)" = "Applied ApplyFailed" ]
	grep -q "Service default/$name: .*must be a valid IP address" "$BATS_TEST_TMPDIR/err"
	grep -q '1 write was refused' "$BATS_TEST_TMPDIR/err"
}

@test "a missing permission is named" {
	kube create serviceaccount nobody -n default >/dev/null
	cluster_kubeconfig nobody default nobody >"$CLUSTER/nobody"
	status=0
	want "$(cat "$CLUSTER/name")" 192.0.2.10 | lan_run control env KUBECONFIG="$(cat "$CLUSTER/nobody")" PATH="$PATH" lbctl apply >/dev/null 2>"$BATS_TEST_TMPDIR/err" || status=$?
	[ "$status" -eq 1 ]
	grep -q 'patch.*services/status' "$BATS_TEST_TMPDIR/err"
}

@test "a thousand writes, each once" {
	cluster_services default 1000 s
	for i in $(kapi GET /api/v1/namespaces/default/services | jq -r '.items[].metadata.name | select(startswith("s"))'); do
		echo "{\"type\":\"APPLY\",\"object\":{\"kind\":\"Service\",\"apiVersion\":\"v1\",\"metadata\":{\"namespace\":\"default\",\"name\":\"$i\"},\"status\":{\"loadBalancer\":{\"ingress\":[{\"ip\":\"192.0.2.10\"}]}}}}"
	done >"$BATS_TEST_TMPDIR/in"
	[ "$(cat "$BATS_TEST_TMPDIR/in" "$BATS_TEST_TMPDIR/in" | apply --timeout 60s | codes | sort | uniq -c | xargs)" = "$(wc -l <"$BATS_TEST_TMPDIR/in") Applied" ]
	[ "$(kapi GET /api/v1/namespaces/default/services | jq '[.items[] | select(.status.loadBalancer.ingress[0].ip == "192.0.2.10")] | length')" = "$(wc -l <"$BATS_TEST_TMPDIR/in")" ]
}

@test "an API server that is away is waited for, and the newest is what it gets" {
	name=$(cat "$CLUSTER/name")
	mkfifo "$BATS_TEST_TMPDIR/in"
	apply --timeout 30s <"$BATS_TEST_TMPDIR/in" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" 3>&- &
	p=$!
	exec 9>"$BATS_TEST_TMPDIR/in"
	cluster_stop kube-apiserver KILL
	want "$name" 192.0.2.20 >&9
	for _ in $(seq 300); do
		grep -q 'trying again' "$BATS_TEST_TMPDIR/err" && break
		sleep 0.02
	done
	grep -q 'trying again' "$BATS_TEST_TMPDIR/err"
	want "$name" 192.0.2.21 >&9
	want "$name" 192.0.2.22 >&9
	cluster_start kube-apiserver 9>&-
	exec 9>&-
	wait "$p" || { cat "$BATS_TEST_TMPDIR/err"; false; }
	[ "$(service "$name" '[.status.loadBalancer.ingress[].ip]')" = '["192.0.2.22"]' ]
	[ "$(codes <"$BATS_TEST_TMPDIR/out")" = Applied ]
}

@test "a speaker tells its interfaces in its Node's annotation, and makes no Node" {
	cluster_kubeconfig lbctl metallb-system lbctl-speaker >"$CLUSTER/speaker"
	kapi POST /api/v1/nodes '{"kind":"Node","apiVersion":"v1","metadata":{"name":"node-x"}}' >/dev/null
	for node in node-x node-y; do
		printf '{"type":"APPLY","object":{"kind":"Node","apiVersion":"v1","metadata":{"name":"%s","annotations":{"lbctl.dev/links":"eth0"}}}}\n' $node
	done | lan_run control env KUBECONFIG="$(cat "$CLUSTER/speaker")" PATH="$PATH" lbctl apply | codes | sort >"$CLUSTER/codes"
	diff "$CLUSTER/codes" <(printf '%s\n' Applied ApplyDropped)
	[ "$(kapi GET /api/v1/nodes/node-x | jq -r '.metadata.annotations["lbctl.dev/links"]')" = eth0 ]
	[ "$(kapi GET /api/v1/nodes | jq '[.items[] | select(.metadata.name == "node-y")] | length')" = 0 ]
}
