# SPDX-License-Identifier: Apache-2.0
# Answers inside the kernel: what is asked within a moment of an answer never comes to the process.  The
# client asks every millisecond, so nearly all of it is.

bats_require_minimum_version 1.5.0
# shellcheck source=tests/lib/announce.bash
source tests/lib/announce.bash
# shellcheck source=tests/lib/gap.bash
source tests/lib/gap.bash

setup() {
	printf '%s\n' 6.6 "$(uname -r)" | sort -CV || skip 'needs Linux 6.6 (tcx)'
	announce_setup
}

metric() { # NAME{LABELS}: its value, or 0
	metrics | awk -v name="$1" 'index($0, name " ") == 1 { n = $NF } END { print n + 0 }'
}

in_kernel() {
	metric 'lbctl_layer2_answered_in_kernel_total{interface="eth0"}'
}

announced() { # OPTION...
	announce_on node-a 8 --run-dir "$T/run" "$@"
	pid=$LAN_PID
	announcement ADDED web node-a '"192.0.2.10","2001:db8::10"' >&8
	wait_for 5 answered_by 192.0.2.10 $A
}

programs() { # how many announce has loaded
	find "/proc/$pid/fd" -lname 'anon_inode:bpf*link*' | wc -l
}

ask() { # BEFORE AFTER DEED...
	gap=$(lan_run client tests/lib/gap eth0 192.0.2.10 "$@" 8>&-)
	echo "$gap"
}

@test "what is asked again within a moment is answered in the kernel, and counted" {
	announced
	ask 100 400 true
	[ "$(value unanswered "$gap")" -eq 0 ]
	[ "$(in_kernel)" -ge 400 ]
	[ "$(in_kernel)" -lt "$(value sent "$gap")" ] # the first of each tenth of a second is not
	[ "$(metric 'metallb_layer2_responses_sent{ip="192.0.2.10",interface="eth0"}')" -gt "$(value sent "$gap")" ]
	[ "$(metric 'metallb_layer2_requests_received{ip="192.0.2.10",interface="eth0"}')" -eq \
		"$(metric 'metallb_layer2_responses_sent{ip="192.0.2.10",interface="eth0"}')" ]
	[ "$(metric 'lbctl_layer2_frames_total{interface="eth0",outcome="answered"}')" -eq \
		"$(metric 'metallb_layer2_responses_sent{ip="192.0.2.10",interface="eth0"}')" ]
	[ "$(metric 'metallb_layer2_responses_sent{ip="2001:db8::10",interface="eth0"}')" -eq 0 ]
}

# Frames that the kernel sends, as tshark sees them; the first ones are the process's.
@test "what it sends is what the process would, for solicitations as well" {
	announced
	spawn client tcpdump -U -i eth0 -w "$T/pcap" 'icmp6 or arp' 2>"$T/pcap.err"
	wait_for 5 grep -q 'listening on' "$T/pcap.err"
	cat >"$T/solicit.py" <<-'PY'
		import json, socket, time
		request, reply = (bytes.fromhex(x) for x in json.loads(open(0).read()))
		s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x86dd))
		s.bind(("eth0", 0x86dd))
		s.settimeout(1)
		for _ in range(300):
		    s.send(request)
		    while s.recv(2000)[:len(reply)] != reply:
		        pass
		    time.sleep(0.001)
	PY
	jq '[.vectors[] | select(.reply)][0] | [.request, .reply]' tests/vectors/ndp.json |
		lan_run client python3 "$T/solicit.py"
	ask 10 200 true
	[ "$(metric 'metallb_layer2_responses_sent{ip="2001:db8::10",interface="eth0"}')" -eq 300 ]
	[ "$(in_kernel)" -ge 300 ]
	recorded() { # by a tcpdump that may write it a little later
		tshark -r "$T/pcap" -Y "eth.src == $A && !(eth.dst.ig == 1)" 2>/dev/null | sed 's/.* \(ARP\|ICMPv6\)/\1/' |
			sort | uniq -c >"$T/sent"
		[ "$(wc -l <"$T/sent")" -eq 2 ] && grep -q '^ *300 .*Neighbor Advertisement 2001:db8::10 (sol, ovr)' "$T/sent" &&
			grep -q "^ *$(value sent "$gap") .*192.0.2.10 is at $A" "$T/sent"
	}
	wait_for 10 recorded || { cat "$T/sent"; false; }
	run -0 tshark -r "$T/pcap" -Y "eth.src == $A && (_ws.malformed ||
		icmpv6.checksum.status == \"Bad\" || _ws.expert.severity >= 6291456)"
	run ! grep -v "^Running as user" <<<"$output"
}

