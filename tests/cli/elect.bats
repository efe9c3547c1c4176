# SPDX-License-Identifier: Apache-2.0
# lbctl elect: streams in, and what it adds to them.

bats_require_minimum_version 1.5.0
# shellcheck source=tests/lib/elect.bash
source tests/lib/elect.bash

setup() {
	out=$BATS_TEST_TMPDIR/out
}

@test "a cluster: what is added, byte for byte" {
	lbctl elect --node node-c <"$world" >"$out"
	diff <(grep -E '"kind":"(Announcement|Decision)"' "$out") - <<'END'
{"type":"ADDED","object":{"kind":"Announcement","apiVersion":"lbctl.dev/v1","metadata":{"namespace":"default","name":"nginx-lb"},"spec":{"node":"node-c","addresses":["192.0.2.10"],"protocols":["layer2"],"interfaces":[],"pool":"first","reason":"node-c announces 192.0.2.10, first of 3 candidates","candidates":[{"name":"node-c"},{"name":"node-b","code":"Standby"},{"name":"node-a","code":"Standby"}]}}}
{"type":"ADDED","object":{"kind":"Decision","apiVersion":"lbctl.dev/v1","metadata":{"namespace":"default","name":"nginx-lb"},"spec":{"subject":{"kind":"Service","namespace":"default","name":"nginx-lb"},"component":"elect","verdict":"done","code":"Elected","message":"node-c announces 192.0.2.10, first of 3 candidates","addresses":["192.0.2.10"],"considered":[{"name":"node-c"},{"name":"node-b","code":"Standby"},{"name":"node-a","code":"Standby"}]}}}
{"type":"ADDED","object":{"kind":"Decision","apiVersion":"lbctl.dev/v1","metadata":{"namespace":"default","name":"nginx2-lb"},"spec":{"subject":{"kind":"Service","namespace":"default","name":"nginx2-lb"},"component":"elect","verdict":"done","code":"NotElected","message":"node-a announces 192.0.2.7, first of 3 candidates","addresses":["192.0.2.7"],"considered":[{"name":"node-a"},{"name":"node-b","code":"Standby"},{"name":"node-c","code":"Standby"}]}}}
{"type":"ADDED","object":{"kind":"Decision","apiVersion":"lbctl.dev/v1","metadata":{"namespace":"default","name":"pending"},"spec":{"subject":{"kind":"Service","namespace":"default","name":"pending"},"component":"elect","verdict":"waiting","code":"NoAddress","message":"the Service has no address yet"}}}
END
	# what was read passes unchanged, and nothing is decided before all of it is known
	head -n "$(wc -l <"$world")" "$out" | diff - "$world"
}

@test "each node finds itself elected for its own, and all agree" {
	for n in a b c; do
		lbctl elect --node node-$n <"$world" | added | grep ' on ' || true
	done >"$out"
	diff "$out" - <<-'END'
		nginx2-lb ADDED 192.0.2.7 on node-a
		nginx-lb ADDED 192.0.2.10 on node-c
	END
	NODE_NAME=node-a lbctl elect <"$world" | added | grep ' on ' | diff - <(head -n 1 "$out")
}

@test "a table tells it to a person" {
	lbctl elect --node node-a -o table <"$world" >"$out" 2>&1
	diff "$out" - <<'END'
SERVICE             ADDRESS      NODE     CANDIDATES             REASON
default/nginx-lb    192.0.2.10   node-c   node-c,node-b,node-a   node-c announces 192.0.2.10, first of 3 candidates
default/nginx2-lb   192.0.2.7    node-a   node-a,node-b,node-c   node-a announces 192.0.2.7, first of 3 candidates
default/pending     <none>       <none>   <none>                 the Service has no address yet
END
	node node-c '"zone":"west"' '{"type":"Ready","status":"False"}' | elect --node node-c -o wide >"$out"
	grep -q 'node-b,node-a   *node-c(NodeNotReady)   NotElected   node-b announces 192.0.2.10, first of 2 candidates; node-c may not: its condition Ready is not True$' "$out"
	[ "$(lbctl elect --node node-c -o name <"$world" | head -n 1)" = announcement.lbctl.dev/nginx-lb ]
}

