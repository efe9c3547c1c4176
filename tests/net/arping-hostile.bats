# SPDX-License-Identifier: Apache-2.0
# lbctl arping against hosts that answer too much, too often, or nonsense.

bats_require_minimum_version 1.5.0
# shellcheck source=tests/lib/arping.bash
source tests/lib/arping.bash
# shellcheck disable=SC2034 # for its setup
HOSTS=(node-a evil client=100)

hostile() { # MODE ADDRESS
	lan_spawn evil tests/lib/hostile "$1" eth0 "$2" >"$T/hostile" 3>&-
	wait_for 10 grep -q ready "$T/hostile"
}

# measured ARGUMENT...: arping into $T/out; its status, and $PEAK, the most KiB it had
measured() {
	local now
	lan_spawn client "$BUILD/lbctl" arping "$@" >"$T/out" 2>"$T/err" 3>&-
	PEAK=0
	while now=$(sed -n 's/^VmHWM: *\([0-9]*\) kB/\1/p' "/proc/$LAN_PID/status" 2>/dev/null) && [ -n "$now" ]; do
		PEAK=$now
		sleep 0.05
	done
	wait "$LAN_PID"
}

@test "malformed answers are no answers, for either protocol, asked or probed" {
	local address
	capture client 'ip6[6] == 0'
	for address in 192.0.2.50 2001:db8::50; do
		hostile malformed "$address"
		run -3 --separate-stderr arping -c 2 -i 200ms --pcap "$T/frames.pcap" "$address"
		[ "${lines[-1]}" = "Sent 2 probes, received 0 replies" ]
		# they were there, but for what the manual leaves out
		[ "$address" = 192.0.2.50 ] || wait_for 5 grep -q 'HBH.*2001:db8::50' "$T/frames"
		[ "$(tcpdump -nn -r "$T/frames.pcap" 2>/dev/null | wc -l)" -gt 20 ]
		run ! grep HBH < <(tcpdump -nn -r "$T/frames.pcap" 2>/dev/null)
		run -0 arping -D -c 2 -i 200ms "$address"
		[ "${lines[1]}" = "$address is free: nobody answered 2 probes" ]
		run -3 arping --watch -i 50ms -w 500ms "$address"
		! grep -qE 'is at|moved|CONFLICT' <<<"$output"
		lan_stop "$LAN_PID" KILL || true
	done
}

@test "a captured frame keeps its VLAN tag" {
	local address
	capture client arp or icmp6 or vlan
	for address in 192.0.2.50 2001:db8::50; do
		hostile tagged "$address"
		arping -c 1 --pcap "$T/frames.pcap" "$address" >"$T/out" || [ $? -eq 3 ]
		tcpdump -nn -e -r "$T/frames.pcap" >"$T/read" 2>"$T/err"
		[ "$(grep -c '02:00:00:00:66:02 > .* ethertype 802.1Q (0x8100), length .*: vlan 5, p 3, ' "$T/read")" -eq 1 ]
		# all as another sees it on the wire, but for the time
		wait_for 5 grep -q "802.1Q .*$address" "$T/frames"
		[ "$(wc -l <"$T/read")" -eq 2 ]
		diff <(sed 's/^[^ ]* //' "$T/read") <(grep -F "$address" "$T/frames" | sed 's/^[^ ]* //')
		lan_stop "$LAN_PID" KILL || true
	done
}

@test "a flood of answers ends on time, in little memory, and little is printed" {
	local address start
	for address in 192.0.2.50 2001:db8::50; do
		hostile flood "$address"
		local flooder=$LAN_PID
		start=$(date +%s%N)
		measured -c 0 -i 500ms -w 2s "$address" || [ $? -eq 4 ]
		[ $((($(date +%s%N) - start) / 1000000)) -lt 6000 ]
		[ "$PEAK" -gt 0 ] && [ "$PEAK" -lt 16384 ]
		grep -q "^Sent [0-9]* probes, received [0-9]\{4,\} replies\$" "$T/out"
		[ "$(wc -l <"$T/out")" -lt 100 ]
		grep -q "^$address has [0-9]* owners: " "$T/out"
		measured --watch -i 100ms -w 2s "$address" || status=$?
		[[ ${status:-0} == [04] ]]
		[ "$PEAK" -lt 16384 ]
		grep -q 'CONFLICT: is also at' "$T/out"
		[ "$(wc -l <"$T/out")" -lt 300 ]
		measured -D -i 100ms "$address" || [ $? -eq 4 ]
		[ "$PEAK" -lt 16384 ]
		lan_stop "$flooder" KILL || true
	done
}

@test "an honest host is heard beside a flood" {
	hostile flood 192.0.2.50
	measured -c 5 -i 200ms 192.0.2.50 192.0.2.1 || [ $? -eq 4 ]
	[ "$(grep -c 'Unicast reply from 192.0.2.1 \[02:00:00:00:00:01\]' "$T/out")" -ge 2 ] # others were lost in it
}

@test "a capture of a flood ends at its bound, and the probes go on" {
	hostile flood 192.0.2.50
	measured -c 0 -i 100ms -w 1500ms --pcap "$T/flood.pcap" 192.0.2.50 || [ $? -eq 4 ]
	[ "$PEAK" -lt 16384 ]
	[ "$(stat -c %s "$T/flood.pcap")" -le 67108864 ]
	tcpdump -nn -r "$T/flood.pcap" -c 10 >"$T/read" 2>&1
	[ "$(grep -c ARP "$T/read")" -eq 10 ]
}

@test "a large sweep finds who is there, in bounded memory: 65536 addresses of either family" {
	ip -n "$(lan_ns node-a)" addr add 198.18.77.5/32 dev eth0
	ip -n "$(lan_ns node-a)" addr add 2001:db8:0:1::abcd/128 dev eth0 nodad
	measured -I eth0 -c 1 --rate 100000 -i 500ms 198.18.0.0/16
	grep -qE '^198\.18\.77\.5 +02:00:00:00:00:01' "$T/out"
	grep -qx '1 of 65536 addresses answered, 65535 silent' "$T/out"
	[ "$PEAK" -lt 24576 ]
	measured -I eth0 -c 1 --rate 100000 -i 500ms 2001:db8:0:1::/112
	grep -qE '^2001:db8:0:1::abcd +02:00:00:00:00:01' "$T/out"
	[ "$PEAK" -lt 24576 ]
}
