# SPDX-License-Identifier: Apache-2.0
# The conformance vectors of tests/vectors on a wire, and hosts that mean no good.

bats_require_minimum_version 1.5.0
# shellcheck source=tests/lib/announce.bash
source tests/lib/announce.bash

# play FILE: sends every request; each answer has to be the vector's, byte for byte, and nothing else
# may come about the announced address but what is sent to all unasked
play() {
	lan_run client python3 - "$1" <<-'PY'
		import ipaddress, json, socket, sys, time
		data = json.load(open(sys.argv[1]))
		ip = ipaddress.ip_address(data["addresses"][0]).packed
		mac = bytes.fromhex(data["mac"].replace(":", ""))
		s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
		s.bind(("eth0", 0))
		def about_us(f):  # ARP reply, or neighbour advertisement
		    return f[6:12] == mac and (f[12:14] == b"\x08\x06" and f[20:22] == b"\0\2" and f[28:32] == ip or
		                               f[12:14] == b"\x86\xdd" and f[54] == 136 and f[62:78] == ip)
		def ask(request, want):
		    s.send(request)
		    until = time.monotonic() + 5
		    while time.monotonic() < until:
		        s.settimeout(max(until - time.monotonic(), 0.001))
		        try:
		            f, link = s.recvfrom(4096)
		        except TimeoutError:
		            break
		        if link[2] == socket.PACKET_OUTGOING or not about_us(f):
		            continue
		        if f[:len(want)] == want and not any(f[len(want):]):
		            return
		        if link[2] == socket.PACKET_HOST:
		            sys.exit("an answer that nobody waits for: " + f.hex())
		    sys.exit("no answer to " + request.hex())
		answered = [v for v in data["vectors"] if v["reply"]]
		for v in answered:
		    ask(bytes.fromhex(v["request"]), bytes.fromhex(v["reply"]))
		for v in data["vectors"]:
		    if not v["reply"]:
		        s.send(bytes.fromhex(v["request"]))
		        ask(bytes.fromhex(answered[0]["request"]), bytes.fromhex(answered[0]["reply"]))
		print(len(data["vectors"]), "vectors")
	PY
}

@test "the vectors of ARP hold on the wire" {
	announce_on node-a 8
	announcement ADDED web node-a '"192.0.2.10"' >&8
	wait_for 5 decided node-a Announcing
	play tests/vectors/arp.json
	[ ! -s "$T/node-a.err" ]
}

@test "the vectors of NDP hold on the wire" {
	announce_on node-a 8
	announcement ADDED web node-a '"2001:db8::10"' >&8
	wait_for 5 decided node-a Announcing
	play tests/vectors/ndp.json
	[ ! -s "$T/node-a.err" ]
}

# storm KIND SECONDS: requests or claims from hosts that don't exist, as fast as it goes
storm() {
	spawn client python3 - "$@" <<-'PY'
		import itertools, os, socket, struct, sys, time
		s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
		s.bind(("eth0", 0))
		rnd = os.urandom(6 * 4096)
		def frame(i):
		    mac = b"\x02" + rnd[6 * i + 1:6 * i + 6]
		    claimed = bytes([192, 0, 2, 10])
		    sender = claimed if sys.argv[1] == "claims" else bytes([203, 0, i >> 8, i & 255])
		    return (b"\xff" * 6 + mac + b"\x08\x06" + struct.pack(">HHBBH", 1, 0x0800, 6, 4, 1) +
		            mac + sender + bytes(6) + claimed)
		frames = [frame(i) for i in range(4096)]
		until = time.monotonic() + float(sys.argv[2])
		n = 0
		while time.monotonic() < until:
		    for f in frames:
		        s.send(f)
		    n += len(frames)
		print(n)
	PY
}

rss() {
	awk '/^VmRSS/ { print $2 }' "/proc/$1/status"
}

honest_ones_are_answered() {
	announce_on node-a 8
	local pid=$LAN_PID before
	announcement ADDED web node-a '"192.0.2.10"' >&8
	wait_for 5 answered_by 192.0.2.10 $A
	storm requests 1 >"$T/warm"
	wait "$LAN_PID"
	before=$(rss "$pid")
	storm requests 4 >"$T/sent"
	local n=0
	for _ in 1 2 3 4 5 6; do
		lan_run node-b arping -q -f -c 2 -w 2 -I eth0 192.0.2.10 && n=$((n + 1))
	done
	wait "$LAN_PID"
	echo "$(cat "$T/sent") requests in 4 s, honest answers $n of 6, RSS $before, then $(rss "$pid") KiB"
	[ "$n" -ge 5 ]
	[ $(($(rss "$pid") - before)) -lt 200 ]
	wait_for 5 answered_by 192.0.2.10 $A
}

@test "under a storm of requests from hosts that don't exist honest ones are answered, and memory is flat" {
	honest_ones_are_answered
}

@test "so it is when the sockets answer alone" {
	WRAP='setpriv --bounding-set=-bpf,-sys_admin'
	honest_ones_are_answered
}

@test "a storm of claims from hosts that don't exist is told in moderation" {
	announce_on node-a 8
	local pid=$LAN_PID before
	announcement ADDED web node-a '"192.0.2.10"' >&8
	wait_for 5 answered_by 192.0.2.10 $A
	storm claims 1 >"$T/warm"
	wait "$LAN_PID"
	before=$(rss "$pid")
	storm claims 3 >"$T/sent"
	wait "$LAN_PID"
	wait_for 5 answered_by 192.0.2.10 $A
	local told
	told=$(grep -c '"code":"AddressConflict"' "$T/node-a.out")
	echo "$(cat "$T/sent") claims, $told told, RSS $before, then $(rss "$pid") KiB"
	[ "$told" -ge 1 ]
	[ "$told" -le 8 ]
	[ "$(wc -l <"$T/node-a.err")" -le 10 ]
	[ $(($(rss "$pid") - before)) -lt 200 ]
}
