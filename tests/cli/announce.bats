# SPDX-License-Identifier: Apache-2.0
# lbctl announce without a network: options, permissions, and what it does with records.
# tests/net/announce.bats has the frames.

bats_require_minimum_version 1.5.0

# No capability at all.
without_capabilities() {
	setpriv --bounding-set -all --inh-caps -all --no-new-privs "$@"
}

# A namespace of our own, with loopback only.
alone() {
	unshare $([ "$(id -u)" -eq 0 ] || echo -Ur) -n "$@"
}

announcement() { # TYPE NAME NODE ADDRESS
	printf '{"type":"%s","object":{"kind":"Announcement","apiVersion":"lbctl.dev/v1","metadata":{"namespace":"default","name":"%s"},"spec":{"node":"%s","addresses":["%s"],"protocols":["layer2"],"interfaces":[]}}}\n' "$@"
}

decisions() {
	jq -r 'select(.object.kind == "Decision") | .object.spec | "\(.verdict) \(.code) \(.message)"'
}

@test "operands and options that make no sense are usage errors" {
	run -2 lbctl announce eth0
	[ "$output" = "lbctl announce: no operand is wanted, have 'eth0'" ]
	run -2 lbctl announce --grace soon
	run -2 lbctl announce --refresh 600h
	[ "$output" = "lbctl announce: --refresh: at most 576h (24 days) will do, have '600h'" ]
	run -2 lbctl announce --bind-interface lo
	[ "$output" = "lbctl announce: --bind-interface goes with --bind" ]
	run -2 lbctl announce -o yaml
}

@test "options without a value are usage errors, since less would be chosen than was meant" {
	run -2 lbctl announce -i ''
	[ "$output" = "lbctl announce: --interface: want GLOB, have ''" ]
	run -2 lbctl announce --node ''
	[ "$output" = "lbctl announce: --node: want NAME, have ''" ]
	alone true || skip "no user namespaces here"
	alone lbctl announce --exclude '' </dev/null # as deploy/speaker.yaml does where EXCLUDE is empty
}

@test "what stands in the way of its socket, and is none, stays" {
	alone true || skip "no user namespaces here"
	mkdir "$BATS_TEST_TMPDIR/run"
	echo precious >"$BATS_TEST_TMPDIR/run/announce.sock"
	run -4 alone lbctl announce --run-dir "$BATS_TEST_TMPDIR/run" </dev/null
	[ "$output" = "lbctl announce: --run-dir: $BATS_TEST_TMPDIR/run/announce.sock is there already, and no socket" ]
	[ "$(cat "$BATS_TEST_TMPDIR/run/announce.sock")" = precious ]
}

@test "what is no regular expression, and a file that is no list of them, are named" {
	alone true || skip "no user namespaces here"
	run -2 alone lbctl announce --exclude 'eth(' </dev/null
	[[ $output == 'lbctl announce: --exclude: "eth(" is no regular expression'* ]]
	run -2 alone lbctl announce --exclude '(?i)ETH' </dev/null
	[ "$output" = 'lbctl announce: --exclude: "(?i)ETH": (?i is not understood in a regular expression for names of interfaces; of these there is only (?:...)' ]
	run -1 alone lbctl announce --exclude-file "$BATS_TEST_TMPDIR/none" </dev/null
	[[ $output == *"$BATS_TEST_TMPDIR/none: No such file"* ]]
	echo 'announcedInterfacesToExclude: [^lo$, 7]' >"$BATS_TEST_TMPDIR/list"
	run -6 alone lbctl announce --exclude-file "$BATS_TEST_TMPDIR/list" </dev/null
	[[ $output == *"announcedInterfacesToExclude[1]: want a string" ]]
	echo 'exclude: [^lo$]' >"$BATS_TEST_TMPDIR/list"
	run -6 alone lbctl announce --exclude-file "$BATS_TEST_TMPDIR/list" </dev/null
	[ "$output" = "lbctl announce: $BATS_TEST_TMPDIR/list: announcedInterfacesToExclude: want a list, have none" ]
	echo 'announcedInterfacesToExclude: docker' >"$BATS_TEST_TMPDIR/list"
	run -6 alone lbctl announce --exclude-file "$BATS_TEST_TMPDIR/list" </dev/null
	[ "$output" = "lbctl announce: $BATS_TEST_TMPDIR/list: announcedInterfacesToExclude: want a list, have a string" ]
	echo "announcedInterfacesToExclude: ['^lo$', 'eth[']" >"$BATS_TEST_TMPDIR/list"
	run -6 alone lbctl announce --exclude-file "$BATS_TEST_TMPDIR/list" </dev/null
	[[ $output == "lbctl announce: $BATS_TEST_TMPDIR/list: announcedInterfacesToExclude[1]: \"eth[\" is no regular expression"* ]]
}