@test "a node that fails loses what it had, and gets it back" {
	{
		node node-c '"zone":"west"' '{"type":"Ready","status":"Unknown"}'
		node node-c '"zone":"west"' '{"type":"Ready","status":"Unknown"},{"type":"MemoryPressure","status":"False"}'
		node node-c '"zone":"west"' "$ready"
		node node-c '"zone":"west"' "$ready,{\"type\":\"NetworkUnavailable\",\"status\":\"True\"}"
		node node-c '"zone":"west","node.kubernetes.io/exclude-from-external-load-balancers":""' "$ready"
		node node-c '"zone":"west"' "$ready"
		echo '{"type":"DELETED","object":{"kind":"Node","apiVersion":"v1","metadata":{"name":"node-c"}}}'
	} | elect --node node-c | added | grep '^nginx-lb' >"$out"
	diff "$out" - <<-'END'
		nginx-lb ADDED 192.0.2.10 on node-c
		nginx-lb Elected [node-c node-b:Standby node-a:Standby]
		nginx-lb DELETED 192.0.2.10 on node-c
		nginx-lb NotElected [node-b node-a:Standby node-c:NodeNotReady]
		nginx-lb ADDED 192.0.2.10 on node-c
		nginx-lb Elected [node-c node-b:Standby node-a:Standby]
		nginx-lb DELETED 192.0.2.10 on node-c
		nginx-lb NotElected [node-b node-a:Standby node-c:NodeNetworkUnavailable]
		nginx-lb ADDED 192.0.2.10 on node-c
		nginx-lb Elected [node-c node-b:Standby node-a:Standby]
		nginx-lb DELETED 192.0.2.10 on node-c
		nginx-lb NotElected [node-b node-a:Standby]
	END
}

@test "the loss of a node that won nothing is told only where it would have come next" {
	node node-b '"zone":"east"' '{"type":"Ready","status":"False"}' | elect --node node-c | added | tail -n +5 >"$out"
	diff "$out" <(echo 'nginx-lb MODIFIED 192.0.2.10 on node-c')
	node node-b '"zone":"east"' '{"type":"Ready","status":"False"}' | elect --node node-b | added | tail -n +4 >"$out"
	[ ! -s "$out" ]
}

@test "the label that excludes a node counts unless told otherwise" {
	exclude='"node.kubernetes.io/exclude-from-external-load-balancers":"x"'
	node node-c "$exclude" "$ready" | elect --node node-c | added | tail -n 1 >"$out"
	diff "$out" <(echo 'nginx-lb NotElected [node-b node-a:Standby node-c:NodeExcluded]')
	node node-c "$exclude" "$ready" | elect --node node-c --ignore-exclude-lb | added | tail -n 1 >"$out"
	diff "$out" <(echo 'pending NoAddress []')
}

@test "externalTrafficPolicy Local leaves the nodes with a usable endpoint" {
	{
		service MODIFIED nginx-lb ',"externalTrafficPolicy":"Local"' "$(ingress 192.0.2.10)"
		echo '{"type":"MODIFIED","object":{"kind":"EndpointSlice","apiVersion":"discovery.k8s.io/v1","metadata":{"namespace":"default","name":"nginx-lb-1","labels":{"kubernetes.io/service-name":"nginx-lb"}},"endpoints":[{"nodeName":"node-a"},{"nodeName":"node-b","conditions":{"ready":false}}]}}'
		echo '{"type":"DELETED","object":{"kind":"EndpointSlice","apiVersion":"discovery.k8s.io/v1","metadata":{"namespace":"default","name":"nginx-lb-1"}}}'
	} | elect --node node-a | added | grep '^nginx-lb' >"$out"
	diff "$out" - <<-'END'
		nginx-lb NotElected [node-c node-b:Standby node-a:Standby]
		nginx-lb NotElected [node-b node-a:Standby node-c:NoLocalEndpoint]
		nginx-lb ADDED 192.0.2.10 on node-a
		nginx-lb Elected [node-a node-b:NoLocalEndpoint node-c:NoLocalEndpoint]
		nginx-lb DELETED 192.0.2.10 on node-a
		nginx-lb NoEndpoints []
	END
}

