# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# story: from a pending Service to a client that gets its page, on a real control plane, with a
# real kube-proxy on each of three nodes, and lbctl's Pods as deploy/ has them.  One story, told
# once with MetalLB's resources (story.bats) and once with the ConfigMap of MetalLB 0.12
# (story-configmap.bats).
source tests/lib/lan.bash
source tests/lib/cluster.bash

NODES=(node-a node-b node-c)

story_up() { # MANIFEST...: lbctl and the two web servers run, and there is no pool
	local n f
	lan_up control=1 node-a=11 node-b=12 node-c=13 client=100
	export LAN
	cluster_up
	export CLUSTER
	for n in "${NODES[@]}"; do
		cluster_node "$n"
	done
	for f in "$@"; do
		kube apply -f "deploy/$f" >/dev/null
	done
	kube apply -f deploy/samples/nginx.yaml >/dev/null
	[ -z "${STORY_SECRET:-}" ] || # as MetalLB's controller makes it
		kube create secret generic -n metallb-system memberlist --from-literal=secretkey="$(head -c 128 /dev/urandom | base64 -w 0)"
	wait_for 10 story_pods default 4
	wait_for 10 story_pods metallb-system 5
	for n in "${NODES[@]}"; do
		cluster_wait "kube-proxy-$n" cluster_proxied "$n" 10.96.0.1
	done
	cluster_pods default
	cluster_pods metallb-system
}

story_pods() { # NAMESPACE COUNT: the controllers have made them
	[ "$(kapi GET "/api/v1/namespaces/$1/pods" | jq '.items | length')" = "$2" ]
}

story_down() {
	[ -z "${CLUSTER:-}" ] || [ -z "${KEEP_LOGS:-}" ] || cp "$CLUSTER"/*.log "$KEEP_LOGS"
	cluster_down
	lan_down
}

pod_on() { # NODE: the speaker there
	kapi GET "/api/v1/namespaces/metallb-system/pods?labelSelector=app.kubernetes.io/component%3Dspeaker&fieldSelector=spec.nodeName%3D$1" |
		jq -r '.items[0].metadata.name'
}

controllers() { # the Pods, a line each
	kapi GET "/api/v1/namespaces/metallb-system/pods?labelSelector=app.kubernetes.io/component%3Dcontroller" |
		jq -r '.items[].metadata.name'
}

controller() { # the one of them that works, once there is one
	wait_for 30 eval '[ -n "$(cluster_holder metallb-system lbctl-controller)" ]' &&
		cluster_holder metallb-system lbctl-controller
}

# elected ADDRESS NODE...: MetalLB's order, worked out without lbctl
elected() {
	local n
	for n in "${@:2}"; do
		echo "$(printf '%s#%s' "$n" "$1" | sha256sum | cut -d' ' -f1) $n"
	done | sort | sed -n '1s/.* //p'
}

without() { # NODE NODE...: all but the first
	local n
	for n in "${@:2}"; do
		[ "$n" = "$1" ] || echo "$n"
	done
}

neighbour() { # ADDRESS: the MAC that the client knows it by
	lan_run client ip neigh show "$1" | sed -n 's/.*lladdr \([0-9a-f:]*\).*/\1/p'
}

web() { # ADDRESS: the first line of what the client is answered
	lan_run client curl -sI -m 2 "http://$1:8080" | head -n 1 | tr -d '\r'
}

answers() { # ADDRESS
	[[ "$(web "$1")" = HTTP/1.?' 200 OK' ]]
}

has_address() { # SERVICE [ADDRESS]: exactly one, and this one
	local have
	have=$(cluster_ingress default "$1")
	[ -n "$have" ] && [ "$have" = "${2:-$have}" ]
}

told() { # SERVICE REASON MESSAGE: by an Event
	kapi GET "/api/v1/namespaces/default/events?fieldSelector=involvedObject.name%3D$1,reason%3D$2" |
		jq -e --arg message "$3" 'any(.items[]; .message == $message)' >/dev/null
}

knows() { # ADDRESS NODE
	[ "$(neighbour "$1")" = "$(lan_mac "$2")" ]
}

# --- its chapters -----------------------------------------------------------------------------

story_pending() {
	for s in nginx-lb nginx2-lb; do
		wait_for 10 said "$(controller)" "default/$s .*waiting"
		[ -z "$(cluster_ingress default "$s")" ]
	done
	[ "$(kube get svc --no-headers | grep -c '<pending>')" -eq 2 ]
	grep -E 'default/nginx-lb .*(IPAddressPool|pool)' "$CLUSTER/$(controller).log"
}

