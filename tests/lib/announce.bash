# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# announce: lbctl announce on the hosts node-a and node-b of a LAN, and what the host client sees.
# What a host's stage wrote is in $T/HOST.out and $T/HOST.err.

# shellcheck source=tests/lib/lan.bash
source tests/lib/lan.bash

announce_setup() {
	T=$BATS_TEST_TMPDIR
	lan_up node-a node-b client=100
}

setup() {
	announce_setup
}

teardown() {
	lan_down
}

# spawn HOST COMMAND...: in the background, without the pipes of the stages
spawn() {
	lan_spawn "$@" 3>&- 8>&- 9>&-
}

# announce_on HOST FD OPTION...: the stage on a host; what is written to FD is its input
announce_on() {
	local host=$1 fd=$2
	shift 2
	mkfifo "$T/$host.in"
	eval "exec $fd<>$T/$host.in"
	# shellcheck disable=SC2086 # WRAP is words
	spawn "$host" ${WRAP:-} "${LBCTL:-$BUILD/lbctl}" announce --node "$host" "$@" \
		<"$T/$host.in" >"$T/$host.out" 2>"$T/$host.err"
	eval "exec $fd>$T/$host.in"
}

# announcement TYPE NAME NODE ADDRESSES [INTERFACES]: lists as in JSON, without brackets
announcement() {
	printf '{"type":"%s","object":{"kind":"Announcement","apiVersion":"lbctl.dev/v1","metadata":{"namespace":"default","name":"%s"},"spec":{"node":"%s","addresses":[%s],"protocols":["layer2"],"interfaces":[%s]}}}\n' \
		"$1" "$2" "$3" "$4" "${5:-}"
}

listed() { # the initial list of Services has ended
	echo '{"type":"BOOKMARK","object":{"kind":"Service","apiVersion":"v1","metadata":{"annotations":{"k8s.io/initial-events-end":"true"}}}}'
}

service() { # TYPE NAME ADDRESS
	printf '{"type":"%s","object":{"kind":"Service","apiVersion":"v1","metadata":{"namespace":"default","name":"%s"},"status":{"loadBalancer":{"ingress":[{"ip":"%s"}]}}}}\n' "$1" "$2" "$3"
}

said() { # HOST TEXT: a Decision or Event with that in it
	grep -q "$2" "$T/$1.out"
}

decided() { # HOST CODE [TIMES]
	[ "$(grep -c "\"code\":\"$2\"" "$T/$1.out")" -ge "${3:-1}" ]
}

# answered_by ADDRESS MAC [INTERFACE]: to one broadcast request of the client's
answered_by() {
	lan_run client arping -f -w 1 -I "${3:-eth0}" "$1" | grep -qi "reply from $1 \[$2\]"
}

unanswered() { # ADDRESS [INTERFACE]
	! lan_run client arping -q -c 1 -w 1 -I "${2:-eth0}" "$1"
}

neighbour() { # ADDRESS MAC: what the client's own table says
	lan_run client ip neigh show "$1" | grep -qi "lladdr $2"
}

# The client's kernel resolves the address.
resolve() {
	lan_run client bash -c "echo >/dev/udp/$1/9" || true
}

# resolved ADDRESS MAC: so it has done.  It gives up soon, and all hosts of this machine share one table
# of neighbours, which may be full for a moment.
resolved() {
	resolve "$1"
	neighbour "$@"
}

metrics() { # of an announce with --run-dir "$T/run"
	curl -sf --unix-socket "$T/run/announce.sock" http://lbctl/metrics
}

# solicited ADDRESS MAC: the answer to the client's solicitation
solicited() {
	lan_run client ndisc6 -1 -q -w 500 "$1" eth0 | grep -qi "$2"
}

unsolicited() { # ADDRESS: nobody answers
	! lan_run client ndisc6 -1 -q -r 1 -w 500 "$1" eth0 >/dev/null
}

# watch_arp FILE FILTER: what the client's interface sees, from now on
watch_arp() {
	spawn client tcpdump -n -e -l -tt -i eth0 "$2" >"$1" 2>"$1.err"
	wait_for 5 grep -q 'listening on' "$1.err"
}

lines() { # FILE N
	[ "$(wc -l <"$1")" -ge "$2" ]
}

ended() { # PID
	! kill -0 "$1" 2>/dev/null
}

# shellcheck disable=SC2034 # for the tests
A=02:00:00:00:00:01
# shellcheck disable=SC2034
B=02:00:00:00:00:02
