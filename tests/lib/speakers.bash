# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# speakers: nodes of a LAN, each with the pipeline of a speaker, and a client that asks.
#
#	source tests/lib/lan.bash
#	source tests/lib/speakers.bash
#	speakers_up DIR node-a node-b node-c	# DIR holds the cluster and what the speakers write
#	speaker node-a				# its pipeline, and wait until all agree: speakers_agree
#	gap=$(speakers_gap 300 1500 kill KILL "$(speaker_stage node-a members)")
#
# There is one Service, with 192.0.2.200.  The time an option takes is tests/lib/gap's.  For speakers on an
# API server set SPEAKERS_DIR, SPEAKERS_NODES, SPEAKERS_WATCH='' and SPEAKERS_APPLY='lbctl apply' instead
# of speakers_up, and $KUBECONFIG.

# shellcheck source=tests/lib/gap.bash
source tests/lib/gap.bash

SPEAKERS_ADDRESS=192.0.2.200
SPEAKERS_WATCH='--from cluster' # options of watch
SPEAKERS_APPLY='cat'            # the last stage
SPEAKERS_STAMP=''               # a program that passes records on, and notes the times in its argument
declare -gA SPEAKERS

speakers_up() { # DIR NODE...
	local n i=10
	SPEAKERS_DIR=$1
	SPEAKERS_NODES=("${@:2}")
	mkdir -p "$1/cluster"
	lan_up client=100
	for n in "${@:2}"; do
		i=$((i + 1))
		lan_up "$n=$i"
		speakers_node "$n" 192.0.2.$i >"$1/cluster/$n.yaml"
	done
	speakers_world >"$1/cluster/world.yaml"
	head -c 16 /dev/urandom | base64 >"$1/secret"
}

speakers_node() { # NAME ADDRESS
	cat <<-EOF
		apiVersion: v1
		kind: Node
		metadata: {name: $1}
		status:
		  addresses: [{type: InternalIP, address: $2}]
		  conditions: [{type: Ready, status: "True"}]
	EOF
}

speakers_world() {
	cat <<-EOF
		apiVersion: metallb.io/v1beta1
		kind: IPAddressPool
		metadata: {name: p, namespace: metallb-system}
		spec: {addresses: [192.0.2.200-192.0.2.210]}
		---
		apiVersion: metallb.io/v1beta1
		kind: L2Advertisement
		metadata: {name: l, namespace: metallb-system}
		---
		apiVersion: v1
		kind: Service
		metadata: {name: web, namespace: default}
		spec: {type: LoadBalancer, clusterIP: 203.0.113.1, ports: [{port: 80}], selector: {app: web}}
		status: {loadBalancer: {ingress: [{ip: $SPEAKERS_ADDRESS}]}}
		---
		apiVersion: discovery.k8s.io/v1
		kind: EndpointSlice
		metadata: {name: web-1, namespace: default, labels: {kubernetes.io/service-name: web}}
		addressType: IPv4
		endpoints: [{addresses: [198.51.100.1], nodeName: ${SPEAKERS_NODES[0]}, conditions: {ready: true}}]
	EOF
}

# speaker NODE [OPTION of members...]: starts it; what its stages write is NODE.out and NODE.err, and
# with $SPEAKERS_STAMP when members and elect write what is NODE.members and NODE.elect
speaker() {
	local node=$1 d=$SPEAKERS_DIR after_members='|' after_elect='|'
	shift
	if [ -n "$SPEAKERS_STAMP" ]; then
		after_members="| $SPEAKERS_STAMP $node.members |"
		after_elect="| $SPEAKERS_STAMP $node.elect |"
	fi
	lan_spawn "$node" bash -c 'set -o pipefail
		cd "$1"; node=$2 watch=$3 apply=$4; shift 4
		lbctl watch $watch -k speaker | lbctl members --node $node --secret-file secret "$@" '"$after_members"'
			lbctl elect --node $node '"$after_elect"' lbctl announce --node $node | $apply >$node.out' \
		speaker "$d" "$node" "$SPEAKERS_WATCH" "$SPEAKERS_APPLY" "$@" </dev/null >/dev/null 2>>"$d/$node.err" 3>&-
	SPEAKERS[$node]=$LAN_PID
}

speaker_stage() { # NODE STAGE: its process; "shell" is that of the pipeline
	[ "$2" != shell ] || {
		echo "${SPEAKERS[$1]}"
		return
	}
	pgrep -P "${SPEAKERS[$1]}" -f "^lbctl $2"
}

# Whatever is left of it, and it is waited for
speaker_ended() {
	wait_for 10 speaker_gone "$1"
	unset "SPEAKERS[$1]"
}

speaker_gone() {
	local pid=${SPEAKERS[$1]}
	! pgrep -P "$pid" >/dev/null && ! kill -0 "$pid" 2>/dev/null
}

# The node that its last Members say is alive, seen from NODE
speaker_sees() {
	jq -rs '[.[] | select(.object.kind == "Member")] | group_by(.object.metadata.name) |
		map(last | select(.object.status.alive).object.metadata.name) | join(" ")' "$SPEAKERS_DIR/$1.out"
}

# All that run see all that run, and the address is answered by one host
speakers_agree() {
	local n want
	want=$(printf '%s\n' "${!SPEAKERS[@]}" | sort | xargs)
	for n in "${!SPEAKERS[@]}"; do
		[ "$(speaker_sees "$n" 2>/dev/null)" = "$want" ] || return 1
	done
	[ -n "$(speakers_announcer)" ]
}

# The node that answers the client; nothing when none does or several do
speakers_announcer() {
	local mac n
	mac=$(lan_run client arping -c 3 -w 1 -f -I eth0 $SPEAKERS_ADDRESS | sed -n 's/.*\[\([0-9A-F:]*\)\].*/\L\1/p' | sort -u)
	for n in "${SPEAKERS_NODES[@]}"; do
		[ "$(lan_mac "$n")" != "$mac" ] || echo "$n"
	done
}

speakers_gap() { # BEFORE AFTER DEED...: tests/lib/gap at the client
	lan_run client tests/lib/gap eth0 $SPEAKERS_ADDRESS "$@"
}

# A rolling restart under a client that asks all the while: each in turn is told to stop, started anew,
# and a member again before the next.  Prints what gap does.
speakers_roll() {
	local n asking
	rm -f "$SPEAKERS_DIR/rolled"
	speakers_gap 200 1200 sh -c 'until [ -e "$1" ]; do sleep 0.05; done' sh "$SPEAKERS_DIR/rolled" >"$SPEAKERS_DIR/roll" 3>&- &
	asking=$!
	for n in "${SPEAKERS_NODES[@]}"; do
		kill -TERM "$(speaker_stage "$n" watch)"
		speaker_ended "$n"
		speaker "$n"
		wait_for 10 speakers_agree
	done
	touch "$SPEAKERS_DIR/rolled"
	wait $asking
	cat "$SPEAKERS_DIR/roll"
}
