#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# the demo is a test too

bats_require_minimum_version 1.5.0

@test "the demo tells its story within half a minute, and leaves nothing behind" {
	mkdir "$BATS_TEST_TMPDIR/tmp"
	SECONDS=0
	TMPDIR=$BATS_TEST_TMPDIR/tmp run -0 deploy/lab/demo
	[ $SECONDS -lt 30 ]
	[ "$(grep -c '200 OK' <<<"$output")" -eq 4 ]
	grep -E 'nginx-lb .* 192\.0\.2\.240 ' <<<"$output"
	grep -E 'nginx3-lb .* 192\.0\.2\.240 ' <<<"$output"
	[ -z "$(ls -A "$BATS_TEST_TMPDIR/tmp")" ]
	run ! pgrep -f "$BATS_TEST_TMPDIR"
}
