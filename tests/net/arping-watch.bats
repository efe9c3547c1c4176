# SPDX-License-Identifier: Apache-2.0
# lbctl arping --watch: what changes, and how it was in the end.

bats_require_minimum_version 1.5.0
# shellcheck source=tests/lib/arping.bash
source tests/lib/arping.bash

# watching ADDRESS...: `lbctl arping --watch` into $T/out
watching() {
	nodes "$T/cluster"
	lan_spawn client "$BUILD/lbctl" arping --watch --from "$T/cluster" "$@" >"$T/out" 3>&-
	WATCH=$LAN_PID
}

said() { # PATTERN: a line of it
	wait_for 10 grep -qE "$1" "$T/out"
}

@test "--watch tells where an address is, that it moved, and how long the gap was" {
	ip -n "$(lan_ns node-a)" addr add 192.0.2.10/32 dev eth0
	watching -i 20ms 192.0.2.10
	said '^[0-9:.]{12} 192\.0\.2\.10 is at 02:00:00:00:00:01 \(node-a\)$'
	ip -n "$(lan_ns node-a)" addr del 192.0.2.10/32 dev eth0
	said '192\.0\.2\.10 is silent, was at 02:00:00:00:00:01 \(node-a\)$'
	ip -n "$(lan_ns node-b)" addr add 192.0.2.10/32 dev eth0
	said '192\.0\.2\.10 moved to 02:00:00:00:00:02 \(node-b\) from 02:00:00:00:00:01 \(node-a\), gap [0-9]+ ms$'
	lan_stop "$WATCH" INT
	[ "$(wc -l <"$T/out")" -eq 5 ]
	# the gap is from the silence to the answer, to a probe's interval
	gap=$(sed -n 's/.*gap \([0-9]*\) ms$/\1/p' "$T/out" | head -n 1)
	from=$(sed -n 's/^\([0-9:.]*\) .* is silent.*/\1/p' "$T/out")
	to=$(sed -n 's/^\([0-9:.]*\) .* moved to.*/\1/p' "$T/out")
	between=$(($(date -d "$to" +%s%N) / 1000000 - $(date -d "$from" +%s%N) / 1000000))
	[ $((between - gap)) -le 2 ] && [ $((gap - between)) -le 2 ]
	[[ $(tail -n 1 "$T/out") =~ ^Sent\ [0-9]+\ probes,\ [0-9]+\ unanswered,\ 1\ move,\ longest\ gap\ $gap\ ms$ ]]
}

@test "--watch tells a conflict and its end, an announcement, and that an address is back" {
	ip -n "$(lan_ns node-a)" addr add 192.0.2.10/32 dev eth0
	watching -i 30ms 192.0.2.10
	said 'is at 02:00:00:00:00:01 \(node-a\)$'
	ip -n "$(lan_ns node-c)" addr add 192.0.2.10/32 dev eth0
	said '192\.0\.2\.10 CONFLICT: is also at 02:00:00:00:00:03 \(node-c\)$'
	ip -n "$(lan_ns node-c)" addr del 192.0.2.10/32 dev eth0
	said '192\.0\.2\.10 is no longer at 02:00:00:00:00:03 \(node-c\)$'
	lan_run node-b arping -q -U -c 1 -w 1 -I eth0 192.0.2.10 || lan_run node-b "$BUILD/lbctl" arping -U -c 1 192.0.2.10
	said '192\.0\.2\.10 is announced by 02:00:00:00:00:02 \(node-b\)$'
	ip -n "$(lan_ns node-a)" addr del 192.0.2.10/32 dev eth0
	said 'is silent'
	ip -n "$(lan_ns node-a)" addr add 192.0.2.10/32 dev eth0
	said '192\.0\.2\.10 is back at 02:00:00:00:00:01 \(node-a\), gap [0-9]+ ms$'
}

