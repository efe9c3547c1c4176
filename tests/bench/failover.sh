#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Failovers of whole speakers on a LAN of three nodes, as a client sees them that asks every
# millisecond: FAILOVERS (50) of each kind, their distribution, and where the time goes.
set -euo pipefail
cd "$(dirname "$0")/../.."
source tests/lib/lan.bash
source tests/lib/speakers.bash

count=${FAILOVERS:-50}
work=$(mktemp -d)
speakers_up "$work" node-a node-b node-c
trap 'lan_down; rm -rf "$work"' EXIT
exec 2>"$work/err"

nodes=(node-a node-b node-c)
for n in "${nodes[@]}"; do
	speaker "$n"
done
wait_for 20 speakers_agree

# The milliseconds from the deed to the Member record that told another node of it
detection() { # DEAD AT
	local n
	for n in "${!SPEAKERS[@]}"; do
		[ "$n" != "$1" ] || continue
		jq -r --arg dead "$1" 'select(.object.kind == "Member" and .object.metadata.name == $dead and
			.object.status.alive == false).object.status.since' "$work/$n.out" | tail -n 1
	done | while read -r since; do
		echo $(($(date -d "$since" +%s%3N) - $2))
	done | sort -n | tail -n 1
}

# distribution NAME: of the numbers in its file
distribution() {
	sort -n "$work/$1" | awk -v name="$1" '{ v[NR] = $1 }
		function at(p) { i = int(NR * p + 0.999999); return v[i < 1 ? 1 : i] }
		END { if (NR) printf "%s\tp50 %.1f, p90 %.1f, p99 %.1f, max %.1f\n", name, at(.5), at(.9), at(.99), v[NR] }'
}

# failovers KIND DEED...: the words FIRST, PID and NS stand for the node, the process, its namespace
failovers() {
	local kind=$1 i first gap line d at
	shift
	for ((i = 0; i < count; i++)); do
		wait_for 30 speakers_agree || return
		first=$(speakers_announcer)
		d=("${@//NS/$(lan_ns "$first")}")
		[[ "${*}" != *PID-* ]] || d=(kill "$2" "$(speaker_stage "$first" "${3#PID-}")")
		gap=$(speakers_gap 100 800 "${d[@]}")
		line=$(value at "$gap")
		grep -o 'first=[0-9.]*' <<<"$gap" | cut -d= -f2 >>"$work/$kind: first answer, ms"
		grep -o 'frame=[0-9.]*' <<<"$gap" | cut -d= -f2 >>"$work/$kind: first frame, ms"
		grep -o 'unanswered=[0-9]*' <<<"$gap" | cut -d= -f2 >>"$work/$kind: unanswered requests"
		grep -o 'both=[0-9.]*' <<<"$gap" | cut -d= -f2 >>"$work/$kind: both answer, ms"
		at=$(detection "$first" "$line")
		[ -z "$at" ] || echo "$at" >>"$work/$kind: detection, ms"
		case $kind in
		link*) lan_run "$first" ip link set eth0 up ;;
		*)
			speaker_ended "$first"
			speaker "$first"
			;;
		esac
	done
}

# rolls TIMES: of all three, so that an address moves up to four times in each
rolls() {
	local kind='rolling restart of three' i gap
	for ((i = 0; i < $1; i++)); do
		speakers_roll >"$work/gap"
		gap=$(cat "$work/gap")
		grep -o 'unanswered=[0-9]*' <<<"$gap" | cut -d= -f2 >>"$work/$kind: unanswered requests"
		grep -o 'both=[0-9.]*' <<<"$gap" | cut -d= -f2 >>"$work/$kind: both answer, ms"
	done
}

show() { # KIND
	local part
	for part in detection 'first frame' 'first answer'; do
		[ ! -e "$work/$1: $part, ms" ] || distribution "$1: $part, ms"
	done
	distribution "$1: unanswered requests"
	distribution "$1: both answer, ms"
}

printf '%s times each, load\t%s\n' "$count" "$(cut -d' ' -f1-3 /proc/loadavg)"
failovers 'planned stop' kill TERM PID-watch
show 'planned stop'
rolls "$count"
show 'rolling restart of three'
failovers 'announce killed' kill KILL PID-announce
show 'announce killed'
failovers 'elect killed' kill KILL PID-elect
show 'elect killed'
failovers 'members killed' kill KILL PID-members
show 'members killed'
failovers 'link down' ip -n NS link set eth0 down
show 'link down'
printf 'load after\t%s\n' "$(cut -d' ' -f1-3 /proc/loadavg)"
