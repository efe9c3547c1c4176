# SPDX-License-Identifier: Apache-2.0
# lbctl arping without a network: operands, options and permissions.
# tests/net/arping*.bats have the answers.

bats_require_minimum_version 1.5.0

# A namespace of our own, with loopback only.
alone() {
	unshare $([ "$(id -u)" -eq 0 ] || echo -Ur) -n "$@"
}

# A link of two ends, once it has its carrier.
link='ip link add ta type veth peer name tb && ip link set ta up && ip link set tb up &&
	until ip link show ta | grep -q "state UP"; do sleep 0.02; done'

@test "an address is wanted, and must be one" {
	run -2 lbctl arping
	[ "$output" = "lbctl arping: want an ADDRESS, a prefix or a range to ask for, or --pool" ]
	for bad in 192.0.2 192.0.2.1000 192.0.2.0/33 192.0.2.9-192.0.2.1 nobody ''; do
		run -2 lbctl arping "$bad"
		[ "${#lines[@]}" -eq 1 ]
	done
}

@test "what no host has is no address to ask for" {
	for bad in 224.0.0.1 ff02::1 ff00::/124; do
		run -2 lbctl arping "$bad"
		[ "$output" = "lbctl arping: $bad is multicast, which no host has alone" ]
	done
	run -2 lbctl arping -U 0.0.0.0
	[ "$output" = "lbctl arping: 0.0.0.0 is unspecified, which no host has" ]
	run -2 lbctl arping ::1
	[ "$output" = "lbctl arping: ::1 is loopback, which every host has" ]
	run -2 lbctl arping 223.255.255.254-224.0.0.1
	run -2 lbctl arping 255.255.255.255
	run -2 lbctl arping ::/120
}

@test "options that make no sense are usage errors" {
	run -2 lbctl arping -D -U 192.0.2.1
	[ "$output" = "lbctl arping: --duplicate and --gratuitous exclude each other" ]
	run -2 lbctl arping --watch --who 192.0.2.1
	[ "$output" = "lbctl arping: --watch and --who exclude each other" ]
	run -2 lbctl arping --watch -1 192.0.2.1
	[ "$output" = "lbctl arping: --first and --watch exclude each other" ]
	run -2 lbctl arping --watch -i 0s 192.0.2.1
	[ "$output" = "lbctl arping: -i: want at least 1ms with --watch" ]
	run -2 lbctl arping --pool lan 192.0.2.1
	[ "$output" = "lbctl arping: want --pool or '192.0.2.1', not both" ]
	run -2 lbctl arping --pool lan -D
	[ "$output" = "lbctl arping: --pool and --duplicate exclude each other" ]
	run -2 lbctl arping --lb-class example.com/l2 192.0.2.1
	[ "$output" = "lbctl arping: --lb-class: of use with --pool only" ]
	run -2 lbctl arping -o yaml 192.0.2.1
	[ "$output" = "lbctl arping: -o: want text or json, have 'yaml'" ]
	run -2 lbctl arping --pcap - 192.0.2.1
	[ "$output" = "lbctl arping: --pcap: want a FILE, have '-'; standard output is /dev/stdout, with -q" ]
	run -2 lbctl arping --rate 0 192.0.2.1
	run -2 lbctl arping -D -c 0 192.0.2.1
	run -2 lbctl arping -D -s 192.0.2.1 192.0.2.2
	run -2 lbctl arping -c many 192.0.2.1
	run -2 lbctl arping -w soon 192.0.2.1
}

@test "too many addresses at once are refused" {
	alone true || skip "no user namespaces here"
	alone ip link help >/dev/null 2>&1 || true
	large() {
		run -2 alone sh -c "$link"'; exec "$0" arping -I ta "$1"' "$BUILD/lbctl" "$1"
		[ "$output" = "lbctl arping: $2: more than 1048576 addresses at once; want fewer, a /12 or a /108 at most" ]
	}
	large 10.0.0.0/8 10.0.0.0-10.255.255.255
	large 2001:db8::/64 2001:db8::-2001:db8::ffff:ffff:ffff:ffff
}

@test "an interface that isn't there or can't is named, with what there is" {
	alone true || skip "no user namespaces here"
	run -3 alone "$BUILD/lbctl" arping -I eth9 192.0.2.1
	[ "$output" = "lbctl arping: no interface 'eth9'; there are lo" ]
	run -2 alone "$BUILD/lbctl" arping -I lo 192.0.2.1
	[ "$output" = "lbctl arping: can't ask on lo: it is the loopback interface" ]
	run -3 alone "$BUILD/lbctl" arping 192.0.2.1
	[ "$output" = "lbctl arping: no interface can speak ARP or NDP (up, Ethernet, broadcast)" ]
}

@test "without CAP_NET_RAW it says so in one line, and exits 7" {
	[ "$(id -u)" -eq 0 ] || skip "only root can give up capabilities"
	run -7 unshare -n sh -c "$link"' &&
		exec setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set -all --inh-caps -all \
			--no-new-privs "$0" arping -I ta 192.0.2.1' "$BUILD/lbctl"
	[ "${#lines[@]}" -eq 1 ]
	[[ $output == "lbctl arping: "*CAP_NET_RAW* ]]
}

@test "the manual page has the exit statuses and all types of JSON lines" {
	for word in reply claim own summary address found moved silent back conflict left announced; do
		grep -q "^.It Li $word\$" man/lbctl-arping.1
	done
	for state in Free OK ThisHost NotAnnounced Silent InUse WrongNode Foreign Conflict; do
		grep -q "^.It Li $state\$" man/lbctl-arping.1
		grep -q "\"$state\"" cmd/arping_table.c
	done
	for status in 0 3 4 7; do
		grep -q "^.It $status\$" man/lbctl-arping.1
	done
}