@test "--watch: IPv6, JSON, and the exit status of how it is in the end" {
	ip -n "$(lan_ns node-a)" addr add 2001:db8::10/128 dev eth0 nodad
	watching -i 20ms -o json 2001:db8::10
	said '"type":"found"'
	ip -n "$(lan_ns node-a)" addr del 2001:db8::10/128 dev eth0
	said '"type":"silent"'
	ip -n "$(lan_ns node-b)" addr add 2001:db8::10/128 dev eth0 nodad
	said '"type":"moved"'
	lan_stop "$WATCH" INT
	jq -es '[.[] | .type] == ["found", "silent", "moved", "summary"]
		and (.[2] | .address == "2001:db8::10" and .node == "node-b" and .from_node == "node-a" and .gap_ms > 0
			and (.time | test("^[0-9-]{10}T[0-9:.]{12}Z$")))
		and (.[3] | .moves == 1 and .answered == 1 and .longest_gap_ms > 0)' "$T/out"
	run -3 arping --watch -i 20ms -w 200ms 192.0.2.50
	[[ ${lines[1]} == *" 192.0.2.50 is silent" ]]
	run -0 arping --watch -i 20ms -c 5 192.0.2.0/29
	[ "$(grep -c 'is at' <<<"$output")" -eq 3 ]
	[ "${#lines[@]}" -eq 4 ]
}

@test "--watch: what the last probe showed counts, too; one that was cut off shows nothing" {
	ip -n "$(lan_ns node-b)" addr add 192.0.2.10/32 dev eth0
	ip -n "$(lan_ns node-c)" addr add 192.0.2.10/32 dev eth0
	run -4 arping --watch -c 1 192.0.2.10
	[[ ${lines[1]} == *" 192.0.2.10 is at 02:00:00:00:00:0"[23] ]]
	[[ ${lines[2]} == *" 192.0.2.10 CONFLICT: is also at 02:00:00:00:00:0"[23] ]]
	run -3 arping --watch -c 2 192.0.2.50
	[[ ${lines[1]} == *" 192.0.2.50 is silent" ]]
	[[ ${lines[2]} == "Sent 2 probes, 2 unanswered, 0 moves, longest gap 0 ms" ]]
	run -3 arping --watch -i 10s -w 50ms 192.0.2.50
	[[ ${lines[1]} == "Sent 1 probe, 0 unanswered, 0 moves, longest gap 0 ms" ]]
}

@test "--watch outlives that its link is down for a while, and tells what it saw when the link has gone" {
	watching -i 20ms -I eth0 192.0.2.1 2001:db8::2 2>"$T/err"
	said '192\.0\.2\.1 is at 02:00:00:00:00:01'
	said '2001:db8::2 is at 02:00:00:00:00:02'
	ip -n "$(lan_ns client)" link set eth0 down
	said '192\.0\.2\.1 is silent'
	said '2001:db8::2 is silent'
	ip -n "$(lan_ns client)" link set eth0 up
	said '192\.0\.2\.1 is back at 02:00:00:00:00:01 \(node-a\), gap [0-9]+ ms'
	said '2001:db8::2 is back at 02:00:00:00:00:02 \(node-b\), gap [0-9]+ ms'
	[ "$(cat "$T/err")" = "lbctl arping: warning: eth0 is down: what is asked there is lost until it is up again" ]
	ip -n "$(lan_ns client)" link del eth0
	ends_in 1
	[[ $(tail -n 1 "$T/out") =~ ^Sent\ [0-9]+\ probes,\ [0-9]+\ unanswered,\ 0\ moves,\ longest\ gap\ [1-9][0-9]*\ ms$ ]]
	[[ $(tail -n 1 "$T/err") == "lbctl arping: eth0 has gone: sending "[AN]?P" on "*": No such device"* ]]
}

@test "--watch of two links goes on where one of them is down" {
	lan_nic client eth1
	ip -n "$(lan_ns client)" addr add 198.51.100.100/24 dev eth1
	ip -n "$(lan_ns node-b)" addr add 198.51.100.2/32 dev eth0
	watching -i 20ms 192.0.2.1 198.51.100.2
	said '192\.0\.2\.1 is at'
	said '198\.51\.100\.2 is at'
	ip -n "$(lan_ns client)" link set eth1 down
	said '198\.51\.100\.2 is silent'
	ip -n "$(lan_ns node-a)" addr del 192.0.2.1/24 dev eth0
	said '192\.0\.2\.1 is silent'
	ip -n "$(lan_ns node-a)" addr add 192.0.2.1/24 dev eth0
	said '192\.0\.2\.1 is back'
	ip -n "$(lan_ns client)" link set eth1 up
	said '198\.51\.100\.2 is back'
}