@test "without CAP_BPF, or where each frame is told, the sockets answer alone" {
	WRAP='setpriv --bounding-set=-bpf,-sys_admin' announced
	ask 100 400 true
	[ "$(value unanswered "$gap")" -eq 0 ]
	[ "$(in_kernel)" -eq 0 ]
	[ ! -s "$T/node-a.err" ]
	exec 8>&-
	lan_stop "$pid" || true
	rm "$T/node-a.in"
	announced --log debug:l2
	ask 10 90 true
	[ "$(in_kernel)" -eq 0 ]
	[ "$(grep -c 'asks for 192.0.2.10: answered' "$T/node-a.err")" -gt 100 ]
}

@test "of a process that stands still the kernel is silent within a tenth of a second" {
	announced
	ask 200 800 kill STOP "$pid"
	kill -CONT "$pid"
	[ "$(value unanswered "$gap")" -ge 650 ] && [ "$(value unanswered "$gap")" -le 800 ]
	wait_for 5 answered_by 192.0.2.10 $A
}

# In the place of members: says until when announce may speak, and once $T/end is there, for 15 ms more and
# never again; 5 ms later announce stands still.
beats() {
	cat >"$T/beats.py" <<-'PY'
		import ctypes, os, signal, sys, time
		class Value(ctypes.Union):
		    _fields_ = [("number", ctypes.c_int), ("pointer", ctypes.c_void_p)]
		libc = ctypes.CDLL(None)
		libc.sigqueue.argtypes = [ctypes.c_int, ctypes.c_int, Value]
		pid, end = int(sys.argv[1]), sys.argv[2]
		def until(ms):
		    at = int(time.monotonic() * 1000) + ms
		    libc.sigqueue(pid, signal.SIGURG, Value(number=ctypes.c_int(at & 0xffffffff).value))
		signal.signal(signal.SIGURG, signal.SIG_IGN)
		while not os.path.exists(end):
		    until(250)
		    time.sleep(0.005)
		until(15)
		time.sleep(0.005)
		os.kill(pid, signal.SIGSTOP)
	PY
	spawn node-a python3 "$T/beats.py" "$pid" "$T/end"
	printf '{"type":"MODIFIED","object":{"kind":"Member","apiVersion":"lbctl.dev/v1","metadata":{"name":"node-a"},"status":{"alive":true,"notify":%s}}}\n' \
		"$LAN_PID" >&8
}

@test "it is silent when the process may not speak any more, even if that stands still" {
	announced
	for _ in 1 2 3; do
		rm -f "$T/end"
		beats
		ask 300 500 touch "$T/end"
		kill -CONT "$pid"
		[ "$(value unanswered "$gap")" -ge 475 ]
	done
	[ "$(in_kernel)" -ge 600 ]
}

@test "of a process that is killed nothing is left" {
	announced
	ask 200 800 kill KILL "$pid"
	[ "$(value unanswered "$gap")" -ge 780 ]
}

@test "what is withdrawn is answered no more, and what else there is goes on" {
	announced --grace 0s
	announcement ADDED other node-a '"192.0.2.11"' >&8
	wait_for 5 answered_by 192.0.2.11 $A
	announcement DELETED web node-a '"192.0.2.10","2001:db8::10"' >"$T/deleted"
	ask 200 800 cp "$T/deleted" "$T/node-a.in"
	[ "$(value unanswered "$gap")" -ge 780 ]
	answered_by 192.0.2.11 $A
}

@test "a MAC that changes is told by the next answer" {
	announced
	ask 200 400 ip -n "$(lan_ns node-a)" link set eth0 address 02:00:00:00:00:aa
	[ "$(value first "$gap")" -le 50 ]
	[ "$(value both "$gap")" -le 10 ]
	[ "$(value unanswered "$gap")" -le 50 ]
	answered_by 192.0.2.10 02:00:00:00:00:aa
}

