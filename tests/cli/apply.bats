# SPDX-License-Identifier: Apache-2.0
# lbctl apply --to DIR and --dry-run; the API server is tests/kube's.

bats_require_minimum_version 1.5.0
# shellcheck source=tests/lib/wait.bash
source tests/lib/wait.bash

setup() {
	cd "$BATS_TEST_TMPDIR"
	mkdir cluster
	pids=()
}

teardown() {
	for p in "${pids[@]}"; do
		kill "$p" 2>/dev/null || true
	done
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
		involvedObject: {kind: "Service", namespace: "default", name: "web"}, type: "Normal", reason: "IPAllocated", message: "m"}}' --arg name "$1"
}

service() { # NAME
	printf 'apiVersion: v1\nkind: Service\nmetadata: {name: %s}\nspec: {type: LoadBalancer, ports: [{port: 80}]}\n' "$1"
}

kept() {
	find cluster/.lbctl -type f | sort | xargs
}

@test "a status is written to a file of its own, and a Decision tells it" {
	want web 192.0.2.10 | lbctl apply --to cluster >out
	[ "$(cat cluster/.lbctl/Service/default/web.json)" = '{"kind":"Service","apiVersion":"v1","metadata":{"namespace":"default","name":"web","annotations":{"metallb.io/ip-allocated-from-pool":"p"}},"status":{"loadBalancer":{"ingress":[{"ip":"192.0.2.10"}]}}}' ]
	head -1 out | cmp - <(want web 192.0.2.10)
	[ "$(tail -1 out | jq -c .object.spec)" = '{"subject":{"kind":"Service","namespace":"default","name":"web"},"component":"apply","verdict":"done","code":"Applied","message":"wrote its address 192.0.2.10"}' ]
	[ "$(wc -l <out)" -eq 2 ]
}

@test "what is so already is not written again, also after a restart" {
	want web 192.0.2.10 | lbctl apply --to cluster >out
	before=$(stat -c %i:%Z cluster/.lbctl/Service/default/web.json)
	(want web 192.0.2.10; want web 192.0.2.10) | lbctl apply --to cluster >out
	[ "$(stat -c %i:%Z cluster/.lbctl/Service/default/web.json)" = "$before" ]
	[ "$(grep -c Decision out)" -eq 0 ]
	want web 192.0.2.11 | lbctl apply --to cluster >out
	[ "$(stat -c %i:%Z cluster/.lbctl/Service/default/web.json)" != "$before" ]
}

@test "the user's files are untouched, and no other file is left" {
	service web >cluster/web.yaml
	sum=$(stat -c %i:%Z cluster/web.yaml)
	(lbctl watch --from cluster --once; want web 192.0.2.10; want db 192.0.2.11; event web.1) | lbctl apply --to cluster >out
	[ "$(stat -c %i:%Z cluster/web.yaml)" = "$sum" ]
	[ "$(kept)" = "cluster/.lbctl/Event/default/web.1.json cluster/.lbctl/Service/default/db.json cluster/.lbctl/Service/default/web.json" ]
}

