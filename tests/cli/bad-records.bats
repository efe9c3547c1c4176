# SPDX-License-Identifier: Apache-2.0
# What every filter of the stream does with records that are none: a clear error each, nothing lost,
# nothing stuck.

bats_require_minimum_version 1.5.0

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	mkdir to
	service='{"kind":"Service","apiVersion":"v1","metadata":{"namespace":"default","name":'
	{
		echo "{\"type\":\"ADDED\",\"object\":$service\"first\"}}}"
		echo 'no JSON at all'                                            # 2
		echo "{\"type\":\"ADDED\",\"object\":$service\"cut"                 # 3: truncated
		printf '{"type":"ADDED","object":%s"\xff\xfe"}}}\n' "$service"      # 4: not UTF-8
		printf '{"type":"ADDED","object":%s"a\0b"}}}\n' "$service"          # 5: a NUL
		echo "{\"type\":\"ADDED\",\"object\":$service\"deep\"},\"spec\":$(nested 200)}}" # 6
		echo "{\"type\":\"ADDED\",\"object\":$service\"two\"}}}{}"          # 7: more than one value
		printf '{"type":"ADDED","object":%s"huge"},"x":"%s"}}\n' "$service" "$(head -c 8400000 /dev/zero | tr '\0' x)" # 8
		echo '{"type":"ADDED","object":[]}'                              # 9
		echo '{"type":5,"object":{}}'                                    # 10
		nested 100000                                                    # 11
		echo
		echo "{\"type\":\"ADDED\",\"object\":$service\"last\"}}}"
	} >in
}

nested() { # N
	printf '%s%s' "$(printf '[%.0s' $(seq "$1"))" "$(printf ']%.0s' $(seq "$1"))"
	[ "$1" -lt 1000 ] || echo
}

@test "each filter names every bad record by its line, counts them, and forwards the good ones" {
	local filter line
	for filter in allocate 'elect --node first' 'apply --to to'; do
		# shellcheck disable=SC2086 # an option and its value
		timeout 60 lbctl $filter <in >out 2>err
		for line in 2 3 4 5 6 7 8 9 10 11; do
			grep -q "line $line: .*; skipped\$" err || {
				echo "$filter: line $line is not named"
				cat err
				return 1
			}
		done
		grep -q '10 bad records were skipped$' err
		[ "$(wc -c <err)" -lt 10000 ]
		jq -r 'select(.object.kind == "Service" and .type == "ADDED") | .object.metadata.name' out | paste -sd ' ' | grep -qx 'first last'
	done
}

@test "a kind that a filter has no use for is forwarded unread, whatever follows its first bytes" {
	printf '{"type":"ADDED","object":{"kind":"Pod","apiVersion":"v1","metadata":{"name":"\xff"},,]}\n' >pod
	for filter in allocate 'elect --node first' 'apply --to to'; do
		# shellcheck disable=SC2086
		lbctl $filter <pod 2>err | cmp - pod
	done
}
