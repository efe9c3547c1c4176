#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Against a real API server, through the pipelines of deploy/, with 1,000 Services:
# from the start of the controller until all have an address, also with 5,000 more; from the creation
# of one (API call sent) to its first frame at the client; from the start of a speaker to its first answer;
# memory of each stage; sizes.
# Nothing of this machine does the same work for a ratio.
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

descendants() { # PID...
	local pid
	for pid in "$@"; do
		echo "$pid"
		# shellcheck disable=SC2046 # words
		descendants $(pgrep -P "$pid")
	done
}

lbctl_of() { # POD: the processes of its pipeline
	local pid
	for pid in $(descendants "$(cat "$CLUSTER/$1.pid")"); do
		[ "$(cat "/proc/$pid/comm")" != lbctl ] || echo "$pid"
	done
}

stages() { # POD: "STAGE KIB" of each
	local pid
	for pid in $(lbctl_of "$1"); do
		echo "$(tr '\0' '\n' <"/proc/$pid/cmdline" | sed -n 2p)" \
			"$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$pid/status")"
	done
}

cpu_ms() { # PID...: what they have used, together
	local pid ms=0
	for pid in "$@"; do
		ms=$((ms + $(awk -v hz="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); print int(($12 + $13) * 1000 / hz) }' "/proc/$pid/stat")))
	done
	echo $ms
}

server_ms() {
	cpu_ms "$(cat "$CLUSTER/kube-apiserver.pid")" "$(cat "$CLUSTER/etcd.pid")" "$(cat "$CLUSTER/kube-controller-manager.pid")"
}

assigned() { # COUNT: the controller has said so often that it wrote one; asking the server would disturb it
	[ "$(grep -c 'wrote its address' "$CLUSTER/$controller.log")" -ge "$1" ]
}

# pending PREFIX COUNT: so many wait for a controller; how long until all have an address
pending() {
	local start server ms
	cluster_services default "$2" "$1" >&2
	sleep 2 # the server's own work about them
	rm -f "$CLUSTER/$controller.log"
	server=$(server_ms)
	start=$(date +%s%N)
	cluster_container metallb-system "$controller"
	wait_for 300 assigned "$2"
	ms=$((($(date +%s%N) - start) / 1000000))
	[ "$(cluster_addresses default "$1" | wc -l)" -eq "$2" ]
	row "$2 pending Services, controller started: all have an address" "$ms ms"
	# shellcheck disable=SC2046 # words
	row "  CPU time of it: lbctl / API server, etcd, controllers" \
		"$(cpu_ms $(lbctl_of "$controller")) / $(($(server_ms) - server)) ms"
}

# cold_start TIMES: of node-a's speaker, when no other runs; its whole pipeline starts with nothing known
cold_start() {
	local kubeconfig i
	kubeconfig=$(cluster_kubeconfig cold metallb-system lbctl-speaker)
	for ((i = 0; i < $1; i++)); do
		lan_run client tests/lib/gap eth0 198.18.0.1 0 3000 sh -c 'ip netns exec "$1" env KUBECONFIG="$2" \
			NODE_NAME=node-a setsid sh -c "echo \$\$ >$3/cold.pid; lbctl watch -k speaker | lbctl members |
				lbctl elect | lbctl announce | lbctl apply" </dev/null >/dev/null 2>&1 &' \
			sh "$(lan_ns node-a)" "$kubeconfig" "$CLUSTER" | grep -o 'first=[0-9]*' | cut -d= -f2
		kill -KILL -- "-$(cat "$CLUSTER/cold.pid")"
	done | sort -n | xargs
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
spec: {addresses: [198.18.0.0/18]} # RFC 2544: for benchmarks
---
apiVersion: metallb.io/v1beta1
kind: L2Advertisement
metadata: {name: bench, namespace: metallb-system}
POOL
wait_for 60 eval '[ "$(kapi GET "/api/v1/namespaces/metallb-system/pods" | jq ".items | length")" -ge 5 ]'
cluster_pods metallb-system >&2
pods=/api/v1/namespaces/metallb-system/pods
mapfile -t controllers < <(kapi GET "$pods" | jq -r '.items[].metadata.name | select(test("controller"))')
controller=${controllers[0]} speaker=$(kapi GET "$pods" | jq -r '[.items[].metadata.name | select(test("speaker"))][0]')
for pod in "${controllers[@]}"; do
	cluster_stop "$pod"
done

pending bench "$services"
tests/bench/wire.py "$(lan_ns control)" "$(lan_ns client)" "$CLUSTER_API" "$CLUSTER" "$runs" |
	while read -r what p50 p99 most; do
		case $what in
		there) what='  of that: until the API server tells of the Service' ;;
		assigned) what='  then until it tells of its address' ;;
		frame) what='  then until the frame' ;;
		whole) what="a Service's creation to its first frame on the wire, $services exist" ;;
		gratuitous) what='  to its first gratuitous ARP, after the probe' ;;
		esac
		row "$what" "p50 $p50 ms, p99 $p99 ms, at most $most ms"
	done
for pod in $controller $speaker; do
	component=$(kapi GET "$pods/$pod" | jq -r '.metadata.labels["app.kubernetes.io/component"]')
	stages "$pod" | while read -r stage kib; do
		row "memory of $component's $stage, $services Services" "$kib KiB"
	done
done
cluster_stop "$controller"
cluster_slices default "$services" bench node-a >&2
for pod in $(kapi GET "$pods" | jq -r '.items[].metadata.name | select(test("speaker"))'); do
	cluster_stop "$pod"
done
row "start of a speaker to its first answer, $services Services, all of five starts" "$(cold_start 5) ms"
pending many $((services * 5))
cp "${BUILD:-build/plain}/lbctl" "$CLUSTER/stripped" && strip "$CLUSTER/stripped"
row "stripped binary" "$(($(stat -c %s "$CLUSTER/stripped") / 1024)) KiB"
row "image" "$(du -sk --apparent-size "$CLUSTER/image" | cut -f 1) KiB"
