#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# lbctl members with 32 peers: what it costs, and whether it takes a live node for dead meanwhile.
set -euo pipefail
cd "$(dirname "$0")/../.."
source tests/lib/lan.bash
peers=${PEERS:-32} seconds=${SECONDS_EACH:-10}
work=$(mktemp -d)
hosts=()
for ((i = 1; i <= peers + 1; i++)); do
	hosts+=("n$i")
done
lan_up "${hosts[@]}"
trap 'lan_down; rm -rf "$work"' EXIT

for ((i = 1; i <= peers + 1; i++)); do
	printf '{"type":"ADDED","object":{"kind":"Node","apiVersion":"v1","metadata":{"name":"n%s"},"status":{"addresses":[{"type":"InternalIP","address":"192.0.2.%s"}]}}}\n' $i $i
done >"$work/world"
for k in Node:v1 Service:v1 ConfigMap:v1 EndpointSlice:discovery.k8s.io/v1 IPAddressPool:metallb.io/v1beta1 AddressPool:metallb.io/v1beta1 \
	L2Advertisement:metallb.io/v1beta1; do
	printf '{"type":"BOOKMARK","object":{"kind":"%s","apiVersion":"%s","metadata":{"annotations":{"k8s.io/initial-events-end":"true"}}}}\n' \
		"${k%%:*}" "${k#*:}"
done >>"$work/world"
head -c 16 /dev/urandom | base64 >"$work/secret"
mkfifo "$work/in"
exec 8<>"$work/in" # open, and silent
for host in "${hosts[@]}"; do
	lan_spawn "$host" bash -c 'cat "$1" - <&8 | lbctl members --node "$2" --secret-file "$3" --no-wait >"$4"' \
		members "$work/world" "$host" "$work/secret" "$work/$host.out" 2>/dev/null
done

all_up() {
	[ "$(jq -r 'select(.object.status.reason == "session up").object.metadata.name' "$work/n1.out" | sort -u | wc -l)" -ge "$peers" ]
}
wait_for 60 all_up
sleep 2
pid=$(ip netns pids "$(lan_ns n1)" | while read -r p; do [ "$(cat "/proc/$p/comm")" != lbctl ] || echo "$p"; done)
before=$(cut -d' ' -f1 "/proc/$pid/schedstat")
alarms=$(cat "$work"/*.out | grep -c '"alive":false' || true)
sleep "$seconds"
after=$(cut -d' ' -f1 "/proc/$pid/schedstat")
printf 'members, %s peers: CPU\t%s%% of a core\n' "$peers" "$(echo "scale=2; ($after - $before) / $seconds / 10000000" | bc)"
printf 'members, %s peers: false alarms of all in %s s, load %s\t%s\n' "$peers" "$seconds" "$(cut -d' ' -f1 /proc/loadavg)" \
	"$(($(cat "$work"/*.out | grep -c '"alive":false') - alarms))"