@test "watch shows what was written, and an address that was taken away is gone" {
	service web >cluster/web.yaml
	want web 192.0.2.10 | lbctl apply --to cluster >out
	[ "$(lbctl watch --from cluster --once -k svc | jq -c 'select(.type == "ADDED") | .object.status')" = '{"loadBalancer":{"ingress":[{"ip":"192.0.2.10"}]}}' ]
	want web | lbctl apply --to cluster >out
	tail -1 out | grep -q 'wrote that it has no address'
	[ "$(lbctl watch --from cluster --once -k svc | jq -c 'select(.type == "ADDED") | .object | .status, .metadata.annotations')" = '{"loadBalancer":{"ingress":[]}}
{}' ]
}

@test "what was written goes with its Service, also while nobody looked" {
	service web >cluster/web.yaml
	service db >cluster/db.yaml
	(want web 192.0.2.10; want db 192.0.2.11) | lbctl apply --to cluster >out
	lbctl watch --from cluster --once | lbctl apply --to cluster >out
	[ "$(kept)" = "cluster/.lbctl/Service/default/db.json cluster/.lbctl/Service/default/web.json" ]
	rm cluster/db.yaml
	lbctl watch --from cluster --once | lbctl apply --to cluster >out # too young to be of nobody
	[ -e cluster/.lbctl/Service/default/db.json ]
	touch -d '1 minute ago' cluster/.lbctl/Service/default/*
	lbctl watch --from cluster --once | lbctl apply --to cluster >out # nobody saw DELETED
	[ "$(kept)" = "cluster/.lbctl/Service/default/web.json" ]
	lbctl watch --from cluster 3>&- | lbctl apply --to cluster >out 3>&- &
	pids+=($!)
	wait_for 5 grep -qs BOOKMARK out
	rm cluster/web.yaml
	wait_for 5 test ! -e cluster/.lbctl/Service/default/web.json
}

@test "a stream that does not list Services removes nothing" {
	want web 192.0.2.10 | lbctl apply --to cluster >out
	event web.1 | lbctl apply --to cluster >out
	lbctl watch --from cluster --once -k nodes | lbctl apply --to cluster >out
	[ -e cluster/.lbctl/Service/default/web.json ]
}

@test "an Event that happens again is counted" {
	(event web.1; event web.1; event web.2; event web.1) | lbctl apply --to cluster >out
	[ "$(jq -c '[.count, .reason, (.firstTimestamp <= .lastTimestamp)]' cluster/.lbctl/Event/default/web.1.json)" = '[3,"IPAllocated",true]' ]
	[ "$(jq .count cluster/.lbctl/Event/default/web.2.json)" -eq 1 ]
	jq -e '.lastTimestamp | fromdate > 1700000000' cluster/.lbctl/Event/default/web.1.json
}

@test "Events are kept for an hour" {
	event web.1 | lbctl apply --to cluster >out
	event web.2 | lbctl apply --to cluster >out
	want web 192.0.2.1 | lbctl apply --to cluster >out
	touch -d '2 hours ago' cluster/.lbctl/Event/default/web.1.json cluster/.lbctl/Service/default/web.json
	event web.3 | lbctl apply --to cluster >out
	[ "$(kept)" = "cluster/.lbctl/Event/default/web.2.json cluster/.lbctl/Event/default/web.3.json cluster/.lbctl/Service/default/web.json" ]
}

@test "names that are paths write nothing outside" {
	want ../../../x 192.0.2.1 | lbctl apply --to cluster >out 2>err || status=$?
	[ "$status" -eq 1 ]
	grep -q "Service default/../../../x: Service: '../../../x' is not a name" err
	[ "$(grep -c ApplyFailed out)" -eq 1 ]
	[ "$(find . -name 'x*')" = "" ]
}

@test "a link in place of a folder is not followed" {
	mkdir elsewhere cluster/.lbctl
	ln -s ../../elsewhere cluster/.lbctl/Service
	want web 192.0.2.1 | lbctl apply --to cluster --timeout 200ms >out 2>err || status=$?
	[ "$status" -eq 1 ]
	[ "$(ls elsewhere)" = "" ]
}

@test "what cannot be written in time is named" {
	mkdir cluster/.lbctl
	echo in the way >cluster/.lbctl/Service
	status=0
	want web 192.0.2.1 | lbctl apply --to cluster --timeout 300ms >out 2>err || status=$?
	[ "$status" -eq 1 ]
	grep -q 'writing cluster/.lbctl/Service/default/web.json: Not a directory; trying again' err
	grep -q 'not written: Service default/web' err
	grep -q '1 write was not made within the time of --timeout' err
	rm cluster/.lbctl/Service # and once it can be written, it is
	want web 192.0.2.1 | lbctl apply --to cluster >out
	[ -e cluster/.lbctl/Service/default/web.json ]
}

@test "APPLY of what is not written, or is none, is said and skipped" {
	printf '%s\n' '{"type":"APPLY","object":{"kind":"Service","apiVersion":"v1","metadata":{"name":"x"}}}' \
		'{"type":"APPLY","object":{"kind":"Service","apiVersion":"v1"}}' \
		'{"type":"APPLY","object":{"kind":"Announcement","apiVersion":"lbctl.dev/v1","metadata":{"name":"x"}}}' nonsense >in
	want web 192.0.2.1 >>in
	lbctl apply --to cluster <in >out 2>err
	grep -q 'line 1: APPLY of Service x: metadata.namespace is missing' err
	grep -q 'line 2: APPLY of an object without metadata.name' err
	grep -q 'line 4: ' err
	[ "$(kept)" = cluster/.lbctl/Service/default/web.json ]
	[ "$(grep -v Decision out)" = "$(grep -v nonsense in)" ]
}

@test "--dry-run writes nothing and tells what it would" {
	(want web 192.0.2.10; event web.1; want db) | lbctl apply --dry-run >out
	[ "$(find cluster -mindepth 1)" = "" ]
	[ "$(jq -r 'select(.object.kind == "Decision") | "\(.object.spec.code) \(.object.spec.message)"' out)" = "DryRun would write its address 192.0.2.10
DryRun would write the event IPAllocated
DryRun would write that it has no address" ]
	(want web 192.0.2.10) | lbctl apply --dry-run -o table | grep -q 'default/web .*DryRun'
}

@test "an unwritable directory and bad options are said at once" {
	run -3 lbctl apply --to nowhere
	[ "$output" = "lbctl apply: nowhere: no such directory" ]
	run -2 lbctl apply --to cluster --in-flight 0
	run -2 lbctl apply --to cluster operand
}

@test "SIGTERM finishes and exits 0, a closed reader ends it with 141" {
	mkfifo in pipe
	lbctl apply --to cluster <in >out 3>&- &
	p=$!
	pids+=("$p")
	exec 9>in
	want web 192.0.2.1 >&9
	wait_for 5 test -e cluster/.lbctl/Service/default/web.json
	kill -TERM "$p"
	wait "$p"
	lbctl apply --to cluster <in >pipe 2>err 3>&- &
	p=$!
	pids+=("$p")
	: <pipe
	wait "$p" || status=$?
	exec 9>&-
	[ "$status" -eq 141 ]
}
