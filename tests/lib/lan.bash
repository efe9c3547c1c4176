# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# lan: a LAN of network namespaces, for the network tests, the cluster tests and the demo.
#
#	source tests/lib/lan.bash
#	lan_up node-a node-b client=100        # hosts of one switch; as root
#	lan_run client arping -c 1 192.0.2.1   # a command on a host
#	lan_spawn node-a lbctl announce ...    # the same in the background; its pid is $LAN_PID
#	wait_for 5 lan_run client arping -q -f -w 1 -I eth0 192.0.2.1
#	lan_down                               # ends what runs there and removes it all
#
# Each host has eth0 with the MAC 02:00:00:00:00:N, 192.0.2.N/24 and 2001:db8::N/64, usable at
# once; N counts from 1, or is what follows "=".  Names carry the process id, so that LANs stand
# side by side; a later lan_up removes what a process that was killed has left.
#
# A script gets lan_down as its EXIT trap; a bats file calls it in teardown.  From setup_file,
# `export LAN` afterwards, so that the tests find it.

# shellcheck source=tests/lib/wait.bash
source "$(dirname "${BASH_SOURCE[0]}")/wait.bash"

LAN_PIDS=()

# lan_ns HOST: the namespace's name, as `ip -n` takes it
lan_ns() {
	echo "${LAN:?no LAN: lan_up first}-$1"
}

lan_run() { # HOST COMMAND...
	local host=$1
	shift
	ip netns exec "$(lan_ns "$host")" "$@"
}

# lan_spawn HOST COMMAND...: in the background.  Sets LAN_PID; redirections are the caller's.
lan_spawn() {
	# No function, so that the pid is the command's own; without <&0 it would read /dev/null.
	ip netns exec "$(lan_ns "$1")" "${@:2}" <&0 &
	LAN_PID=$!
	LAN_PIDS+=("$LAN_PID")
}

# lan_stop PID [SIGNAL]: ends what lan_spawn started, waits, and returns its exit status
lan_stop() {
	kill -s "${2:-TERM}" "$1" 2>/dev/null || true
	wait "$1" 2>/dev/null
}

lan_mac() { # HOST [INTERFACE]
	lan_run "$1" cat "/sys/class/net/${2:-eth0}/address"
}

lan_number() { # HOST: its N
	lan_run "$1" ip -4 -o addr show dev eth0 | sed -n 's/.* 192\.0\.2\.\([0-9]*\)\/24.*/\1/p'
}

lan_up() { # HOST[=N]...
	local spec
	[ "$(id -u)" -eq 0 ] || {
		echo "lan_up: making network namespaces needs root" >&2
		return 1
	}
	lan_remove_stale
	if [ -z "${LAN:-}" ]; then
		LAN=lb$$
		LAN_NEXT=1
		[ -n "${BATS_VERSION:-}" ] || trap lan_down EXIT
		lan_namespace switch
		lan_switch lan
	fi
	for spec in "$@"; do
		lan_host "$spec"
	done
}

lan_namespace() { # HOST: an empty namespace, IPv6 addresses in it usable at once
	local ns
	ns=$(lan_ns "$1")
	ip netns add "$ns" || return
	# shellcheck disable=SC2016 # expanded there
	ip netns exec "$ns" sh -c 'for c in all default; do echo 0 >/proc/sys/net/ipv6/conf/$c/accept_dad; done'
	ip -n "$ns" link set lo up
}

# lan_switch NAME: one more switch that lan_nic can plug into; "lan" is there from the start
lan_switch() {
	ip -n "$(lan_ns switch)" link add "$1" type bridge stp_state 0 forward_delay 0 mcast_snooping 0
	ip -n "$(lan_ns switch)" link set "$1" up
}

lan_host() { # HOST[=N]
	local host=${1%%=*} n=${1#*=}
	[ "$n" != "$1" ] || n=$LAN_NEXT
	LAN_NEXT=$((n + 1))
	lan_namespace "$host" || return
	lan_nic "$host" eth0 "$(printf '02:00:00:00:00:%02x' "$n")" || return
	ip -n "$(lan_ns "$host")" addr add "192.0.2.$n/24" dev eth0
	ip -n "$(lan_ns "$host")" addr add "2001:db8::$n/64" dev eth0 nodad
}

# lan_behind NEW HOST ADDRESS [OTHER...]: a host NEW behind a link of HOST, which routes for it, with
# one IPv4 address; each OTHER host gets a route to it.  What a Pod is to its node.
lan_behind() {
	local inner outer gateway other
	inner=$(lan_ns "$1")
	outer=$(lan_ns "$2")
	gateway=192.0.2.$(lan_number "$2")
	lan_namespace "$1" || return
	ip -n "$outer" link add "veth${3##*.}" type veth peer name eth0 netns "$inner" || return
	ip netns exec "$outer" sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
	ip -n "$outer" link set "veth${3##*.}" up
	ip -n "$outer" route add "$3/32" dev "veth${3##*.}"
	ip -n "$inner" addr add "$3/32" dev eth0
	ip -n "$inner" link set eth0 up
	ip -n "$inner" route add default via "$gateway" dev eth0 onlink
	for other in "${@:4}"; do
		[ "$other" = "$2" ] || ip -n "$(lan_ns "$other")" route add "$3/32" via "$gateway"
	done
}

# lan_nic HOST INTERFACE [MAC [SWITCH]]: plugs in one more interface, up, without an address
lan_nic() {
	local switch port
	switch=$(lan_ns switch)
	LAN_PORT=$((${LAN_PORT:-0} + 1))
	port=port$LAN_PORT
	ip -n "$switch" link add "$port" type veth peer name "$2" netns "$(lan_ns "$1")" || return
	[ -z "${3:-}" ] || ip -n "$(lan_ns "$1")" link set "$2" address "$3" || return
	ip -n "$switch" link set "$port" master "${4:-lan}" up || return
	ip -n "$(lan_ns "$1")" link set "$2" up
}

# Processes first, by id: those that lan_spawn started, then whoever else lives in a namespace
# that lan_up made.
lan_down() {
	local ns pid
	[ -n "${LAN:-}" ] || return 0
	for pid in "${LAN_PIDS[@]}"; do
		disown "$pid" 2>/dev/null || true # else bash would say "Killed"
		kill "$pid" 2>/dev/null || true
	done
	for ns in $(ip netns list | sed -n "s/^\($LAN-[^ ]*\).*/\1/p"); do
		lan_remove "$ns"
	done
	LAN_PIDS=()
	unset LAN
	return 0
}

lan_remove() { # NAMESPACE
	local pid
	for pid in $(ip netns pids "$1" 2>/dev/null); do
		kill -KILL "$pid" 2>/dev/null || true
	done
	ip netns del "$1" 2>/dev/null || true
}

lan_remove_stale() {
	local ns pid
	for ns in $(ip netns list | sed -n 's/^\(lb[0-9]*-[^ ]*\).*/\1/p'); do
		pid=${ns#lb}
		[ -d "/proc/${pid%%-*}" ] || lan_remove "$ns"
	done
}
