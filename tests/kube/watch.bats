#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# lbctl watch on a real API server: how it lists, and what outages, expired versions and expired
# tokens make of it

bats_require_minimum_version 1.5.0
# shellcheck source=tests/lib/lan.bash
source tests/lib/lan.bash
# shellcheck source=tests/lib/cluster.bash
source tests/lib/cluster.bash

setup_file() {
	lan_up control=1 >/dev/null
	cluster_up >/dev/null
	export LAN CLUSTER
	cluster_services default 3 old >/dev/null
}

teardown_file() {
	cluster_down
	lan_down
}

setup() {
	cd "$BATS_TEST_DIRNAME/../.." || return
	out=$BATS_TEST_TMPDIR/out err=$BATS_TEST_TMPDIR/err
	: >"$out"
}

teardown() {
	[ ! -e "$CLUSTER/watch.pid" ] || cluster_stop watch KILL
	kapi DELETE "/api/v1/namespaces/default/services" >/dev/null 2>&1 || true
}

watch() { # KUBECONFIG OPTION...: into $out, messages into $err
	# shellcheck disable=SC2016 # for the inner shell
	cluster_spawn watch control env KUBECONFIG="$1" OUT="$out" ERR="$err" \
		sh -c 'exec lbctl watch "$@" >"$OUT" 2>"$ERR"' - "${@:2}"
}

admin() {
	echo "$CLUSTER/admin.kubeconfig"
}

has() { # FILE PATTERN
	grep -qE -- "$2" "$1"
}

until_has() { # FILE PATTERN
	wait_for 30 has "$1" "$2" || {
		echo "no '$2' in $1:"
		tail -n 20 "$1" "$err"
		return 1
	}
}

services() { # as the stream tells it: those that exist in the end, "name version"
	jq -rs 'reduce (.[] | select(.object.kind == "Service" and .type != "BOOKMARK")) as $r ({};
		if $r.type == "DELETED" then del(.[$r.object.metadata.name])
		else .[$r.object.metadata.name] = $r.object.metadata.resourceVersion end)
		| to_entries[] | "\(.key) \(.value)"' "$out" | sort
}

services_in_truth() {
	kapi GET /api/v1/namespaces/default/services | jq -r '.items[].metadata | "\(.name) \(.resourceVersion)"' | sort
}

services_agree() {
	[ "$(services)" = "$(services_in_truth)" ]
}

each_told_once() { # no object was told twice at one version
	[ -z "$(jq -r 'select(.type != "BOOKMARK") | "\(.type) \(.object.metadata.uid) \(.object.metadata.resourceVersion)"' "$out" |
		sort | uniq -d)" ]
}

service() { # NAME
	kapi POST /api/v1/namespaces/default/services '{"metadata":{"name":"'"$1"'"},"spec":{"ports":[{"port":80}]}}' >/dev/null
}

label() { # NAME
	kapi PATCH "/api/v1/namespaces/default/services/$1" '{"metadata":{"labels":{"n":"'"$RANDOM"'"}}}' >/dev/null
}

delete() { # NAME
	kapi DELETE "/api/v1/namespaces/default/services/$1" >/dev/null
}

restart_server() { # [FLAG...]
	cluster_stop kube-apiserver KILL
	printf '%s\n' "$@" >"$CLUSTER/apiserver.flags"
	cluster_start kube-apiserver
}

@test "every kind is listed by streaming and watched, all over one connection of HTTP/2" {
	watch "$(admin)" --log debug:kube
	for kind in Service EndpointSlice Node Namespace ConfigMap IPAddressPool L2Advertisement; do
		until_has "$out" "^.\"type\":\"BOOKMARK\",\"object\":.\"kind\":\"$kind\""
	done
	service web
	until_has "$out" '"ADDED".*"name":"web"'
	[ "$(lan_run control ss -Htnp state established | grep -c "pid=$(cat "$CLUSTER/watch.pid"),")" -eq 1 ]
	lan_run control env KUBECONFIG="$(admin)" lbctl watch --once --log debug:kube >"$out" 2>"$err"
	[ "$(grep -o 'from local port [0-9]*' "$err" | sort -u | wc -l)" -eq 1 ]
	has "$err" 'HTTP/2'
	run ! has "$err" 'HTTP/1.1|limit='
}

@test "a thousand Services are told as the API server has them, without what only it needs" {
	cluster_services default 1000 many
	lan_run control env KUBECONFIG="$(admin)" lbctl watch --once -k services >"$out"
	services_agree
	kapi GET /api/v1/namespaces/default/services |
		jq -cS '.items[] | del(.metadata.managedFields)' | sort >"$BATS_TEST_TMPDIR/want"
	jq -cS 'select(.type == "ADDED") | .object | del(.kind, .apiVersion)' "$out" |
		sort | cmp - "$BATS_TEST_TMPDIR/want"
	lan_run control env KUBECONFIG="$(admin)" lbctl watch --once --full -k services | has - managedFields
}

@test "a server killed and started again is found again, and what was missed is told" {
	service kept
	service deleted
	watch "$(admin)" -k controller
	until_has "$out" 'BOOKMARK.*"Service"'
	cluster_stop kube-apiserver KILL
	until_has "$err" 'cannot reach https://192.0.2.1:6443: .*; trying again until it works'
	cluster_start kube-apiserver
	label kept
	delete deleted
	service new
	wait_for 30 services_agree
	each_told_once
	until_has "$err" 'answers again'
	[ "$(grep -c 'trying again' "$err")" -eq 1 ]
	[ "$(grep -c 'answers again' "$err")" -eq 1 ]
}

