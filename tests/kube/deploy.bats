#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# deploy/: every manifest is taken by a real API server, the definitions refuse what MetalLB refuses
# and nothing else, and each ServiceAccount may do what its pipeline does and no more

bats_require_minimum_version 1.5.0
source tests/lib/lan.bash
source tests/lib/cluster.bash

setup_file() {
	lan_up control=1
	cluster_up "$@"
	export LAN CLUSTER
	kube apply -k deploy
}

teardown_file() {
	cluster_down
	lan_down
}

# as SERVICEACCOUNT METHOD PATH [BODY]: the HTTP status
as() {
	local token=$CLUSTER/$1.token
	[ -e "$token" ] || cluster_token metallb-system "$1" >"$token"
	lan_run control curl -s -o "$BATS_TEST_TMPDIR/answer" -m 1 -w '%{http_code}' --cacert "$CLUSTER/ca.crt" \
		-H "Authorization: Bearer $(cat "$token")" -X "$2" \
		${4:+-H 'Content-Type: application/json' --data-binary "$4"} "$CLUSTER_API$3"
}

can() { # SERVICEACCOUNT STATUS METHOD PATH [BODY]
	local status
	status=$(as "$1" "${@:3}") || [ $? -eq 28 ] # a watch goes on until curl gives up
	[ "$status" = "$2" ] || {
		echo "$1: $3 $4: $status instead of $2: $(cat "$BATS_TEST_TMPDIR/answer")"
		return 1
	}
}

pool() { # SPEC: as a document
	printf '{"apiVersion":"metallb.io/v1beta1","kind":"IPAddressPool","metadata":{"name":"p","namespace":"metallb-system"},"spec":%s}\n' "$1"
}

advertisement() { # SPEC
	printf '{"apiVersion":"metallb.io/v1beta1","kind":"L2Advertisement","metadata":{"name":"a","namespace":"metallb-system"},"spec":%s}\n' "$1"
}

taken() { # a document on stdin
	kube create --dry-run=server --validate=strict -f -
}