@test "once there are Members they tell who is alive, ready or not" {
	{
		member node-c true ''
		member node-b true ''
		node node-c '"zone":"west"' '{"type":"Ready","status":"False"}'
		member node-c false 'no answer for 300 ms'
	} | elect --node node-c | added | grep '^nginx-lb' | tail -n +3 >"$out"
	diff "$out" - <<-'END'
		nginx-lb MODIFIED 192.0.2.10 on node-c
		nginx-lb MODIFIED 192.0.2.10 on node-c
		nginx-lb DELETED 192.0.2.10 on node-c
		nginx-lb NotElected [node-b node-a:NoMember node-c:MemberDown]
	END
	{
		member node-c true ''
		member node-c false 'no answer for 300 ms'
	} | elect --node node-c | jq -r 'select(.object.metadata.name == "nginx-lb") | .object.spec.message // empty' | tail -n 1 >"$out"
	diff "$out" <(echo 'none of 3 nodes may announce 192.0.2.10 (node-a: no speaker on it is known; node-b: no speaker on it is known; node-c: its speaker is down: no answer for 300 ms)')
}

@test "advertisements choose Services, nodes and interfaces" {
	{
		echo '{"type":"MODIFIED","object":{"kind":"L2Advertisement","apiVersion":"metallb.io/v1beta1","metadata":{"namespace":"metallb-system","name":"lan"},"spec":{"nodeSelectors":[{"matchLabels":{"zone":"east"}}],"interfaces":["eth0"],"preferredNodeSelectors":[{"weight":10,"preference":{"matchLabels":{"kubernetes.io/hostname":"node-a"}}}]}}}'
		echo '{"type":"DELETED","object":{"kind":"L2Advertisement","apiVersion":"metallb.io/v1beta1","metadata":{"namespace":"metallb-system","name":"lan"}}}'
	} | elect --node node-a >"$out"
	added <"$out" | grep '^nginx-lb' | diff - <(cat <<-'END'
		nginx-lb NotElected [node-c node-b:Standby node-a:Standby]
		nginx-lb ADDED 192.0.2.10 on node-a
		nginx-lb Elected [node-a node-b:Standby node-c:NodeNotSelected]
		nginx-lb DELETED 192.0.2.10 on node-a
		nginx-lb NoAdvertisement []
	END
	)
	jq -es 'any(.[]; .type == "ADDED" and .object.kind == "Announcement" and .object.metadata.name == "nginx-lb" and
		.object.spec.interfaces == ["eth0"] and
		.object.spec.reason == "node-a announces 192.0.2.10, first of 2 candidates by preference 10")' "$out"
}

@test "two nodes may announce the addresses of a dual-stack Service" {
	dual='"loadBalancer":{"ingress":[{"ip":"192.0.2.10"},{"ip":"2001:db8::1"}]}'
	{
		echo '{"type":"MODIFIED","object":{"kind":"IPAddressPool","apiVersion":"metallb.io/v1beta1","metadata":{"namespace":"metallb-system","name":"first"},"spec":{"addresses":["192.0.2.0/28","2001:db8::/64"]}}}'
		echo '{"type":"ADDED","object":{"kind":"EndpointSlice","apiVersion":"discovery.k8s.io/v1","metadata":{"namespace":"default","name":"nginx-lb-6","labels":{"kubernetes.io/service-name":"nginx-lb"}},"addressType":"IPv6","endpoints":[{"nodeName":"node-a"}]}}'
		service MODIFIED nginx-lb '' "$dual"
		node node-c '"zone":"west"' '{"type":"Ready","status":"False"}'
		node node-c '"zone":"west"' "$ready"
	} >"$BATS_TEST_TMPDIR/more"
	elect --node node-b <"$BATS_TEST_TMPDIR/more" | added | grep '^nginx-lb' >"$out"
	diff "$out" - <<-'END'
		nginx-lb NotElected [node-c node-b:Standby node-a:Standby]
		nginx-lb ADDED 2001:db8::1 on node-b
		nginx-lb Elected [node-b node-a:Standby node-c:Standby]
		nginx-lb MODIFIED 192.0.2.10,2001:db8::1 on node-b
		nginx-lb Elected [node-b node-a:Standby node-c:NodeNotReady]
		nginx-lb MODIFIED 2001:db8::1 on node-b
		nginx-lb NotElected [node-c node-b:Standby node-a:Standby]
	END
	elect --node node-c <"$BATS_TEST_TMPDIR/more" | added | grep '^nginx-lb' >"$out"
	diff "$out" - <<-'END'
		nginx-lb ADDED 192.0.2.10 on node-c
		nginx-lb Elected [node-c node-b:Standby node-a:Standby]
		nginx-lb NotElected [node-b node-a:Standby node-c:Standby]
		nginx-lb DELETED 192.0.2.10 on node-c
		nginx-lb NotElected [node-b node-a:Standby node-c:NodeNotReady]
		nginx-lb ADDED 192.0.2.10 on node-c
		nginx-lb Elected [node-c node-b:Standby node-a:Standby]
	END
}

