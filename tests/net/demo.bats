#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# make demo tells the story, and the README shows it as it is

bats_require_minimum_version 1.5.0

timeless() { # without times of day and lengths of gaps
	sed 's/^[0-9:.]\{12\} //; s/, gap [0-9]* ms$//'
}

@test "the demo tells the story of the README in under 30 seconds, and leaves nothing behind" {
	start=$(date +%s)
	bash -c 'echo $$ >"$1/pid"; exec deploy/lab/demo' - "$BATS_TEST_TMPDIR" >"$BATS_TEST_TMPDIR/told"
	[ $(($(date +%s) - start)) -lt 30 ]
	[ "$(grep -c '200 OK' "$BATS_TEST_TMPDIR/told")" -eq 4 ]
	timeless <"$BATS_TEST_TMPDIR/told" >"$BATS_TEST_TMPDIR/timeless"
	sed -n '/^## The story/,/^## /{/^```/,/^```/p}' README.md | grep -v '^```' | grep . | timeless |
		while read -r line; do
			grep -qF -- "$line" "$BATS_TEST_TMPDIR/timeless" || {
				echo "not told: $line"
				exit 1
			}
		done
	run ! grep -q "^lb$(cat "$BATS_TEST_TMPDIR/pid")-" <<<"$(ip netns list)" # its hosts' names
}
