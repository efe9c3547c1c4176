#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# N Services, from a recorded snapshot to APPLY records, JSON included: CPU time and memory.  Once all
# are pending (each gets an address, an Event and a Decision), and once all have theirs (a restart).
# Then what one more Service costs when there are 100,000, and when the pool has no address for it.
# SIZES="1000 10000" chooses others.  Last, Services with one sharing key on one address, and a full
# pool for which Services wait, each with a key of its own.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

services() { # FILE ARGUMENT...
	python3 tests/bench/services.py "${@:2}" >"$dir/$1"
}

measure() { # RUNS FILE COMMAND...: CPU seconds, the least of the runs, and KiB at the most
	"$BUILD/tests/bench/cost" "$@"
}

services none 0
read -r _ base <<<"$(measure 3 "$dir/none" lbctl allocate -o json)"
row() { # WHAT N RUNS
	local cpu rss
	read -r cpu rss <<<"$(measure "$3" "$dir/now" lbctl allocate -o json)"
	printf '%s\t%s\t%s\n' "$1, $2 Services" "$cpu s of CPU, $rss KiB" \
		"$(echo "scale=1; $cpu * 1000000 / $2" | bc) us and $(echo "($rss - $base) * 1024 / $2" | bc) bytes a Service"
}

for n in ${SIZES:-1000 10000 100000 1000000}; do
	runs=$((n > 100000 ? 1 : 5))
	services now "$n"
	row "all pending" "$n" $runs
	[ "$n" -gt 100000 ] || printf '%s\t%s\n' "python3, json.loads of each line of the same file" \
		"$(measure $runs "$dir/now" python3 -c 'import json, sys
for line in sys.stdin: json.loads(line)' | cut -d ' ' -f 1) s of CPU"
	services now "$n" assigned
	row "all have theirs" "$n" $runs
done

more=20000
services base 100000 assigned
services grants 100000 assigned $more
services refusals 100000 assigned $more full
read -r before _ <<<"$(measure 5 "$dir/base" lbctl allocate -o json)"
for what in grants refusals; do
	read -r cpu _ <<<"$(measure 5 "$dir/$what" lbctl allocate -o json)"
	printf '%s\t%s\n' "one more Service beside 100000: $what" \
		"$(echo "scale=1; ($cpu - $before) * 1000000 / $more" | bc) us"
done

for what in ports wait keys; do
	case $what in
	ports) words="one sharing key, each its own port" ;;
	wait) words="one sharing key, one port, so all wait in turn" ;;
	keys) words="each waits with a key of its own until another goes" ;;
	esac
	for n in 1000 10000; do
		python3 tests/bench/sharing.py $what $n >"$dir/$what"
		read -r cpu _ <<<"$(measure 3 "$dir/$what" lbctl allocate -o json)"
		printf '%s\t%s\t%s\n' "$words: $n added, deleted" "$cpu s of CPU" \
			"$(echo "scale=1; $cpu * 1000000 / $n / 2" | bc) us an event"
	done
done