@test "addresses are spread evenly when asked to, and the manual's table is what comes out" {
	diff <(tests/spread) <(sed -n '/^\.\\" spread:/,/^\.El/{/^\.It/p}' man/lbctl-elect.1)
	run -2 --separate-stderr lbctl elect --spread even <"$world"
	[ "$stderr" = "lbctl elect: --spread: want hash or balanced, have 'even'" ]
}

@test "a node that returns waits for as long as it is told to" {
	since() { # NAME TIME
		printf '{"type":"MODIFIED","object":{"kind":"Member","apiVersion":"lbctl.dev/v1","metadata":{"name":"%s"},"status":{"alive":true,"since":"%s"}}}\n' "$@"
	}
	held() {
		printf '{"type":"MODIFIED","object":{"kind":"Node","apiVersion":"v1","metadata":{"name":"node-b","annotations":{"lbctl.dev/addresses":"192.0.2.10"}}}}\n'
		since node-b "$(date -u -d '-1 hour' +%FT%T.000Z)"
		since node-c "$(date -u +%FT%T.%3NZ)"
	}
	held | elect --node node-c --failback never | added | grep '^nginx-lb' | tail -n 1 >"$out"
	diff "$out" <(echo 'nginx-lb NotElected [node-b node-a:NoMember node-c:NoMember]')
	held | elect --node node-c | added | grep '^nginx-lb' | tail -n 1 >"$out"
	diff "$out" <(echo 'nginx-lb Elected [node-c node-b:Standby node-a:NoMember]')
	# live, the clock goes on
	mkfifo "$BATS_TEST_TMPDIR/in"
	lbctl elect --node node-c --failback delay --failback-delay 1500ms <"$BATS_TEST_TMPDIR/in" >"$out" &
	exec 7>"$BATS_TEST_TMPDIR/in"
	{ cat "$world"; held; } >&7
	for _ in {1..200}; do
		[ "$(added <"$out" | grep '^nginx-lb' | tail -n 1)" = 'nginx-lb Elected [node-c node-b:Standby node-a:NoMember]' ] && break
		sleep 0.05
	done
	added <"$out" | grep '^nginx-lb' | tail -n 3 | diff - <(printf '%s\n' 'nginx-lb NotElected [node-b node-a:NoMember node-c:NoMember]' \
		'nginx-lb ADDED 192.0.2.10 on node-c' 'nginx-lb Elected [node-c node-b:Standby node-a:NoMember]')
	exec 7>&-
	wait
	run -2 --separate-stderr lbctl elect --failback never --spread balanced <"$world"
	[ "$stderr" = "lbctl elect: --failback never: addresses that are balanced go home at once" ]
	run -2 --separate-stderr lbctl elect --failback later <"$world"
	[ "$stderr" = "lbctl elect: --failback: want immediate, delay or never, have 'later'" ]
}

@test "the ConfigMap of MetalLB 0.12 is configuration too" {
	grep -vE '"kind":"(IPAddressPool|L2Advertisement)".*"spec"' "$world" >"$BATS_TEST_TMPDIR/bare"
	world=$BATS_TEST_TMPDIR/bare
	echo '{"type":"ADDED","object":{"kind":"ConfigMap","apiVersion":"v1","metadata":{"namespace":"lb","name":"config"},"data":{"config":"address-pools:\n- name: old\n  protocol: layer2\n  addresses: [192.0.2.0/24]\n"}}}' >"$BATS_TEST_TMPDIR/map"
	elect --node node-c --namespace lb <"$BATS_TEST_TMPDIR/map" | added | grep '^nginx-lb' >"$out"
	diff "$out" - <<-'END'
		nginx-lb NotInPool []
		nginx-lb ADDED 192.0.2.10 on node-c
		nginx-lb Elected [node-c node-b:Standby node-a:Standby]
	END
	METALLB_NAMESPACE=lb elect --node node-c <"$BATS_TEST_TMPDIR/map" | added | grep '^nginx-lb' | diff - "$out"
	elect --node node-c <"$BATS_TEST_TMPDIR/map" | added | grep '^nginx-lb' | diff - <(echo 'nginx-lb NotInPool []')
}

