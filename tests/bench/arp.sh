#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# ARP on one veth: lbctl announce against the kernel's own responder, turn and turn about.
set -euo pipefail
source tests/lib/lan.bash
[ "$(id -u)" -eq 0 ] || {
	echo "arp: skipped, it needs root" >&2
	exit 0
}
count=${COUNT:-100000}
prober=$BUILD/tests/bench/arp
lan_up node-a node-b client=100
dir=$(mktemp -d)
trap 'lan_down; rm -rf "$dir"' EXIT

probe() { # MODE COUNT WINDOW FIRST N
	lan_run client "$prober" eth0 "$@"
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

# announcer HOST FD: its input is what is written to FD; its pid is LAN_PID
announcer() {
	mkfifo "$dir/$1"
	eval "exec $2<>$dir/$1"
	lan_spawn "$1" lbctl announce --rate 0 --node "$1" <"$dir/$1" >/dev/null 8>&- 9>&-
	eval "exec $2>$dir/$1"
}

# node-a announces one address, node-b ten thousand.  198.18.0.0/15 is set aside for measuring
# (RFC 2544).
announcer node-a 8
one=$LAN_PID
announcer node-b 9
many=$LAN_PID
announcement node-a one 198.19.0.0 >&8
for i in $(seq 0 9999); do
	announcement node-b "n$i" "198.18.$((i / 256)).$((i % 256))"
done >&9
wait_for 5 answers 198.19.0.0
wait_for 10 answers 198.18.39.15
sleep 6 # until the gratuitous ARP of the takeover is over

for _ in 1 2 3 4 5; do
	probe ask "$count" 32 198.19.0.0 1 >>"$dir/one"
	probe ask "$count" 32 192.0.2.1 1 >>"$dir/kernel"
	probe ask "$count" 32 198.18.0.0 10000 >>"$dir/many"
	probe ask $((count / 5)) 1 198.19.0.0 1 >>"$dir/one.1"
	probe ask $((count / 5)) 1 192.0.2.1 1 >>"$dir/kernel.1"
	probe ask $((count / 5)) 1 198.18.0.0 10000 >>"$dir/many.1"
done
before=$(cpu_ms $one)
probe ask "$count" 32 198.19.0.0 1 >/dev/null
answered=$(spent $one "$before")
before=$(cpu_ms $one) before_many=$(cpu_ms $many)
probe flood "$count" 1 192.0.2.77 1
foreign=$(spent $one "$before") foreign_many=$(spent $many "$before_many")
announcement node-a six 2001:db8::10 >&8
wait_for 5 lan_run client ndisc6 -1 -q -w 500 2001:db8::10 eth0 >/dev/null
sleep 6
before=$(cpu_ms $one)
probe flood6 "$count" 1 192.0.2.77 1
foreign6=$(spent $one "$before")

kernel=$(column 1 "$dir/kernel") kernel99=$(column 3 "$dir/kernel.1")
for n in one many; do
	what=one
	[ $n = one ] || what=10,000
	rate=$(column 1 "$dir/$n")
	printf 'ARP replies, 32 outstanding, %s announced\t%s/s\t%s of the kernel (%s/s)\n' \
		$what "$rate" "$(ratio "$rate" "$kernel")" "$kernel"
	printf 'ARP latency, p50 / p99, %s announced\t%s / %s us\tp99 %s of the kernel (%s / %s us)\n' $what \
		"$(column 2 "$dir/$n.1")" "$(column 3 "$dir/$n.1")" "$(ratio "$(column 3 "$dir/$n.1")" "$kernel99")" \
		"$(column 2 "$dir/kernel.1")" "$kernel99"
done
printf 'requests not answered within 200 ms, of %s\t%s\tkernel %s\n' "$((5 * count))" \
	"$(lost "$dir/one")" "$(lost "$dir/kernel")"
printf 'CPU of announce, %s requests answered\t%s ms\t\n' "$count" "$answered"
printf 'CPU of announce, %s foreign requests, one announced\t%s ms\t\n' "$count" "$foreign"
printf 'CPU of announce, %s foreign requests, 10,000 announced\t%s ms\t\n' "$count" "$foreign_many"
printf 'CPU of announce, %s foreign solicitations\t%s ms\t\n' "$count" "$foreign6"
