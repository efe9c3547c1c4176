# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# wait: for a condition, not for a time.

# wait_for SECONDS COMMAND...: until the command succeeds.  SECONDS are plenty on an idle machine; a
# loaded one has four times as many before the condition is said never to have come.
wait_for() {
	local until=$(($(date +%s%N) + $1 * 4000000000)) pause=0.02 n=0
	shift
	until "$@"; do
		[ "$(date +%s%N)" -lt $until ] || {
			echo "never true: $*" >&2
			return 1
		}
		sleep $pause
		n=$((n + 1))
		[ $n -lt 30 ] || pause=0.1 # what takes its time shall not be slowed by being asked
	done
}