@test "an address that is only desired yet is announced at once" {
	{
		service APPLY pending '' "$(ingress 192.0.2.10)"
		echo '{"type":"ADDED","object":{"kind":"EndpointSlice","apiVersion":"discovery.k8s.io/v1","metadata":{"namespace":"default","name":"pending-1","labels":{"kubernetes.io/service-name":"pending"}},"endpoints":[{"addresses":["203.0.113.9"]}]}}'
		service MODIFIED pending ',"externalTrafficPolicy":"Cluster"' '' # not written yet
		service MODIFIED pending '' "$(ingress 192.0.2.10)"              # written
		service MODIFIED pending '' "$(ingress 192.0.2.2)"               # by another
		service APPLY pending '' '"loadBalancer":{"ingress":[]}'
		service DELETED pending '' ''
	} | elect --node node-c | added | grep '^pending' >"$out"
	diff "$out" - <<-'END'
		pending NoAddress []
		pending NoEndpoints []
		pending ADDED 192.0.2.10 on node-c
		pending Elected [node-c node-b:Standby node-a:Standby]
		pending DELETED 192.0.2.10 on node-c
		pending NotElected [node-b node-c:Standby node-a:Standby]
		pending NoAddress []
		pending ServiceDeleted []
	END
}

@test "a Service that is deleted, or no load balancer any more, ends its Announcement" {
	{
		service DELETED nginx-lb '' "$(ingress 192.0.2.10)"
		service ADDED nginx-lb '' "$(ingress 192.0.2.10)"
		service MODIFIED nginx-lb ',"type":"NodePort"' "$(ingress 192.0.2.10)" | sed 's/"type":"LoadBalancer",//'
	} | elect --node node-c | added | grep '^nginx-lb' | tail -n +3 >"$out"
	diff "$out" - <<-'END'
		nginx-lb DELETED 192.0.2.10 on node-c
		nginx-lb ServiceDeleted []
		nginx-lb ADDED 192.0.2.10 on node-c
		nginx-lb Elected [node-c node-b:Standby node-a:Standby]
		nginx-lb DELETED 192.0.2.10 on node-c
		nginx-lb NotLoadBalancer []
	END
}

@test "a class of its own" {
	service MODIFIED pending ',"loadBalancerClass":"example.com/lb"' "$(ingress 192.0.2.10)" |
		elect --node node-c --lb-class example.com/lb | added >"$out"
	diff "$out" <(echo 'pending NoEndpoints []')
}

@test "the same stream gives the same bytes, in one piece or in crumbs" {
	{
		cat "$world"
		node node-c '' '{"type":"Ready","status":"False"}'
		member node-a true ''
		service APPLY pending '' "$(ingress 192.0.2.9)"
		echo 'not a record'
		service DELETED nginx-lb '' ''
	} >"$BATS_TEST_TMPDIR/in"
	lbctl elect --node node-a <"$BATS_TEST_TMPDIR/in" >"$out" 2>"$out.err"
	lbctl elect --node node-a <"$BATS_TEST_TMPDIR/in" 2>/dev/null | cmp - "$out"
	for size in 1 7 4096; do
		python3 -c '
import os, sys
data, size = open(sys.argv[1], "rb").read(), int(sys.argv[2])
for i in range(0, len(data), size):
    os.write(1, data[i:i + size])
' "$BATS_TEST_TMPDIR/in" $size | lbctl elect --node node-a 2>"$out.err2" | cmp - "$out"
		diff "$out.err" "$out.err2"
	done
	# what it wrote, read again, says the same again
	lbctl elect --node node-a <"$out" 2>/dev/null | added | sort | uniq -c | awk '$1 % 2 { exit 1 }'
}

@test "a record that is none is told with its line, and the stream goes on" {
	printf '%s\n' '{"type":"ADDED","object":{"kind":"Node","apiVersion":"v1","metadata":{' 'no JSON' |
		elect --node node-c 2>"$out.err" | added | head -n 1 | diff - <(echo 'nginx-lb ADDED 192.0.2.10 on node-c')
	total=$(wc -l <"$world")
	grep -q "^lbctl elect: warning: standard input, line $((total + 1)): " "$out.err"
	grep -q "^lbctl elect: warning: standard input, line $((total + 2)): " "$out.err"
	grep -q '^lbctl elect: warning: 2 bad records were skipped$' "$out.err"
}