@test "an interface that goes and comes back under its number is answered on" {
	announced
	local n
	n=$(lan_run node-a cat /sys/class/net/eth0/ifindex)
	lan_run node-a ip link del eth0
	ip -n "$(lan_ns switch)" link add again type veth peer name eth0 index "$n" netns "$(lan_ns node-a)" address $A
	ip -n "$(lan_ns switch)" link set again master lan up
	lan_run node-a ip link set eth0 up
	wait_for 5 answered_by 192.0.2.10 $A
	ask 100 400 true
	[ "$(in_kernel)" -ge 400 ]
}

# sends OP SENDER TARGET [MAC]: what node-b shall broadcast, for ask
sends() {
	cat >"$T/send.py" <<-'PY'
		import socket, struct, sys
		op, sender, target = int(sys.argv[1]), *map(socket.inet_aton, sys.argv[2:4])
		s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
		s.bind(("eth0", 0))
		mac = bytes.fromhex(sys.argv[4].replace(":", "")) if sys.argv[4:] else s.getsockname()[4]
		s.send(b"\xff" * 6 + mac + struct.pack("!HHHBBH", 0x806, 1, 0x800, 6, 4, op) + mac + sender + bytes(6) + target)
	PY
	deed=(ip netns exec "$(lan_ns node-b)" python3 "$T/send.py" "$@")
}

@test "claims are heard meanwhile" {
	announced
	sends 2 192.0.2.10 192.0.2.10
	ask 300 300 "${deed[@]}"
	wait_for 5 decided node-a AddressConflict
	sends 1 192.0.2.10 192.0.2.100 # one that only shows in a question
	ask 300 300 "${deed[@]}"
	wait_for 5 counted 2
	[ "$(in_kernel)" -ge 400 ]
}

counted() { # N: claims
	[ "$(metric 'lbctl_layer2_conflicts_total{ip="192.0.2.10",interface="eth0"}')" -eq "$1" ]
}

@test "what comes meanwhile is known to it: an address, and a MAC of this host" {
	announced
	ask 10 300 true
	announcement ADDED other node-a '"192.0.2.11"' >&8
	lan_run node-a ip link add more address 02:00:00:00:00:77 type veth peer name less
	wait_for 5 answered_by 192.0.2.11 $A
	sends 1 192.0.2.101 192.0.2.10 02:00:00:00:00:77
	ask 300 300 "${deed[@]}"
	[ "$(metric 'lbctl_layer2_frames_total{interface="eth0",outcome="from this host"}')" -eq 1 ]
	local before
	before=$(in_kernel)
	gap=$(lan_run client tests/lib/gap eth0 192.0.2.11 100 300 true 8>&-)
	[ "$(value unanswered "$gap")" -eq 0 ]
	[ "$(in_kernel)" -ge $((before + 300)) ]
}

# A host that answers no probe, and only gives itself away by what it asks.
@test "while an address is probed, whatever its holder asks is heard" {
	announced --probe 3s
	listed >&8
	service ADDED new 192.0.2.12 >&8
	ask 10 200 true
	[ "$(in_kernel)" -gt 0 ]
	watch_arp "$T/seen" 'arp and arp[24:4] == 0xc000020c'
	announcement ADDED new node-a '"192.0.2.12"' >&8
	wait_for 2 lines "$T/seen" 1
	sends 1 192.0.2.12 192.0.2.10
	ask 200 200 "${deed[@]}"
	wait_for 5 decided node-a AddressInUse
}

@test "when little is asked it goes, and what it counted stays" {
	announced
	ask 10 300 true
	[ "$(in_kernel)" -gt 0 ]
	[ "$(programs)" -eq 1 ]
	local all
	all=$(metric 'metallb_layer2_responses_sent{ip="192.0.2.10",interface="eth0"}')
	gone() {
		[ "$(programs)" -eq 0 ]
	}
	wait_for 15 gone
	[ "$(metric 'metallb_layer2_responses_sent{ip="192.0.2.10",interface="eth0"}')" -eq "$all" ]
	[ "$(in_kernel)" -gt 0 ]
	ask 10 300 true
	[ "$(programs)" -eq 1 ]
	[ "$(metric 'metallb_layer2_responses_sent{ip="192.0.2.10",interface="eth0"}')" -gt "$((all + 300))" ]
}