@test "what it goes on from has been compacted away: the difference is told" {
	service kept
	service changed
	service deleted
	watch "$(admin)" -k controller --log debug:kube
	until_has "$out" 'BOOKMARK.*"Service"'
	wait_for 30 services_agree
	kill -STOP "$(cat "$CLUSTER/watch.pid")"
	restart_server
	label changed
	delete deleted
	service new
	cluster_compact
	restart_server
	kill -CONT "$(cat "$CLUSTER/watch.pid")"
	until_has "$out" '"ADDED".*"name":"new"'
	wait_for 30 services_agree
	each_told_once
	until_has "$err" 'services.watch=true&resourceVersion='
	[ "$(jq -r 'select(.object.metadata.name == "deleted") | .type' "$out" | paste -sd' ')" = 'ADDED DELETED' ]
	[ "$(jq -r 'select(.object.metadata.name == "changed") | .type' "$out" | paste -sd' ')" = 'ADDED MODIFIED' ]
	[ "$(jq -r 'select(.object.metadata.name == "kept") | .type' "$out" | paste -sd' ')" = ADDED ]
}

@test "a ServiceAccount needs list and watch of what is read, and an error names what is missing" {
	kapi POST /api/v1/namespaces/default/serviceaccounts '{"metadata":{"name":"reader"}}' >/dev/null
	cluster_kubeconfig reader default reader >/dev/null
	run -7 --separate-stderr lan_run control env KUBECONFIG="$CLUSTER/reader.kubeconfig" lbctl watch --once -k services
	# shellcheck disable=SC2154 # run sets it
	[[ $stderr == *'User "system:serviceaccount:default:reader" cannot list resource "services" in API group "" at the cluster scope; grant it with a Role or ClusterRole' ]]
	kapi POST /apis/rbac.authorization.k8s.io/v1/clusterroles '{"metadata":{"name":"reader"},"rules":[
		{"apiGroups":[""],"resources":["services"],"verbs":["list"]}]}' >/dev/null
	kapi POST /apis/rbac.authorization.k8s.io/v1/clusterrolebindings '{"metadata":{"name":"reader"},
		"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":"reader"},
		"subjects":[{"kind":"ServiceAccount","namespace":"default","name":"reader"}]}' >/dev/null
	wait_for 10 eval "lan_run control env KUBECONFIG=$CLUSTER/reader.kubeconfig lbctl watch --once -k services 2>/dev/null | has - BOOKMARK"
	watch "$CLUSTER/reader.kubeconfig" -k services
	until_has "$err" 'cannot watch resource "services"'
	kapi PATCH /apis/rbac.authorization.k8s.io/v1/clusterroles/reader '{"rules":[
		{"apiGroups":[""],"resources":["services"],"verbs":["list","watch"]}]}' >/dev/null
	until_has "$err" 'answers again'
	service seen
	until_has "$out" '"ADDED".*"name":"seen"'
}

@test "a watch outlives its token: a refused one is read again from its file" {
	kapi POST /api/v1/namespaces/default/secrets '{"metadata":{"name":"bound"}}' >/dev/null
	local uid
	uid=$(kapi GET /api/v1/namespaces/default/secrets/bound | jq -r .metadata.uid)
	cluster_kubeconfig expiring default default >/dev/null
	kapi POST /apis/rbac.authorization.k8s.io/v1/clusterrolebindings '{"metadata":{"name":"expiring"},
		"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":"view"},
		"subjects":[{"kind":"ServiceAccount","namespace":"default","name":"default"}]}' >/dev/null
	cluster_token default default Secret bound "$uid" >"$CLUSTER/expiring.token"
	wait_for 10 eval "lan_run control env KUBECONFIG=$CLUSTER/expiring.kubeconfig lbctl watch --once -k services >/dev/null 2>&1"
	watch "$CLUSTER/expiring.kubeconfig" -k services
	until_has "$out" BOOKMARK
	kapi DELETE /api/v1/namespaces/default/secrets/bound >/dev/null # and with it the token
	restart_server
	until_has "$err" 'HTTP 401: Unauthorized.*; trying again'
	cluster_token default default >"$CLUSTER/expiring.token.new"
	mv "$CLUSTER/expiring.token.new" "$CLUSTER/expiring.token"
	service after
	until_has "$out" '"ADDED".*"name":"after"'
	until_has "$err" 'answers again'
}

@test "a kind that is defined later is found" {
	watch "$(admin)" -k ipaddresspools
	until_has "$out" BOOKMARK
	kube apply -f deploy/crds.yaml -f deploy/namespace.yaml >/dev/null
	wait_for 20 kapi POST /apis/metallb.io/v1beta1/namespaces/metallb-system/ipaddresspools '{"apiVersion":"metallb.io/v1beta1",
		"kind":"IPAddressPool","metadata":{"name":"first"},"spec":{"addresses":["192.0.2.64/28"]}}' >/dev/null
	until_has "$out" '^."type":"ADDED","object":."kind":"IPAddressPool","apiVersion":"metallb.io/v1beta1".*"name":"first"'
	[ ! -s "$err" ]
	kube delete -f deploy/crds.yaml >/dev/null
	until_has "$out" '"DELETED".*"name":"first"'
}

@test "a server that cannot stream lists is read in pages" {
	restart_server --feature-gates=WatchList=false
	cluster_services default 510 page
	lan_run control env KUBECONFIG="$(admin)" lbctl watch --once -k services --log debug:kube >"$out" 2>"$err"
	services_agree
	each_told_once
	[ "$(grep -c 'limit=500&continue=' "$err")" -eq 1 ]
}