@test "an object that is wrong is told once, and its last good version stays" {
	wrong=',"ports":[{"port":"http"}]'
	{
		service MODIFIED nginx-lb "$wrong" ''
		service MODIFIED nginx-lb "$wrong" ''
		service MODIFIED nginx-lb '' "$(ingress 192.0.2.10)"
		service MODIFIED nginx-lb "$wrong" ''
		node node-c '' '7'
	} | elect --node node-c 2>"$out.err" | added | grep -c '^nginx-lb' | diff - <(echo 2)
	diff "$out.err" - <<-'END'
		lbctl elect: warning: Service default/nginx-lb: spec.ports[0].port: want an integer from 1 to 65535, have "http"; this version is ignored
		lbctl elect: warning: Service default/nginx-lb: spec.ports[0].port: want an integer from 1 to 65535, have "http"; this version is ignored
		lbctl elect: warning: Node node-c: status.conditions[0]: want an object, have 7; this version is ignored
	END
}

@test "a pool that is wrong is told once, and the rest works on" {
	pool() { # NAME ADDRESSES
		printf '{"type":"MODIFIED","object":{"kind":"IPAddressPool","apiVersion":"metallb.io/v1beta1","metadata":{"namespace":"metallb-system","name":"%s"},"spec":{"addresses":["%s"]}}}\n' "$@"
	}
	{
		pool bad 192.0.2.300/32
		pool bad 192.0.2.300/32
		node node-a '"zone":"west"' "$ready" # something else happens
		pool bad 203.0.113.0/24
		pool bad 203.0.113.0/33
		pool bad 203.0.113.0/24
		pool bad 203.0.113.0/33
		pool first nonsense
	} | elect --node node-c 2>"$out.err" | added | grep -c '^nginx-lb' | diff - <(echo 2)
	[ "$(wc -l <"$out.err")" -eq 4 ]
	sed -n 1p "$out.err" | grep -q '^lbctl elect: warning: IPAddressPool metallb-system/bad: spec.addresses\[0\]: .*192.0.2.300/32.*; it is not used$'
	sed -n 2p "$out.err" | grep -q '^lbctl elect: warning: IPAddressPool metallb-system/bad: .*203.0.113.0/33.*; its last good version stays in force$'
	[ "$(sed -n 2p "$out.err")" = "$(sed -n 3p "$out.err")" ] # it was good meanwhile
	sed -n 4p "$out.err" | grep -q '^lbctl elect: warning: IPAddressPool metallb-system/first: .*nonsense.*; its last good version stays in force$'
}

@test "what is told on a terminal holds no control characters" {
	printf '{"type":"ADDED","object":{"kind":"Node","apiVersion":"v1","metadata":{"name":"\\u001b[31mred\\u0007"}}}\n' |
		elect --node node-c 2>"$out.err" >/dev/null
	grep -q "want at most 253 letters, digits, '-' and '.', have" "$out.err"
	! LC_ALL=C grep -q '[[:cntrl:]]' "$out.err"
}

@test "an APPLY of something else than a Service's status is not its business" {
	{
		echo '{"type":"APPLY","object":{"kind":"IPAddressPool","apiVersion":"metallb.io/v1beta1","metadata":{"namespace":"metallb-system","name":"first"},"status":{"assignedIPv4":2}}}'
		echo '{"type":"APPLY","object":{"kind":"Node","apiVersion":"v1","metadata":{"name":"node-c"},"status":{}}}'
		echo '{"type":"APPLY","object":{"kind":"Event","apiVersion":"v1","metadata":{"namespace":"default","name":"web.1"}}}'
	} | elect --node node-c 2>"$out.err" | added | tail -n +5 | diff - /dev/null
	[ ! -s "$out.err" ]
}

@test "a name that no Node has is told once" {
	node node-a '' "$ready" | elect --node elsewhere 2>&1 >/dev/null | diff - <(
		echo "lbctl elect: warning: there is no Node elsewhere, so nothing is announced here; --node tells this node's name")
	lbctl elect --node node-a <"$world" 2>&1 >/dev/null | diff - /dev/null
	lbctl elect --node elsewhere -o table <"$world" 2>&1 >/dev/null | diff - /dev/null # for a person
}

