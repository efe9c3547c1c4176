# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# gap: reads what tests/lib/gap prints.

# value NAME LINE: of what gap printed, whole milliseconds; "none" is 999999
value() {
	local v
	v=$(grep -oE "\b$1=[^ ]*" <<<"$2")
	v=${v#*=}
	[ "$v" != none ] || v=999999
	echo "${v%.*}"
}