@test "--watch: an outage that lasts to the end is the longest gap" {
	ip -n "$(lan_ns node-a)" addr add 192.0.2.10/32 dev eth0
	watching -i 20ms 192.0.2.10
	said ' is at '
	ip -n "$(lan_ns node-a)" addr del 192.0.2.10/32 dev eth0
	said ' is silent'
	sleep 0.5
	lan_stop "$WATCH" INT || [ $? -eq 3 ]
	[[ $(tail -n 1 "$T/out") =~ longest\ gap\ ([0-9]+)\ ms$ ]]
	[ "${BASH_REMATCH[1]}" -ge 500 ]
}

@test "--watch: a move during which both hosts answer is a move" {
	ip -n "$(lan_ns node-a)" addr add 192.0.2.10/32 dev eth0
	watching -i 30ms 192.0.2.10
	said ' is at 02:00:00:00:00:01'
	ip -n "$(lan_ns node-b)" addr add 192.0.2.10/32 dev eth0
	said ' CONFLICT: is also at 02:00:00:00:00:02'
	ip -n "$(lan_ns node-a)" addr del 192.0.2.10/32 dev eth0
	said ' is no longer at 02:00:00:00:00:01'
	lan_stop "$WATCH" INT
	[[ $(tail -n 1 "$T/out") == *", 1 move, "* ]]
}

@test "--watch --pool ends in how the pool was then, and tells what is held and was never heard" {
	pool "$T/cluster"
	ip -n "$(lan_ns node-b)" addr add 192.0.2.65/32 dev eth0
	run -3 --separate-stderr arping --watch --pool lan --from "$T/cluster" -c 3 -i 50ms
	[ "$(cut -d ' ' -f 2- <<<"${lines[0]}")" = "192.0.2.65 is at 02:00:00:00:00:02 (node-b)" ]
	[ "$(cut -d ' ' -f 2- <<<"${lines[1]}")" = "192.0.2.66 is silent" ]
	[ "${lines[2]}" = "Sent 48 probes, 3 unanswered, 0 moves, longest gap 0 ms" ]
	[ "$stderr" = "lbctl arping: not all is as it should be: 192.0.2.66 is SILENT" ]
	ip -n "$(lan_ns node-c)" addr add 192.0.2.66/32 dev eth0
	run -4 arping --watch --pool lan --from "$T/cluster" -c 3 -i 50ms
	[[ $output == *": 192.0.2.66 is WRONG NODE" ]]
	# wrong first, right in the end
	lan_spawn client "$BUILD/lbctl" arping --watch --pool lan --from "$T/cluster" -i 50ms >"$T/out" 3>&-
	said ' 192\.0\.2\.66 is at 02:00:00:00:00:03'
	ip -n "$(lan_ns node-c)" addr del 192.0.2.66/32 dev eth0
	ip -n "$(lan_ns node-b)" addr add 192.0.2.66/32 dev eth0
	said ' 192\.0\.2\.66 moved to 02:00:00:00:00:02'
	lan_stop "$LAN_PID" INT
	ip -n "$(lan_ns node-a)" addr add 192.0.2.70/32 dev eth0
	run -4 arping --watch -q --pool lan --from "$T/cluster" -c 3 -i 50ms
	[ -z "$output" ]
}

@test "--watch ends as soon as its reader has gone, also while there is no news" {
	# shellcheck disable=SC2016 # expanded there
	run -141 lan_run client timeout 10 bash -c '"$0" arping --watch 192.0.2.1 | head -n 2; exit "${PIPESTATUS[0]}"' "$BUILD/lbctl"
	[[ ${lines[1]} == *" 192.0.2.1 is at 02:00:00:00:00:01" ]]
	[ "${lines[2]}" = "lbctl arping: writing standard output: its reader has gone" ]
	# shellcheck disable=SC2016 # likewise
	run -0 lan_run client bash -c '"$0" arping --watch -q -c 3 192.0.2.1 | true; exit "${PIPESTATUS[0]}"' "$BUILD/lbctl"
}
