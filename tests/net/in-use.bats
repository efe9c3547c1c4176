# SPDX-License-Identifier: Apache-2.0
# An address of a pool that somebody else on the network has: the speaker finds it, and the controller
# gives it to nobody else.  Both run on one directory, as they would on one API server.

bats_require_minimum_version 1.5.0
# shellcheck source=tests/lib/lan.bash
source tests/lib/lan.bash

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	lan_up node-a=11 client=100
	mkdir cluster
	cat >cluster/world.yaml <<-END
		{apiVersion: v1, kind: Node, metadata: {name: node-a},
		 status: {addresses: [{type: InternalIP, address: 192.0.2.11}], conditions: [{type: Ready, status: "True"}]}}
		---
		{apiVersion: metallb.io/v1beta1, kind: IPAddressPool, metadata: {name: p, namespace: metallb-system},
		 spec: {addresses: [192.0.2.200-192.0.2.210]}}
		---
		{apiVersion: metallb.io/v1beta1, kind: L2Advertisement, metadata: {name: l, namespace: metallb-system}}
	END
	pipeline control "lbctl watch --from cluster -k controller | lbctl allocate | lbctl apply --to cluster"
	pipeline node-a "lbctl watch --from cluster -k speaker | lbctl members --node node-a |
		lbctl elect --node node-a | lbctl announce --node node-a | lbctl apply --to cluster"
}

teardown() {
	lan_down
	[ -n "${BATS_TEST_COMPLETED:-}" ] || tail -n 30 ./*.out ./*.err
}

pipeline() { # NAME COMMAND: on the host node-a
	lan_spawn node-a bash -c "$2" </dev/null >"$1.out" 2>"$1.err" 3>&-
}

service() { # NAME
	cat >cluster/new <<-END
		{apiVersion: v1, kind: Service, metadata: {name: $1},
		 spec: {type: LoadBalancer, clusterIP: 203.0.113.1, ports: [{port: 80}], selector: {app: a}}}
		---
		{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, addressType: IPv4,
		 metadata: {name: $1-1, labels: {kubernetes.io/service-name: $1}}, ports: [{port: 80}],
		 endpoints: [{addresses: [203.0.113.9], nodeName: node-a, conditions: {ready: true}}]}
	END
	mv cluster/new "cluster/$1.yaml"
}

given() { # NAME ADDRESS
	grep -qsF "\"ip\":\"$2\"" "cluster/.lbctl/Service/default/$1.json"
}

@test "an address that the speaker finds in use is given to no other Service" {
	lan_run client ip addr add 192.0.2.200/32 dev eth0
	wait_for 10 grep -q '"this node"' node-a.out # it is ready: what comes now is new
	service web
	wait_for 10 given web 192.0.2.200
	wait_for 10 grep -q '"code":"AddressInUse"' node-a.out
	wait_for 10 grep -qsF '"lbctl.dev/addresses-in-use":"192.0.2.200=02:00:00:00:00:64"' cluster/.lbctl/Node/_/node-a.json
	wait_for 10 grep -q 'MODIFIED.*"lbctl.dev/addresses-in-use"' control.out
	rm cluster/web.yaml
	wait_for 10 test ! -e cluster/.lbctl/Service/default/web.json
	service other
	wait_for 10 given other 192.0.2.201
	wait_for 10 lan_run client arping -q -f -w 1 -I eth0 192.0.2.201
}
