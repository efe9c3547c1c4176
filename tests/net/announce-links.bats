# SPDX-License-Identifier: Apache-2.0
# lbctl announce on interfaces that come, go and change, by the thousand.

bats_require_minimum_version 1.5.0
# shellcheck source=tests/lib/announce.bash
source tests/lib/announce.bash

V6=2001:db8::10
ETH1=02:00:00:00:01:01

# A second interface of node-a, on a switch of its own with the client.
second() {
	lan_switch other
	lan_nic node-a eth1 $ETH1 other
	lan_nic client eth1 02:00:00:00:01:64 other
}

announced() {
	announce_on node-a 8 "$@"
	announcement ADDED web node-a "\"192.0.2.10\",\"$V6\"" >&8
	wait_for 5 decided node-a Announcing
}

answers_on_eth1() { # MAC
	lan_run client arping -f -w 1 -I eth1 192.0.2.10 | grep -qi "reply from 192.0.2.10 \[$1\]"
}

silent_on_eth1() {
	! lan_run client arping -q -c 1 -w 1 -I eth1 192.0.2.10
}

fds() {
	ls "/proc/$1/fd" | wc -l
}

rss() {
	awk '/^VmRSS/ { print $2 }' "/proc/$1/status"
}

groups() { # of node-a: memberships of the announced address's group, with their users
	lan_run node-a grep -c ff0200000000000000000001ff000010 /proc/net/igmp6
}

@test "an interface that is renamed, gets another MAC, a bridge or a namespace is followed at once" {
	second
	announced
	wait_for 5 answers_on_eth1 $ETH1
	watch_eth1() {
		spawn client tcpdump -n -e -l -i eth1 'arp and ether broadcast' >"$T/eth1" 2>"$T/eth1.err"
		wait_for 5 grep -q 'listening on' "$T/eth1.err"
	}
	watch_eth1
	lan_run node-a ip link set eth1 address 02:00:00:00:01:aa
	wait_for 2 grep -q '02:00:00:00:01:aa > ff:ff.*192.0.2.10' "$T/eth1"
	answers_on_eth1 02:00:00:00:01:aa
	before=$(grep -c . "$T/eth1")
	lan_run node-a ip link set eth1 name lan1
	wait_for 2 lines "$T/eth1" $((before + 1))
	answers_on_eth1 02:00:00:00:01:aa
	# into a bridge, whose turn it is then
	lan_run node-a sh -c 'ip link add br0 type bridge && ip link set br0 address 02:00:00:00:01:bb up &&
		ip link set lan1 master br0'
	wait_for 5 answers_on_eth1 02:00:00:00:01:bb
	wait_for 5 grep -q '02:00:00:00:01:bb > ff:ff.*192.0.2.10' "$T/eth1"
	lan_run node-a ip link set lan1 nomaster
	wait_for 5 answers_on_eth1 02:00:00:00:01:aa
	# into another namespace and back
	lan_run node-a ip link set lan1 netns "$(lan_ns node-b)"
	wait_for 5 silent_on_eth1
	lan_run node-b ip link set lan1 netns "$(lan_ns node-a)"
	lan_run node-a ip link set lan1 up
	wait_for 5 answers_on_eth1 02:00:00:00:01:aa
	kill -0 "$LAN_PID"
}

@test "a macvlan is announced on with its own MAC" {
	announced
	lan_run node-a ip link add mv0 link eth0 address 02:00:00:00:01:cc type macvlan mode bridge
	lan_run node-a ip link set mv0 up
	both() {
		lan_run client arping -c 2 -w 2 -I eth0 192.0.2.10 >"$T/both"
		grep -qi "\[$A\]" "$T/both" && grep -qi '\[02:00:00:00:01:cc\]' "$T/both"
	}
	wait_for 10 both
}

