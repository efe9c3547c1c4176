# SPDX-License-Identifier: Apache-2.0
# The frames that lbctl-announce(1) shows are those that are seen.

bats_require_minimum_version 1.5.0
# shellcheck source=tests/lib/announce.bash
source tests/lib/announce.bash

documented() {
	grep -E '^([0-9a-f]{2}:){5}[0-9a-f]{2} > ' man/lbctl-announce.1 | sort -u
}

# How many groups one multicast listener report names is up to the kernel, which may join several.
seen() {
	sed -E 's/length [0-9]+(: .*report v2), [0-9]+ group record\(s\), length [0-9]+/length 90\1, 1 group record(s), length 28/' \
		"$T/seen" | sort -u
}

missing() {
	documented | grep -Fvx -f <(seen)
}

none_missing() {
	! missing >/dev/null
}

@test "each frame in the manual page is seen by tcpdump" {
	spawn client tcpdump -n -e -q -t -l -i eth0 'arp or icmp6 or ip6[48] == 143' >"$T/seen" 2>"$T/seen.err"
	wait_for 5 grep -q 'listening on' "$T/seen.err"
	lan_run node-a ping -q -c 1 -w 5 fe80::ff:fe00:64%eth0 # its link-local address is usable
	announce_on node-a 8
	announcement ADDED web node-a '"192.0.2.10","2001:db8::10"' >&8
	wait_for 5 decided node-a Announcing
	{
		echo '{"type":"BOOKMARK","object":{"kind":"Service","apiVersion":"v1","metadata":{"annotations":{"k8s.io/initial-events-end":"true"}}}}'
		for ip in 192.0.2.12 2001:db8::12; do
			echo "{\"type\":\"MODIFIED\",\"object\":{\"kind\":\"Service\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"$ip\"},\"status\":{\"loadBalancer\":{\"ingress\":[{\"ip\":\"$ip\"}]}}}}"
		done
		announcement ADDED new node-a '"192.0.2.12","2001:db8::12"'
	} >&8
	wait_for 5 decided node-a Announcing 2
	lan_run client arping -q -f -w 1 -I eth0 192.0.2.10
	lan_run client arping -q -D -c 1 -w 1 -I eth0 192.0.2.10 || true
	lan_run client sh -c 'echo 1 >/proc/sys/net/ipv6/conf/eth0/accept_dad'
	lan_run client ip addr add 2001:db8::10/64 dev eth0
	lan_run client ip addr del 2001:db8::10/64 dev eth0
	lan_run client ip addr del 2001:db8::10/64 dev eth0 2>/dev/null || true
	resolve 2001:db8::10
	wait_for 5 none_missing || { missing; echo seen:; seen; false; }
	[ "$(documented | wc -l)" -ge 10 ]
}
