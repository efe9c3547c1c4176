#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Records a second and MiB/s through a stage that does not need them, against cat and jq on the
# same file, and the stage's memory while doing it.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
records=${RECORDS:-400000}

# Pods of about 1 KiB, as a busy cluster's watch would bring them.
python3 - "$records" >"$dir/pods" <<'PY'
import json, sys
pad = {f"label-{i}": "x" * 24 for i in range(20)}
for i in range(int(sys.argv[1])):
    print(json.dumps({"type": "MODIFIED", "object": {"kind": "Pod", "apiVersion": "v1",
        "metadata": {"name": f"pod-{i}", "namespace": "default", "labels": pad},
        "status": {"phase": "Running", "podIP": "192.0.2.1"}}}, separators=(",", ":")))
PY
head -n $((records / 10)) "$dir/pods" >"$dir/tenth"
mib=$(echo "scale=3; $(stat -c %s "$dir/pods") / 1048576" | bc)

# seconds FILE COMMAND...: wall time of a pipeline with cat on both sides, the best of three
seconds() {
	local file=$1 best=999999999 start took
	shift
	for _ in 1 2 3; do
		start=$(date +%s%N)
		"$@" <"$file" 2>/dev/null | cat >/dev/null
		took=$(($(date +%s%N) - start))
		[ $took -ge $best ] || best=$took
	done
	echo "scale=6; $best / 1000000000" | bc
}

rss() { # FILE COMMAND...: KiB at the most
	"$BUILD/tests/bench/cost" 1 "$@" | cut -d ' ' -f 2
}

row() { # WHAT SECONDS RATIO
	printf '%s\t%s\t%s\n' "$1" "$(echo "scale=0; $records / $2" | bc)/s, $(echo "scale=0; $mib / $2" | bc) MiB/s" "$3"
}

cat_s=$(seconds "$dir/pods" cat)
jq_s=$(echo "$(seconds "$dir/tenth" jq -c .) * 10" | bc)
row "cat" "$cat_s" ""
row "jq -c . (on a tenth of the file)" "$jq_s" ""
for stage in allocate "elect --node n1"; do
	# shellcheck disable=SC2086
	s=$(seconds "$dir/pods" lbctl $stage -o json)
	row "lbctl ${stage%% *}, records it does not need" "$s" \
		"$(echo "scale=1; $jq_s / $s" | bc) times jq, $(echo "scale=2; $cat_s / $s" | bc) of cat"
	# shellcheck disable=SC2086
	printf '%s\t%s\t%s\n' "lbctl ${stage%% *}, memory at the most" \
		"$(rss "$dir/pods" lbctl $stage -o json) KiB" \
		"$(rss "$dir/tenth" lbctl $stage -o json) KiB on a tenth of it"
done
