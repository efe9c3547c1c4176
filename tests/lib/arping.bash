# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# arping: lbctl arping on the host client of a LAN with node-a, node-b and node-c, or other HOSTS.

# shellcheck source=tests/lib/lan.bash
source tests/lib/lan.bash

HOSTS=(node-a node-b node-c client=100)

setup() {
	[ "$(id -u)" -eq 0 ] || skip "network namespaces need root"
	T=$BATS_TEST_TMPDIR
	# no cluster of whoever runs this
	unset KUBECONFIG KUBERNETES_SERVICE_HOST
	export HOME=$T
	lan_up "${HOSTS[@]}"
}

teardown() {
	lan_down
}

arping() { # on the client
	lan_run client "$BUILD/lbctl" arping "$@"
}

ends_in() { # STATUS: what lan_spawn started ends by itself
	local status=0
	wait "$LAN_PID" || status=$?
	[ "$status" -eq "$1" ]
}

nodes() { # DIRECTORY: the Nodes of this LAN as manifests
	mkdir -p "$1"
	local n=0 node
	for node in node-a node-b node-c; do
		n=$((n + 1))
		cat >"$1/$node.yaml" <<-END
			apiVersion: v1
			kind: Node
			metadata: {name: $node}
			status:
			  addresses:
			  - {type: Hostname, address: $node}
			  - {type: InternalIP, address: 192.0.2.$n}
			  conditions:
			  - {type: Ready, status: "True"}
		END
	done
}

# capture HOST FILTER...: frames as tcpdump prints them into $T/frames, once it listens
capture() {
	local host=$1
	shift
	lan_spawn "$host" tcpdump -U -l -nn -e -i eth0 "$@" >"$T/frames" 2>"$T/tcpdump" 3>&-
	wait_for 5 grep -q 'listening on' "$T/tcpdump"
}

frames() { # PATTERN COUNT: that many have been seen
	[ "$(grep -cE "$1" "$T/frames")" -eq "$2" ]
}

# An API server on the client, and a kubeconfig for it.
api_up() {
	local n
	mkdir -p "$T/api" "$T/.kube"
	lan_spawn client tests/lib/fakeapi "$T/api" 2>"$T/api.err" 3>&-
	wait_for 10 test -s "$T/api/url"
	for n in 1 2 3; do
		printf '{"kind":"Node","apiVersion":"v1","metadata":{"name":"%s"},"status":{"addresses":[{"type":"InternalIP","address":"192.0.2.%s"}]}}' \
			"node-$(tr 123 abc <<<$n)" $n |
			lan_run client curl -sf -o "$T/created" -X POST -H 'Content-Type: application/json' \
				--data-binary @- "$(cat "$T/api/url")/api/v1/nodes"
	done
	cat >"$T/.kube/config" <<-END
		apiVersion: v1
		kind: Config
		current-context: lan
		contexts: [{name: lan, context: {cluster: lan, user: me}}]
		clusters: [{name: lan, cluster: {server: "$(cat "$T/api/url")"}}]
		users: [{name: me, user: {token: good}}]
	END
}

# pool DIRECTORY: a cluster whose only ready node is node-b, with the pool "lan" and, of it, three
# Services that hold 192.0.2.65, .66 and .67; the last has no endpoints.
pool() {
	local n
	nodes "$1"
	sed -i 's/status: "True"/status: "False"/' "$1/node-a.yaml" "$1/node-c.yaml"
	cat >"$1/pool.yaml" <<-END
		apiVersion: metallb.io/v1beta1
		kind: IPAddressPool
		metadata: {name: lan, namespace: metallb-system}
		spec: {addresses: ["192.0.2.64/28"]}
		---
		apiVersion: metallb.io/v1beta1
		kind: IPAddressPool
		metadata: {name: six, namespace: metallb-system}
		spec: {addresses: ["2001:db8:0:0:a::/80"]}
		---
		apiVersion: metallb.io/v1beta1
		kind: L2Advertisement
		metadata: {name: all, namespace: metallb-system}
	END
	for n in 65 66 67; do
		service "$n" "192.0.2.$n" >"$1/web$n.yaml"
	done
	sed -i 's/addresses: \[10.0.0.1\]/addresses: []/; /^endpoints:/,$d' "$1/web67.yaml"
}

service() { # NUMBER ADDRESS
	cat <<-END
		apiVersion: v1
		kind: Service
		metadata: {name: web$1, namespace: default}
		spec: {type: LoadBalancer, ports: [{port: 80}]}
		status: {loadBalancer: {ingress: [{ip: "$2"}]}}
		---
		apiVersion: discovery.k8s.io/v1
		kind: EndpointSlice
		metadata: {name: web$1-x, namespace: default, labels: {kubernetes.io/service-name: web$1}}
		addressType: IPv4
		endpoints:
		- {addresses: [10.0.0.1], nodeName: node-b, conditions: {ready: true}}
	END
}