# While eth1 is turned over, eth0 is asked all the time.
@test "ten thousand changes of an interface lose no answer on another and leak nothing" {
	second
	announced --refresh 0s
	local pid=$LAN_PID n=${CYCLES:-10000}
	wait_for 5 answers_on_eth1 $ETH1
	churn() { # CYCLES: one change each
		seq "$1" | awk '{
			i = $1 % 5
			if (i == 0) print "link set eth1 down\nlink set eth1 up"
			if (i == 1) print "link set eth1 address 02:00:00:00:01:" (int($1 / 5) % 90 + 10)
			if (i == 2) print "link set eth1 name lan1\nlink set lan1 name eth1"
			if (i == 3) print "link set eth1 master br9\nlink set eth1 nomaster"
			if (i == 4) print "link set eth1 mtu " 1280 + $1 % 2 * 220
		}' >"$T/batch"
		lan_run node-a ip -batch "$T/batch"
	}
	lan_run node-a ip link add br9 type bridge
	churn 500 # so that what is allocated once is
	lan_run node-a ip link set eth1 address $ETH1
	wait_for 10 answers_on_eth1 $ETH1
	local fds_before rss_before groups_before
	fds_before=$(fds "$pid") rss_before=$(rss "$pid") groups_before=$(groups)
	lan_run client python3 - "$T/stop" >"$T/lost" 3>&- 8>&- <<-'PY' &
		import os, socket, struct, sys, time
		s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0806))
		s.bind(("eth0", 0x0806))
		mac, node, vip = bytes.fromhex("020000000064"), bytes.fromhex("020000000001"), bytes([192, 0, 2, 10])
		asked = lost = 0
		worst = 0
		while not os.path.exists(sys.argv[1]):
		    asked += 1
		    start = time.monotonic()
		    s.send(b"\xff" * 6 + mac + b"\x08\x06" + struct.pack(">HHBBH", 1, 0x0800, 6, 4, 1) + mac +
		           bytes([192, 0, 2, 100]) + bytes(6) + vip)
		    try:
		        while True:
		            s.settimeout(max(0.001, start + 2 - time.monotonic()))
		            f = s.recv(100)
		            if f[:6] == mac and f[6:12] == node and f[20:22] == b"\0\2" and f[28:32] == vip:
		                break
		    except TimeoutError:
		        lost += 1
		    worst = max(worst, time.monotonic() - start)
		    time.sleep(0.001)
		print(asked, lost, round(worst * 1000))
	PY
	local prober=$!
	churn "$n"
	touch "$T/stop"
	wait $prober
	lan_run node-a ip link set eth1 address $ETH1
	wait_for 10 answers_on_eth1 $ETH1
	local settled
	settled() { [ "$(fds "$pid")" -eq "$fds_before" ] && [ "$(groups)" -eq "$groups_before" ]; }
	wait_for 10 settled
	echo "asked, lost, longest ms: $(cat "$T/lost"); RSS $rss_before, then $(rss "$pid") KiB; fds $fds_before"
	read -r asked lost _ <"$T/lost"
	[ "$asked" -gt 100 ]
	[ "$lost" -eq 0 ]
	[ $(($(rss "$pid") - rss_before)) -lt 256 ]
}

@test "a thousand interfaces are announced on, each, and let go" {
	announced --refresh 0s
	local pid=$LAN_PID
	seq 1000 | sed 's/.*/link add p& type veth peer name q& netns NS\nlink set p& up/' |
		sed "s/NS/$(lan_ns node-b)/" >"$T/make"
	seq 1000 | sed 's/.*/link set q& up/' >"$T/up"
	seq 1000 | sed 's/.*/link del p&/' >"$T/del"
	fds_before=$(fds "$pid")
	lan_run node-a ip -batch "$T/make"
	lan_run node-b ip -batch "$T/up"
	all_told() {
		[ "$(groups)" -ge 1001 ]
	}
	wait_for 30 all_told
	answered_by 192.0.2.10 $A
	spawn node-b tcpdump -n -e -l -i q1000 arp >"$T/q" 2>"$T/q.err"
	wait_for 5 grep -q 'listening on' "$T/q.err"
	on_the_last() {
		lan_run node-b arping -f -w 1 -I q1000 192.0.2.10 >/dev/null
	}
	wait_for 10 on_the_last
	echo "RSS with 1001 interfaces: $(rss "$pid") KiB"
	lan_run node-a ip -batch "$T/del"
	one() {
		[ "$(groups)" -eq 1 ]
	}
	wait_for 30 one
	answered_by 192.0.2.10 $A
	solicited $V6 $A
	[ "$(fds "$pid")" -le $((fds_before + 3)) ]
}

# What eth1 does not send must not keep eth0 from being answered on, nor the end from coming.
goes_on_without_eth1() {
	wait_for 5 answered_by 192.0.2.10 $A
	wait_for 10 said_in_log "$1"
	solicited $V6 $A
	answered_by 192.0.2.10 $A
	exec 8>&-
	local status=0
	wait "$pid" || status=$?
	[ "$status" -eq 0 ]
}

said_in_log() {
	grep -q "$1" "$T/node-a.err"
}

@test "an interface on which each frame is dropped is told, and keeps no other waiting" {
	second
	lan_run node-a nft -f - <<-'END'
		table netdev t {
			chain egress {
				type filter hook egress device eth1 priority 0
				ether type { arp, ip6 } drop
			}
		}
	END
	announced --grace 100ms
	pid=$LAN_PID
	goes_on_without_eth1 'sending .* on eth1: .* a rule drops it'
}

@test "an interface that sends nothing, with all that the sockets hold waiting for it, keeps no other waiting" {
	second
	lan_run node-a tc qdisc add dev eth1 root tbf rate 1kbit burst 1540 limit 10mb
	announced --grace 100ms --rate 100000
	pid=$LAN_PID
	announcement ADDED many node-a "$(seq -f '"198.51.100.%.0f"' -s, 250),$(seq -f '"203.0.113.%.0f"' -s, 250)" >&8
	goes_on_without_eth1 'have been full for'
}
