#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# From an Announcement to its first frame, and what an address costs.
set -euo pipefail
source tests/lib/lan.bash
[ "$(id -u)" -eq 0 ] || {
	echo "announce: skipped, it needs root" >&2
	exit 0
}
lan_up node-a client=100
dir=$(mktemp -d)
trap 'lan_down; rm -rf "$dir"' EXIT
mkfifo "$dir/in"

start() { # OPTION...: anew; its input is fd 8
	exec 8<>"$dir/in"
	lan_spawn node-a lbctl announce --node node-a "$@" <"$dir/in" >/dev/null 8>&-
	exec 8>"$dir/in"
	lan_run client true
}

stop() {
	exec 8>&-
	wait "$LAN_PID"
}

measure() { # MODE N
	lan_run client python3 tests/bench/announce.py "$dir/in" "$@"
}

memory() {
	awk -v what="$1:" '$1 == what { print $2 }' "/proc/$LAN_PID/status"
}

announce() { # FIRST LAST
	seq "$1" "$2" | awk '{ printf "{\"type\":\"ADDED\",\"object\":{\"kind\":\"Announcement\",\"apiVersion\":\"lbctl.dev/v1\",\"metadata\":{\"namespace\":\"default\",\"name\":\"web-%d\",\"uid\":\"5f0c3a1e-7b8d-4e2f-9a6b-%012d\"},\"spec\":{\"node\":\"node-a\",\"addresses\":[\"198.18.%d.%d\"]}}}\n", $1, $1, $1 / 256, $1 % 256 }' >&8
}

answers() {
	lan_run client arping -q -f -w 1 -I eth0 "$1"
}

start
measure one 20 >/dev/null
stop
start
read -r p50 p99 < <(measure one 300)
stop
printf 'Announcement to first frame, p50 / p99\t%s / %s us\t\n' "$p50" "$p99"
start --rate 0
printf 'takeover of 1,000: first frame of the last, not paced\t%s ms\t\n' "$(measure all 1000)"
stop
start
printf 'takeover of 1,000: first frame of the last, paced\t%s ms\t\n' "$(measure all 1000)"
stop
start --rate 0 --refresh 0s
announce 0 999
wait_for 10 answers 198.18.3.231
sleep 6 # until the burst is over
rss=$(memory VmRSS) anon=$(memory RssAnon)
announce 1000 10999
wait_for 20 answers 198.18.42.247
sleep 8
more=$(memory VmRSS)
printf 'RSS of announce, 1,000 announced\t%s KiB\t%s KiB of it its own\n' "$rss" "$anon"
printf 'RSS of announce, each more of 10,000\t%s bytes\t\n' "$(((more - rss) * 1024 / 10000))"
stop
