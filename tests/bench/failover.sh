#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Failovers of whole speakers on a LAN of three nodes, as a client sees them that asks every
# millisecond: FAILOVERS (50) of each kind, their distribution, and where the time goes.
set -euo pipefail
cd "$(dirname "$0")/../.."
source tests/lib/lan.bash
source tests/lib/speakers.bash

count=${FAILOVERS:-50}
SPEAKERS_STAMP=$BUILD/tests/bench/stamp
work=$(mktemp -d)
speakers_up "$work" node-a node-b node-c
trap 'lan_down; rm -rf "$work"' EXIT
exec 2>"$work/err"

nodes=(node-a node-b node-c)
for n in "${nodes[@]}"; do
	speaker "$n"
done
wait_for 20 speakers_agree

# The parts of the time from the deed to the first answer, in milliseconds; what GAP doesn't tell comes from the
# stamps of the node that took over, which is the first to be told and to elect.
parts() { # KIND DEAD GAP
	local at since told elected
	at=$(exact at "$3")
	since=$(stamped "$2" members "$at" "select(.object.kind == \"Member\" and .object.metadata.name == \"$2\" and
		.object.status.alive == false) | .object.status.since")
	told=${since%% *} since=${since#* }
	elected=$(stamped "$2" elect "$at" 'select(.object.kind == "Announcement" and .type != "DELETED") | .type')
	elected=${elected%% *}
	[ -n "$told" ] && [ -n "$elected" ] || return 0
	since=$(date -d "$since" +%s%3N)
	part "$1: detection" "$at" "$since"
	part "$1: propagation" "$since" "$told"
	part "$1: election" "$told" "$elected"
	part "$1: first frame" "$elected" "$(echo "$at + $(exact frame "$3")" | bc)"
}

part() { # NAME FROM TO; the clock of records has milliseconds
	echo "$2 $3" | awk '{ print $1 < $2 ? $2 - $1 : 0 }' >>"$work/$1, ms"
}

exact() { # NAME GAP
	grep -oE "\b$1=[0-9.]+" <<<"$2" | cut -d= -f2
}

# The first line that a stage wrote after AT, on another node than DEAD, for which the jq FILTER prints
# something, and that
stamped() { # DEAD STAGE AT FILTER
	local n
	for n in "${nodes[@]}"; do
		[ "$n" = "$1" ] || awk -v at="$3" '$1 >= at { t = $1; sub(/^[^ ]* /, ""); printf "%s\t%s\n", t, $0 }' "$work/$n.$2"
	done | sort -n | jq -rR "(index(\"\\t\")) as \$tab | .[:\$tab] as \$t | .[\$tab + 1:] | fromjson? | $4 | \$t + \" \" + ." |
		head -n 1
}

# distribution NAME: of the numbers in its file
distribution() {
	sort -n "$work/$1" | awk -v name="$1" '{ v[NR] = $1 }
		function at(p) { i = int(NR * p + 0.999999); return v[i < 1 ? 1 : i] }
		END { if (NR) printf "%s\tp50 %.1f, p90 %.1f, p99 %.1f, max %.1f\n", name, at(.5), at(.9), at(.99), v[NR] }'
}

# failovers KIND DEED...: the words FIRST, PID and NS stand for the node, the process, its namespace
failovers() {
	local kind=$1 i first gap d
	shift
	for ((i = 0; i < count; i++)); do
		wait_for 30 speakers_agree || return
		first=$(speakers_announcer)
		d=("${@//NS/$(lan_ns "$first")}")
		[[ "${*}" != *PID-* ]] || d=(kill "$2" "$(speaker_stage "$first" "${3#PID-}")")
		gap=$(speakers_gap 100 800 "${d[@]}")
		parts "$kind" "$first" "$gap"
		grep -o 'first=[0-9.]*' <<<"$gap" | cut -d= -f2 >>"$work/$kind: first answer, ms"
		grep -o 'unanswered=[0-9]*' <<<"$gap" | cut -d= -f2 >>"$work/$kind: unanswered requests"
		grep -o 'both=[0-9.]*' <<<"$gap" | cut -d= -f2 >>"$work/$kind: both answer, ms"
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
	for part in detection propagation election 'first frame' 'first answer'; do
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