@test "interfaces are left alone as --exclude and MetalLB's file say, by unanchored expressions" {
	alone true || skip "no user namespaces here"
	printf 'announcedInterfacesToExclude: ["^ca.*", "ni0$"]\n' >"$BATS_TEST_TMPDIR/list"
	announcement ADDED web node-a 192.0.2.10 >"$BATS_TEST_TMPDIR/in"
	alone sh -c 'ip link add cali1 type veth peer name cni0 && ip link add eth7 type veth peer name uplink
		for i in cali1 cni0 eth7 uplink; do ip link set $i up; done
		lbctl announce --node node-a --interface "[ce]*" --exclude "h\\d{1}$" --exclude-file "$1" <"$2"' \
		sh "$BATS_TEST_TMPDIR/list" "$BATS_TEST_TMPDIR/in" >"$BATS_TEST_TMPDIR/out"
	jq -es 'any(.[].object; .spec.code == "NoInterface" and
		(.spec.considered | map({(.name): .code}) | add | {cali1, cni0, eth7, uplink}) ==
		{cali1: "Excluded", cni0: "Excluded", eth7: "Excluded", uplink: "NotSelected"})' "$BATS_TEST_TMPDIR/out"
}

@test "Events carry the uid of the Service" {
	alone true || skip "no user namespaces here"
	announcement ADDED web node-a 192.0.2.10 | sed 's/"name":"web"/"name":"web","uid":"u-1"/' |
		alone lbctl announce --node node-a >"$BATS_TEST_TMPDIR/out"
	jq -es 'any(.[].object; .kind == "Event" and .involvedObject.uid == "u-1")' "$BATS_TEST_TMPDIR/out"
}

@test "without CAP_NET_RAW it says so in one line, and exits 7" {
	[ "$(id -u)" -eq 0 ] || skip "only root can give up capabilities"
	run -7 without_capabilities "$BUILD/lbctl" announce </dev/null
	[ "${#lines[@]}" -eq 1 ]
	[[ $output == "lbctl announce: "*CAP_NET_RAW* ]]
}

@test "the stream passes unchanged, and an address that no interface fits is refused" {
	alone true || skip "no user namespaces here"
	announcement ADDED web node-a 192.0.2.10 >"$BATS_TEST_TMPDIR/in"
	echo '{"type":"ADDED","object":{"kind":"Pod","apiVersion":"v1","metadata":{"name":"p"}}}' >>"$BATS_TEST_TMPDIR/in"
	alone lbctl announce --node node-a <"$BATS_TEST_TMPDIR/in" >"$BATS_TEST_TMPDIR/out"
	diff <(grep -vE '"(Decision|Event)"' "$BATS_TEST_TMPDIR/out") "$BATS_TEST_TMPDIR/in"
	run decisions <"$BATS_TEST_TMPDIR/out"
	[ "${lines[0]}" = 'refused NoInterface node "node-a" announces 192.0.2.10 nowhere: no interface fits' ]
	jq -es 'any(.[].object; .reason == "announceFailed" and .type == "Warning"
		and .source.component == "metallb-speaker" and .source.host == "node-a")' \
		"$BATS_TEST_TMPDIR/out"
}

@test "Announcements for other nodes, other protocols and other kinds are not its business" {
	alone true || skip "no user namespaces here"
	{
		announcement ADDED web node-b 192.0.2.10
		announcement ADDED bgp node-a 192.0.2.11 | sed 's/layer2/bgp/'
		announcement ADDED like node-a 192.0.2.12 | sed 's/lbctl.dev/example.com/'
		announcement DELETED gone node-a 192.0.2.13
	} >"$BATS_TEST_TMPDIR/in"
	alone lbctl announce --node node-a <"$BATS_TEST_TMPDIR/in" | diff - "$BATS_TEST_TMPDIR/in"
}

@test "the node is \$NODE_NAME where --node isn't given" {
	alone true || skip "no user namespaces here"
	announcement ADDED web node-b 192.0.2.10 | NODE_NAME=node-b alone lbctl announce | decisions |
		grep 'node "node-b"'
	announcement ADDED web "$(hostname)" 192.0.2.10 | NODE_NAME='' alone lbctl announce | decisions |
		grep "node \"$(hostname)\""
}

@test "IPv6 addresses are announced like others" {
	alone true || skip "no user namespaces here"
	run decisions < <(announcement ADDED web node-a 2001:db8::10 | alone lbctl announce --node node-a)
	[ "${lines[0]}" = 'refused NoInterface node "node-a" announces 2001:db8::10 nowhere: no interface fits' ]
}

# spec METADATA SPEC: an Announcement of them
spec() {
	printf '{"type":"ADDED","object":{"kind":"Announcement","apiVersion":"lbctl.dev/v1","metadata":%s,"spec":%s}}\n' "$@"
}

