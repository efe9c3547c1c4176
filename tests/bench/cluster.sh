#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Against a real API server, through the pipelines of deploy/, with 1,000 Services:
# from the start of the controller until all have an address; from the creation of one more (API
# call sent) to its first gratuitous ARP at the client; memory of each stage; sizes.
# Nothing of this machine does the same work for a ratio; ARCHITECTURE.md has MetalLB's figures.
set -eo pipefail
cd "$(dirname "$0")/../.."
source tests/lib/lan.bash
source tests/lib/cluster.bash
services=${SERVICES:-1000} runs=${RUNS:-30}

row() {
	printf '%s\t%s\t%s\n' "$1" "$2" "${3:-}"
}

# No kube-proxy: its own work would be measured too.  The API server's Service address is a route.
cluster_proxy() {
	ip -n "$(lan_ns "$1")" route add 10.96.0.1 via 192.0.2.1
}

pod_of() { # COMPONENT [NODE]: the process that cluster_pods started
	kapi GET "/api/v1/namespaces/metallb-system/pods?labelSelector=app.kubernetes.io/component=$1" |
		jq -r --arg node "${2:-}" '.items[] | select($node == "" or .spec.nodeName == $node) | .metadata.name'
}

descendants() { # PID...
	local pid
	for pid in "$@"; do
		echo "$pid"
		# shellcheck disable=SC2046 # words
		descendants $(pgrep -P "$pid")
	done
}

stages() { # POD: "STAGE KIB" of each lbctl in its pipeline
	local pid
	for pid in $(descendants "$(cat "$CLUSTER/$1.pid")"); do
		[ "$(cat "/proc/$pid/comm")" = lbctl ] || continue
		echo "$(tr '\0' '\n' <"/proc/$pid/cmdline" | sed -n 2p)" \
			"$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$pid/status")"
	done
}

assigned() {
	[ "$(kapi GET /api/v1/namespaces/default/services |
		jq '[.items[] | select(.status.loadBalancer.ingress)] | length')" -ge "$1" ]
}

lan_up control=1 node-a=11 node-b=12 node-c=13 client=100 >&2
cluster_up >&2
ip -n "$(lan_ns control)" addr add 10.96.0.1/32 dev lo
lan_run control nft 'add table ip api
	add chain ip api in { type nat hook prerouting priority dstnat; }
	add rule ip api in ip daddr 10.96.0.1 tcp dport 443 redirect to :6443'
kube apply -k deploy >/dev/null
for node in node-a node-b node-c; do
	cluster_node $node
done
kube apply -f - >/dev/null <<'POOL'
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: bench, namespace: metallb-system}
spec: {addresses: [198.18.0.0/20]} # RFC 2544: for benchmarks
---
apiVersion: metallb.io/v1beta1
kind: L2Advertisement
metadata: {name: bench, namespace: metallb-system}
POOL
cluster_services default "$services" bench >&2
wait_for 60 eval '[ "$(kapi GET "/api/v1/namespaces/metallb-system/pods" | jq ".items | length")" -ge 4 ]'
start=$(date +%s%N)
cluster_pods metallb-system >&2
wait_for 120 assigned "$services"
row "$services pending Services, controller started: all have an address" \
	"$(((($(date +%s%N) - start)) / 1000000)) ms"

tests/bench/wire.py "$(lan_ns control)" "$(lan_ns client)" "$CLUSTER_API" "$CLUSTER" "$runs" |
	while read -r p50 p99 most; do
		row "a Service's creation to its first gratuitous ARP, $services exist" \
			"p50 $p50 ms, p99 $p99 ms, at most $most ms"
	done

for component in controller speaker; do
	pod=$(pod_of $component "$([ $component = controller ] || echo node-a)")
	stages "$pod" | while read -r stage kib; do
		row "memory of $component's $stage, $services Services" "$kib KiB"
	done
done
cp "$BUILD/lbctl" "$CLUSTER/stripped" && strip "$CLUSTER/stripped"
row "stripped binary" "$(($(stat -c %s "$CLUSTER/stripped") / 1024)) KiB"
row "image" "$(du -sk --apparent-size "$CLUSTER/image" | cut -f 1) KiB"
