#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# ARP and NDP between two hosts joined by one veth: lbctl announce against the kernel's own responder on the
# same host, turn and turn about.
#
# On a veth the kernel answers within the system call that sends the request, which no wire has.  So
# all is measured a second time with a core for each host, on which it receives (RPS): then a request
# interrupts its host, whoever answers.  And a third time without the permission to answer inside the
# kernel, so that the sockets answer alone.
set -euo pipefail
source tests/lib/lan.bash
[ "$(id -u)" -eq 0 ] || {
	echo "arp: skipped, it needs root" >&2
	exit 0
}
count=${COUNT:-100000}
prober=$BUILD/tests/bench/arp
lan_up
lan_namespace node-a
lan_namespace client
ip -n "$(lan_ns client)" link add eth0 type veth peer name eth0 netns "$(lan_ns node-a)"
ip -n "$(lan_ns client)" addr add 192.0.2.100/24 dev eth0
ip -n "$(lan_ns node-a)" addr add 192.0.2.1/24 dev eth0
ip -n "$(lan_ns node-a)" addr add 2001:db8::1/64 dev eth0 nodad
ip -n "$(lan_ns client)" link set eth0 up
ip -n "$(lan_ns node-a)" link set eth0 up
dir=$(mktemp -d)
client_on=0-$(($(nproc) - 1)) # cores that it may run on
trap 'lan_down; rm -rf "$dir"' EXIT

probe() { # MODE COUNT WINDOW FIRST N
	lan_run client taskset -c "$client_on" "$prober" eth0 "$@"
}

announcement() { # NODE NAME ADDRESS
	printf '{"type":"ADDED","object":{"kind":"Announcement","apiVersion":"lbctl.dev/v1","metadata":{"namespace":"default","name":"%s"},"spec":{"node":"%s","addresses":["%s"]}}}\n' \
		"$2" "$1" "$3"
}

answers() {
	lan_run client arping -q -f -w 1 -I eth0 "$1"
}

cpu_ms() { # PID: so far, with microseconds
	awk '{ printf "%.3f\n", $1 / 1000000 }' "/proc/$1/schedstat"
}

spent() { # PID SINCE
	echo "$(cpu_ms "$1") - $2" | bc | sed 's/^\./0./'
}

median() { # of the numbers on standard input
	sort -n | awk '{ a[NR] = $1 } END { print a[int((NR + 1) / 2)] }'
}

column() { # N FILE
	cut -d ' ' -f "$1" "$2" | median
}

lost() { # FILE
	cut -d ' ' -f 4 "$1" | paste -sd+ | bc
}

ratio() { # A B
	echo "scale=2; $1 / $2" | bc | sed 's/^\./0./'
}

# announcer NAME FD [WRAP...]: its input is what is written to FD; its pid is LAN_PID.  It refreshes
# nothing, which would be counted with what others cost it.
announcer() {
	mkfifo "$dir/$1"
	eval "exec $2<>$dir/$1"
	lan_spawn node-a "${@:3}" lbctl announce --rate 0 --refresh 0s --node "$1" <"$dir/$1" >/dev/null 8>&- 9>&-
	eval "exec $2>$dir/$1"
}

# two_announcers [WRAP...]: one address and 10,000.  198.18.0.0/15 is set aside for measuring (RFC 2544).
two_announcers() {
	announcer node-a 8 "$@"
	one=$LAN_PID
	announcer node-b 9 "$@"
	many=$LAN_PID
	announcement node-a one 198.19.0.0 >&8
	for i in $(seq 0 9999); do
		announcement node-b "n$i" "198.18.$((i / 256)).$((i % 256))"
	done >&9
	wait_for 5 answers 198.19.0.0
	wait_for 10 answers 198.18.39.15
	sleep 6 # until the gratuitous ARP of the takeover is over
}

# ask PID FIRST N FILE: announce, and how much CPU that takes it
ask() {
	local before
	before=$(cpu_ms "$1")
	probe ask "$count" 32 "$2" "$3" >>"$4"
	spent "$1" "$before" >>"$4.cpu"
	probe ask $((count / 5)) 1 "$2" "$3" >>"$4.1"
}

