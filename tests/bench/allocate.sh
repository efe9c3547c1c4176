#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# N Services out of a /15, from a recorded snapshot to APPLY records: CPU time and memory.  Once all
# are pending (each gets an address, an Event and a Decision), and once all have theirs (a restart).
# SIZES="1000 10000" chooses others.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

python3 tests/bench/services.py 0 >"$dir/none"

# measure FILE COMMAND...: CPU seconds, the least of three runs, and KiB at the most
measure() {
	python3 - "$@" <<'PY'
import resource, subprocess, sys
best, before = None, 0.0
for _ in range(3):
    subprocess.run(sys.argv[2:], stdin=open(sys.argv[1]), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    u = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = u.ru_utime + u.ru_stime - before
    before += cpu
    best = cpu if best is None else min(best, cpu)
print(f"{best:.3f} {u.ru_maxrss}")
PY
}

read -r _ base <<<"$(measure "$dir/none" lbctl allocate -o json)"
row() { # WHAT N FILE
	local cpu rss
	read -r cpu rss <<<"$(measure "$3" lbctl allocate -o json)"
	printf '%s\t%s\t%s\n' "$1, $2 Services" "$cpu s of CPU, $rss KiB" \
		"$(echo "scale=1; $cpu * 1000000 / $2" | bc) us and $(echo "($rss - $base) * 1024 / $2" | bc) bytes a Service"
}

for n in ${SIZES:-1000 10000 100000}; do
	python3 tests/bench/services.py "$n" >"$dir/pending"
	row "all pending" "$n" "$dir/pending"
	python3 tests/bench/services.py "$n" assigned >"$dir/assigned"
	row "all have theirs" "$n" "$dir/assigned"
	read -r cpu _ <<<"$(measure "$dir/pending" jq -c .)"
	printf '%s\t%s\t%s\n' "jq -c . of the same file" "$cpu s of CPU" ""
done