@test "nothing is decided before every kind is known" {
	grep -v '"BOOKMARK".*EndpointSlice\|EndpointSlice.*"BOOKMARK"' "$world" >"$BATS_TEST_TMPDIR/in"
	mkfifo "$BATS_TEST_TMPDIR/fifo"
	lbctl elect --node node-c <"$BATS_TEST_TMPDIR/fifo" >"$out" &
	exec 9>"$BATS_TEST_TMPDIR/fifo"
	cat "$BATS_TEST_TMPDIR/in" >&9
	for _ in $(seq 100); do
		[ "$(wc -l <"$out")" -lt "$(wc -l <"$BATS_TEST_TMPDIR/in")" ] || break
		sleep 0.05
	done
	cmp "$out" "$BATS_TEST_TMPDIR/in" # all of it forwarded, nothing added
	grep EndpointSlice "$world" | grep BOOKMARK >&9
	for _ in $(seq 100); do
		! grep -q Announcement "$out" || break
		sleep 0.05
	done
	added <"$out" | head -n 1 | diff - <(echo 'nginx-lb ADDED 192.0.2.10 on node-c')
	exec 9>&-
	wait $!
}

@test "the end of input and SIGTERM are a graceful stop" {
	lbctl elect --node node-c </dev/null | diff - /dev/null
	mkfifo "$BATS_TEST_TMPDIR/fifo"
	lbctl elect --node node-c <"$BATS_TEST_TMPDIR/fifo" >"$out" &
	pid=$!
	exec 9>"$BATS_TEST_TMPDIR/fifo"
	cat "$world" >&9
	for _ in $(seq 100); do
		! grep -q Announcement "$out" || break
		sleep 0.05
	done
	kill -TERM $pid
	wait $pid
	exec 9>&-
	grep -q Announcement "$out"
}

@test "a reader that has gone ends it at once, with status 141" {
	mkfifo "$BATS_TEST_TMPDIR/fifo"
	exec 9<>"$BATS_TEST_TMPDIR/fifo" # stays open: only the reader of the output goes
	cat "$world" >&9
	run bash -c "lbctl elect --node node-c <'$BATS_TEST_TMPDIR/fifo' 9>&- | head -n 1 9>&- >/dev/null; echo \${PIPESTATUS[0]}"
	exec 9>&-
	[ "${lines[-1]}" = 141 ]
}

@test "a slow reader is waited for, in no more memory, and gets the same" {
	in=$BATS_TEST_TMPDIR/in
	python3 - >"$in" <<-'END'
		import json

		def add(kind, version, name, **what):
		    print(json.dumps({"type": "ADDED", "object": {"kind": kind, "apiVersion": version, "metadata": {"name": name, "namespace": "metallb-system"}} | what}))

		add("IPAddressPool", "metallb.io/v1beta1", "big", spec={"addresses": ["198.18.0.0/15"]})
		add("L2Advertisement", "metallb.io/v1beta1", "all")
		for i in range(100):
		    add("Node", "v1", f"node-{i}", status={"conditions": [{"type": "Ready", "status": "True"}]})
		for i in range(6000):
		    label = {"kubernetes.io/service-name": f"s{i}"}
		    add("EndpointSlice", "discovery.k8s.io/v1", f"s{i}", metadata={"name": f"s{i}", "labels": label}, addressType="IPv4", endpoints=[{"addresses": ["198.51.100.1"]}])
		    add("Service", "v1", f"s{i}", metadata={"name": f"s{i}"}, spec={"type": "LoadBalancer"}, status={"loadBalancer": {"ingress": [{"ip": f"198.18.{i >> 8}.{i & 255}"}]}})
	END
	grep BOOKMARK "$world" >>"$in"
	lbctl elect --node node-1 -o json <"$in" >"$out"
	[ "$(grep -c '"code":"\(NotE\|E\)lected"' "$out")" -eq 6000 ]
	python3 tests/lib/slow.py "$in" "$out" lbctl elect --node node-1 -o json
}

@test "operands and options that make no sense are usage errors" {
	run -2 lbctl elect default/web
	[ "$output" = "lbctl elect: no operand is wanted, have 'default/web'" ]
	run -2 lbctl elect -o yaml
	run -2 lbctl elect --log loud
	run -2 lbctl elect --node
}