ask_kernel() { # ADDRESS FILE
	probe ask "$count" 32 "$1" 1 >>"$2"
	probe ask $((count / 5)) 1 "$1" 1 >>"$2.1"
}

# ask_all SET: everybody in turn, five times
ask_all() {
	local set=$dir/$1
	for _ in 1 2 3 4 5; do
		ask "$one" 198.19.0.0 1 "$set.one"
		ask_kernel 192.0.2.1 "$set.kernel"
		ask "$many" 198.18.0.0 10000 "$set.many"
	done
}

# rows ANSWERS QUESTIONS WHAT FILE KERNEL: of the protocol's; what was asked of announce, and of the kernel
rows() {
	local rate late kernel kernel99
	rate=$(column 1 "$4") late=$(column 3 "$4.1")
	kernel=$(column 1 "$5") kernel99=$(column 3 "$5.1")
	printf '%s, 32 outstanding, %s\t%s/s\t%s of the kernel (%s/s)\n' \
		"$1" "$3" "$rate" "$(ratio "$rate" "$kernel")" "$kernel"
	printf '%s latency, p50 / p99, %s\t%s / %s us\tp99 %s of the kernel (%s / %s us)\n' \
		"${1% *}" "$3" "$(column 2 "$4.1")" "$late" "$(ratio "$late" "$kernel99")" "$(column 2 "$5.1")" "$kernel99"
	printf 'CPU of announce, %s %s, %s\t%s ms\t\n' "$count" "$2" "$3" "$(median <"$4.cpu")"
}

# compare SET WHERE
compare() {
	local set=$dir/$1
	rows 'ARP replies' requests "$2, one announced" "$set.one" "$set.kernel"
	rows 'ARP replies' requests "$2, 10,000" "$set.many" "$set.kernel"
	printf 'not answered within 200 ms, of %s, %s\t%s\tkernel %s\n' "$((5 * count))" "$2" \
		"$(lost "$set.one")" "$(lost "$set.kernel")"
}

a_core_each() {
	lan_run client sh -c 'echo 1 >/sys/class/net/eth0/queues/rx-0/rps_cpus'
	lan_run node-a sh -c 'echo 2 >/sys/class/net/eth0/queues/rx-0/rps_cpus'
	taskset -c -p 1 "$one" >/dev/null
	taskset -c -p 1 "$many" >/dev/null
}

two_announcers
ask_all veth
before=$(cpu_ms "$one") before_many=$(cpu_ms "$many")
probe flood "$count" 1 192.0.2.77 1
foreign=$(spent "$one" "$before") foreign_many=$(spent "$many" "$before_many")
announcement node-a six 2001:db8::10 >&8
wait_for 5 lan_run client ndisc6 -1 -q -w 500 2001:db8::10 eth0 >/dev/null
sleep 6
before=$(cpu_ms "$one")
probe flood6 "$count" 1 192.0.2.77 1
foreign6=$(spent "$one" "$before")
for _ in 1 2 3 4 5; do
	ask "$one" 2001:db8::10 1 "$dir/six"
	ask_kernel 2001:db8::1 "$dir/six.kernel"
done

compare veth 'a veth'
rows 'NDP answers' solicitations 'a veth' "$dir/six" "$dir/six.kernel"
if [ "$(nproc)" -ge 2 ]; then
	a_core_each
	client_on=0
	ask_all cores
	compare cores 'a core each'
fi
printf 'CPU of announce, %s foreign requests, one announced\t%s ms\t\n' "$count" "$foreign"
printf 'CPU of announce, %s foreign requests, 10,000 announced\t%s ms\t\n' "$count" "$foreign_many"
printf 'CPU of announce, %s foreign solicitations\t%s ms\t\n' "$count" "$foreign6"

exec 8>&- 9>&-
lan_stop "$one" || true
lan_stop "$many" || true
rm "$dir"/node-[ab]
two_announcers setpriv --bounding-set=-bpf,-sys_admin
client_on=0-$(($(nproc) - 1))
lan_run client sh -c 'echo 0 >/sys/class/net/eth0/queues/rx-0/rps_cpus'
lan_run node-a sh -c 'echo 0 >/sys/class/net/eth0/queues/rx-0/rps_cpus'
ask_all sockets
compare sockets 'a veth, sockets alone'
