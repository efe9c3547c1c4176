#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every #include "pkg/..." must point to a lower level of the table in ARCHITECTURE.md, and to
# the header that has its folder's name.
cd "$(dirname "$0")/.." || exit 1
wrong=$(grep -rn '^#include "pkg/' cmd pkg | awk -F'|' '
	FNR == NR {
		if ($2 ~ /^ *(pkg|cmd)/) {
			gsub(/ /, "", $2)
			level[$2] = $3 + 0
		}
		next
	}
	{
		split($0, part, /:|"/) # file : line : #include " path "
		from = part[1]
		to = part[4]
		folder = to
		sub(/[/][^/]*$/, "", from)
		sub(/[/][^/]*$/, "", folder)
		if (from == folder)
			next
		name = folder
		sub(/.*[/]/, "", name)
		if (!(from in level) || !(folder in level))
			print part[1] ":" part[2] ": not in ARCHITECTURE.md: " from " or " folder
		else if (level[folder] >= level[from])
			print part[1] ":" part[2] ": " from " may not include " folder
		else if (to != folder "/" name ".h")
			print part[1] ":" part[2] ": " to " is not the header of its folder"
	}' ARCHITECTURE.md -)
if [ -n "$wrong" ]; then
	echo "not ok 1 - a folder includes lower levels only"
	echo "$wrong" | sed 's/^/# /'
else
	echo "ok 1 - a folder includes lower levels only"
fi
echo 1..1