@test "the kustomization has every manifest, and applying it again changes nothing" {
	for f in deploy/*.yaml; do
		[ "$f" = deploy/kustomization.yaml ] || grep -qxF "  - ${f#deploy/}" deploy/kustomization.yaml
	done
	run -0 kube apply -k deploy
	run ! grep -v ' unchanged$' <<<"$output"
}

@test "the samples are taken, without a warning" {
	run -0 --separate-stderr kube apply --validate=strict -f deploy/samples
	# shellcheck disable=SC2154 # set by run
	[ -z "$stderr" ]
	run -0 kube get -n metallb-system ipaddresspools,l2advertisements
	[[ "$output" = *'192.0.2.240-192.0.2.250'* ]]
	kube delete -f deploy/samples >/dev/null
}

@test "the manifests run the image of this version" {
	version=$(lbctl --version)
	for f in deploy/controller.yaml deploy/speaker.yaml; do
		grep -q "image: localhost/lbctl:${version#lbctl } " "$f"
	done
}

@test "an IPAddressPool with everything that MetalLB has is taken, and its status can be written" {
	pool '{"addresses":["192.0.2.0/28","192.0.2.16 - 192.0.2.24","2001:db8::/120","2001:db8:1::-2001:db8:1::ff"],
		"autoAssign":false,"avoidBuggyIPs":true,"serviceAllocation":{"priority":50,"namespaces":["a"],
		"namespaceSelectors":[{"matchLabels":{"x":"y"}}],
		"serviceSelectors":[{"matchExpressions":[{"key":"k","operator":"In","values":["v","w"]},{"key":"l","operator":"Exists"}]}]}}' |
		kube create -f -
	kapi PATCH /apis/metallb.io/v1beta1/namespaces/metallb-system/ipaddresspools/p/status \
		'{"status":{"assignedIPv4":1,"assignedIPv6":0,"availableIPv4":20,"availableIPv6":512}}'
	[ "$(kube get -n metallb-system ipaddresspool p -o jsonpath='{.status.availableIPv6}')" = 512 ]
	kube delete -n metallb-system ipaddresspool p
}

@test "an IPAddressPool's defaults are MetalLB's" {
	run -0 taken < <(pool '{"addresses":["192.0.2.0/28"]}')
	pool '{"addresses":["192.0.2.0/28"]}' | kube create -f -
	[ "$(kube get -n metallb-system ipaddresspool p -o jsonpath='{.spec.autoAssign} {.spec.avoidBuggyIPs}')" = 'true false' ]
	kube delete -n metallb-system ipaddresspool p
}

@test "a wrong IPAddressPool is refused by the API server, naming the field" {
	for addresses in '"192.0.2.1"' '"192.0.2.0/"' '"lan"' '"192.0.2.1-"' '"192.0.2.0/28,192.0.2.32/28"'; do
		run -1 taken < <(pool "{\"addresses\":[$addresses]}")
		[[ "$output" = *'spec.addresses[0]'* ]]
	done
	run -1 taken < <(pool '{"addresses":[]}')
	[[ "$output" = *'spec.addresses'* ]]
	run -1 taken < <(pool '{}')
	[[ "$output" = *'spec.addresses'* ]]
	run -1 taken < <(pool '{"addresses":["192.0.2.0/28"],"autoassign":false}')
	[[ "$output" = *'unknown field "spec.autoassign"'* ]]
	run -1 taken < <(pool '{"addresses":["192.0.2.0/28"],"serviceAllocation":{"serviceSelectors":[{"matchExpressions":[{"key":"k","operator":"In"}]}]}}')
	[[ "$output" = *'In and NotIn need values'* ]]
}

@test "an L2Advertisement with everything that MetalLB has is taken, an empty one too" {
	taken < <(advertisement '{}')
	taken < <(advertisement '{"ipAddressPools":["p"],"ipAddressPoolSelectors":[{"matchLabels":{"x":"y"}}],
		"nodeSelectors":[{"matchExpressions":[{"key":"k","operator":"DoesNotExist"}]}],"interfaces":["eth0"],
		"serviceSelectors":[{}],"preferredNodeSelectors":[{"weight":100,"preference":{"matchLabels":{"a":"b"}}}]}')
}

@test "a wrong L2Advertisement is refused by the API server, naming the field" {
	run -1 taken < <(advertisement '{"preferredNodeSelectors":[{"weight":101,"preference":{}}]}')
	[[ "$output" = *'spec.preferredNodeSelectors[0].weight'* ]]
	run -1 taken < <(advertisement '{"nodeSelectors":[{"matchExpressions":[{"key":"k","operator":"in","values":["v"]}]}]}')
	[[ "$output" = *'spec.nodeSelectors[0].matchExpressions[0].operator'* ]]
	run -1 taken < <(advertisement '{"interfaces":"eth0"}')
	[[ "$output" = *'spec.interfaces'* ]]
}

@test "the controller may do what its pipeline does" {
	kube create service loadbalancer web --tcp=80 >/dev/null
	local c=lbctl-controller ns=/api/v1/namespaces/metallb-system
	can $c 200 GET /api/v1/services
	can $c 200 GET '/api/v1/services?watch=1'
	can $c 200 GET /api/v1/nodes
	can $c 200 GET '/api/v1/nodes?watch=1'
	can $c 200 GET /api/v1/namespaces
	can $c 200 GET '/api/v1/namespaces?watch=1'
	can $c 200 GET /apis/metallb.io/v1beta1/namespaces/metallb-system/ipaddresspools
	can $c 200 GET '/apis/metallb.io/v1beta1/namespaces/metallb-system/ipaddresspools?watch=1'
	can $c 404 GET /apis/metallb.io/v1beta1/namespaces/metallb-system/addresspools # there is no such kind
	can $c 200 GET "$ns/configmaps?fieldSelector=metadata.name%3Dconfig"
	can $c 200 GET "$ns/configmaps?fieldSelector=metadata.name%3Dconfig&watch=1"
	KAPI_TOKEN=$(cat "$CLUSTER/$c.token") kapi APPLY "/api/v1/namespaces/default/services/web/status?fieldManager=lbctl" \
		'{"apiVersion":"v1","kind":"Service","metadata":{"annotations":{"metallb.io/ip-allocated-from-pool":"p"}},
		"status":{"loadBalancer":{"ingress":[{"ip":"192.0.2.240"}]}}}' >/dev/null
	[ "$(cluster_ingress default web)" = 192.0.2.240 ]
	can $c 201 POST /api/v1/namespaces/default/events '{"metadata":{"name":"e"},"involvedObject":{"kind":"Service","namespace":"default","name":"web"}}'
	KAPI_TOKEN=$(cat "$CLUSTER/$c.token") kapi PATCH /api/v1/namespaces/default/events/e '{"count":2}' >/dev/null
}

@test "the controller may hold its Lease, and no other" {
	local c=lbctl-controller leases=/apis/coordination.k8s.io/v1/namespaces/metallb-system/leases lease
	can $c 404 GET $leases/lbctl-controller
	can $c 201 POST $leases '{"metadata":{"name":"lbctl-controller"},"spec":{"holderIdentity":"x"}}'
	lease=$(KAPI_TOKEN=$(cat "$CLUSTER/$c.token") kapi GET $leases/lbctl-controller)
	can $c 200 PUT $leases/lbctl-controller "$lease"
	can $c 200 GET "$leases?watch=1&fieldSelector=metadata.name%3Dlbctl-controller"
	kapi POST $leases '{"metadata":{"name":"other"}}' >/dev/null
	can $c 403 GET $leases/other
	can $c 403 PUT $leases/other '{}'
	can $c 403 GET "$leases?watch=1"
	can $c 403 GET $leases
	can $c 403 DELETE $leases/lbctl-controller
	can $c 403 GET ${leases/metallb-system/default}/lbctl-controller
	can $c 403 POST ${leases/metallb-system/default} '{"metadata":{"name":"lbctl-controller"}}'
	can lbctl-speaker 403 GET $leases/lbctl-controller
}

@test "the controller may do no more" {
	local c=lbctl-controller ns=/api/v1/namespaces/metallb-system
	can $c 403 GET "$ns/secrets"
	can $c 403 GET "$ns/configmaps"
	can $c 403 GET "$ns/configmaps?fieldSelector=metadata.name%3Dother"
	can $c 403 GET "$ns/configmaps/config"
	can $c 403 GET "/api/v1/namespaces/default/configmaps?fieldSelector=metadata.name%3Dconfig"
	can $c 403 GET /apis/metallb.io/v1beta1/ipaddresspools
	KAPI_TOKEN=$(cat "$CLUSTER/$c.token") run ! kapi PATCH /api/v1/nodes/none/status '{"metadata":{"annotations":{"a":"b"}}}'
	can $c 403 GET "$ns/pods"
	can $c 403 POST /api/v1/namespaces/default/services '{"metadata":{"name":"x"},"spec":{"ports":[{"port":80}]}}'
	can $c 403 DELETE /api/v1/namespaces/default/services/web
	can $c 403 PUT /api/v1/namespaces/default/services/web/status '{}'
	KAPI_TOKEN=$(cat "$CLUSTER/$c.token") run ! kapi PATCH /api/v1/namespaces/default/services/web '{"metadata":{"labels":{"a":"b"}}}'
	KAPI_TOKEN=$(cat "$CLUSTER/$c.token") run ! kapi PATCH /apis/metallb.io/v1beta1/namespaces/metallb-system/ipaddresspools/p '{"spec":{}}'
}

@test "a speaker may do what its pipeline does" {
	local s=lbctl-speaker ns=/api/v1/namespaces/metallb-system crs=/apis/metallb.io/v1beta1/namespaces/metallb-system
	for path in /api/v1/services /api/v1/nodes /apis/discovery.k8s.io/v1/endpointslices \
		$crs/ipaddresspools $crs/l2advertisements; do
		can $s 200 GET "$path"
		can $s 200 GET "$path?watch=1"
	done
	can $s 404 GET $crs/addresspools # there is no such kind
	can $s 200 GET "$ns/configmaps?fieldSelector=metadata.name%3Dconfig&watch=1"
	can $s 201 POST /api/v1/namespaces/default/events '{"metadata":{"name":"f"},"involvedObject":{"kind":"Service","namespace":"default","name":"web"}}'
}

@test "a speaker may do no more" {
	local s=lbctl-speaker ns=/api/v1/namespaces/metallb-system
	can $s 403 GET "$ns/secrets"
	can $s 403 GET /api/v1/secrets
	can $s 403 GET "$ns/configmaps"
	can $s 403 GET /api/v1/namespaces
	can $s 403 GET "$ns/pods"
	KAPI_TOKEN=$(cat "$CLUSTER/$s.token") run ! kapi PATCH /api/v1/namespaces/default/services/web/status '{"status":{"loadBalancer":{}}}'
	[[ "$output" = *Forbidden* ]]
	KAPI_TOKEN=$(cat "$CLUSTER/$s.token") run ! kapi PATCH /api/v1/nodes/none '{"metadata":{"labels":{"a":"b"}}}'
	[[ "$output" = *Forbidden* ]]
}