@test "malformed Announcements are told, and the others go on" {
	alone true || skip "no user namespaces here"
	local n
	{
		spec null '{}'
		spec '[1]' 7
		spec '{"name":""}' '{"node":"node-a","addresses":["192.0.2.1"]}'
		n=0
		while read -r bad; do
			n=$((n + 1))
			spec "{\"name\":\"n$n\"}" "$bad"
		done <<-'END'
			7
			{"node":5,"addresses":["192.0.2.1"]}
			{"node":"node-a","addresses":"192.0.2.1"}
			{"node":"node-a","addresses":["192.0.2.1",null]}
			{"node":"node-a","addresses":["192.0.2.1"],"interfaces":"eth1"}
			{"node":"node-a","addresses":["192.0.2.1"],"interfaces":[5]}
			{"node":"node-a","addresses":["192.0.2.1"],"protocols":"bgp"}
			{"node":"node-a","addresses":["192.0.2.1"],"protocols":[{}]}
			{"node":"node-b","addresses":5}
			{"node":"node-a","addresses":5,"protocols":["bgp"]}
		END
		spec '{"name":"n","namespace":1}' '{"node":"node-a","addresses":["192.0.2.1"]}'
		spec '{"name":"n","uid":1}' '{"node":"node-a","addresses":["192.0.2.1"]}'
		announcement ADDED good node-a 192.0.2.10
		echo '{"type":"ADDED","object":{"kind":"Announcement","apiVersion":"lbctl.dev/v1",'
	} >"$BATS_TEST_TMPDIR/in"
	alone lbctl announce --node node-a <"$BATS_TEST_TMPDIR/in" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err"
	diff - <(grep Announcement "$BATS_TEST_TMPDIR/err") <<-'END'
		lbctl announce: warning: line 1: an Announcement without metadata.name; ignoring it
		lbctl announce: warning: line 2: an Announcement without metadata.name; ignoring it
		lbctl announce: warning: line 3: an Announcement without metadata.name; ignoring it
		lbctl announce: warning: Announcement /n1: spec: want an object, have an integer; ignoring the record
		lbctl announce: warning: Announcement /n2: spec.node: want a string, have an integer; ignoring the record
		lbctl announce: warning: Announcement /n3: spec.addresses: want a list, have a string; ignoring the record
		lbctl announce: warning: Announcement /n4: spec.addresses[1]: want a string, have null; ignoring the record
		lbctl announce: warning: Announcement /n5: spec.interfaces: want a list, have a string; ignoring the record
		lbctl announce: warning: Announcement /n6: spec.interfaces[0]: want a string, have an integer; ignoring the record
		lbctl announce: warning: Announcement /n7: spec.protocols: want a list, have a string; ignoring the record
		lbctl announce: warning: Announcement /n8: spec.protocols[0]: want a string, have an object; ignoring the record
		lbctl announce: warning: Announcement /n: metadata.namespace: want a string, have an integer; ignoring the record
		lbctl announce: warning: Announcement /n: metadata.uid: want a string, have an integer; ignoring the record
	END
	decisions <"$BATS_TEST_TMPDIR/out" >"$BATS_TEST_TMPDIR/decisions"
	grep 'announces 192.0.2.10 nowhere' "$BATS_TEST_TMPDIR/decisions"
	run ! grep -F '192.0.2.1 ' "$BATS_TEST_TMPDIR/decisions"
}

@test "addresses that no host can have are refused, and the others of the record are announced" {
	alone true || skip "no user namespaces here"
	spec '{"namespace":"default","name":"web"}' '{"node":"node-a","addresses":["0.0.0.0","255.255.255.255","224.0.0.5",
		"127.0.0.1","::","ff02::1","::1","192.0.2.256","192.0.2.10"]}' | tr -d '\n\t' >"$BATS_TEST_TMPDIR/in"
	alone lbctl announce --node node-a <"$BATS_TEST_TMPDIR/in" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err"
	diff - <(sed 's/, which no host can have: want a unicast.*; ignoring it$/./; s/: want IPv4.*; ignoring it$/./' "$BATS_TEST_TMPDIR/err") <<-'END'
		lbctl announce: warning: Announcement default/web: spec.addresses: "0.0.0.0" is unspecified.
		lbctl announce: warning: Announcement default/web: spec.addresses: "255.255.255.255" is the broadcast address.
		lbctl announce: warning: Announcement default/web: spec.addresses: "224.0.0.5" is a multicast group.
		lbctl announce: warning: Announcement default/web: spec.addresses: "127.0.0.1" is a loopback address.
		lbctl announce: warning: Announcement default/web: spec.addresses: "::" is unspecified.
		lbctl announce: warning: Announcement default/web: spec.addresses: "ff02::1" is a multicast group.
		lbctl announce: warning: Announcement default/web: spec.addresses: "::1" is a loopback address.
		lbctl announce: warning: Announcement default/web: spec.addresses: "192.0.2.256" is not an address.
	END
	decisions <"$BATS_TEST_TMPDIR/out" | grep 'announces 192.0.2.10 nowhere'
}

@test "a reader that went away ends it, also while idle" {
	alone true || skip "no user namespaces here"
	mkfifo "$BATS_TEST_TMPDIR/in"
	sleep 20 >"$BATS_TEST_TMPDIR/in" 3>&- &
	run -0 bash -c '{ timeout 10 unshare $([ "$(id -u)" -eq 0 ] || echo -Ur) -n lbctl announce --node node-a <"$0"; echo $? >"$0.status"; } | head -c 0' \
		"$BATS_TEST_TMPDIR/in"
	kill %1
	[ "$(cat "$BATS_TEST_TMPDIR/in.status")" -eq 141 ]
}