said() { # POD REGEX
	grep -Eq "$2" "$CLUSTER/$1.log"
}

# story_pool FILE: a pool of two addresses
story_pool() {
	sed 's/192\.0\.2\.250/192.0.2.241/' "$1" >"$BATS_TEST_TMPDIR/pool.yaml"
	kube apply -f "$BATS_TEST_TMPDIR/pool.yaml"
	wait_for 5 has_address nginx-lb 192.0.2.240
	wait_for 5 has_address nginx2-lb 192.0.2.241
	run -0 kube get svc nginx-lb nginx2-lb -o \
		jsonpath='{range .items[*]}{.metadata.annotations.metallb\.io/ip-allocated-from-pool}{"\n"}{end}'
	# shellcheck disable=SC2154 # set by run
	[ "$output" = $'default\ndefault' ]
	wait_for 5 told nginx-lb IPAllocated 'Assigned IP ["192.0.2.240"]'
	wait_for 5 told nginx2-lb IPAllocated 'Assigned IP ["192.0.2.241"]'
	kube get svc | sed 's/^/# /' >&3
}

story_answered() {
	for ip in 192.0.2.240 192.0.2.241; do
		wait_for 5 answers $ip
		knows $ip "$(elected $ip "${NODES[@]}")"
	done
	wait_for 5 told nginx-lb nodeAssigned \
		"announcing from node \"$(elected 192.0.2.240 "${NODES[@]}")\" with protocol \"layer2\""
	lan_run client ip neigh show dev eth0 | sed -n 's/^192.0.2.24/# &/p' >&3
}

# all of them are up, and none would take a packet that isn't signed
story_signed() {
	local n other
	for n in "${NODES[@]}"; do
		for other in $(without "$n" "${NODES[@]}"); do
			wait_for 10 said "$(pod_on "$n")" "$other: session up"
		done
		! said "$(pod_on "$n")" 'no --secret-file'
	done
}

story_hurries() {
	local n want='real-time scheduling|a high priority'
	(renice -n -1 -p "$BASHPID") >/dev/null 2>&1 || want='no priority over others' # a machine that lets nobody
	for n in "${NODES[@]}"; do
		said "$(pod_on "$n")" "$want"
	done
}

story_counted() {
	local ip=192.0.2.240 n
	n=$(elected $ip "${NODES[@]}")
	lan_run client arping -q -c 1 -w 2 -I eth0 $ip
	counted "$(pod_on "$n")" >"$BATS_TEST_TMPDIR/counted"
	grep -F "metallb_speaker_announced{service=\"default/nginx-lb\",protocol=\"layer2\",node=\"$n\",ip=\"$ip\"} 1" "$BATS_TEST_TMPDIR/counted"
	grep -E "^metallb_layer2_responses_sent\{ip=\"$ip\",interface=\"eth0\"\} [1-9]" "$BATS_TEST_TMPDIR/counted"
}

counted() { # POD: by its socket
	curl -sf --unix-socket "$CLUSTER/pods/$1/volumes/run/announce.sock" http://lbctl/metrics
}

story_takeover() {
	local ip=192.0.2.240 first second
	first=$(elected $ip "${NODES[@]}")
	# shellcheck disable=SC2046 # words
	second=$(elected $ip $(without "$first" "${NODES[@]}"))
	answers $ip
	knows $ip "$first"
	cluster_spawn tcpdump client tcpdump --immediate-mode -lnei eth0 "arp and src host $ip"
	wait_for 5 grep -q listening "$CLUSTER/tcpdump.log"
	cluster_stop "$(pod_on "$first")"
	said "$(pod_on "$first")" 'container: ended with status 0'
	cluster_node_ready "$first" False
	# no word from the client: what changes its table is the gratuitous ARP
	wait_for 10 knows $ip "$second"
	wait_for 5 grep -q "$(lan_mac "$second") > ff:ff:ff:ff:ff:ff.*$ip" "$CLUSTER/tcpdump.log"
	cluster_stop tcpdump
	wait_for 5 answers $ip
	knows $ip "$second"
	echo "# $ip went from $first to $second" >&3
}

story_next() {
	local s='{"metadata":{"name":"third"},"spec":{"type":"LoadBalancer","ports":[{"port":8080}]}}'
	kapi POST /api/v1/namespaces/default/services "$s" >/dev/null
	wait_for 5 told third AllocationFailed 'Failed to allocate IP for "default/third": no available IPs'
	[ -z "$(cluster_ingress default third)" ]
	kube delete svc nginx-lb
	wait_for 5 has_address third 192.0.2.240
	has_address nginx2-lb 192.0.2.241
}
