# SPDX-License-Identifier: Apache-2.0
# lbctl allocate: streams in, and what it adds to them.

bats_require_minimum_version 1.5.0

setup() {
	in=$BATS_TEST_TMPDIR/in
	out=$BATS_TEST_TMPDIR/out
	err=$BATS_TEST_TMPDIR/err
	unset METALLB_NAMESPACE
}

# service NAME [MORE OF THE SPEC [ADDRESS,... [MORE OF THE METADATA]]]: a record of $TYPE.  Services
# of the tests were all made at once, so the name decides who is the older.
service() {
	local ingress=
	[ -z "${3:-}" ] || ingress=$(jq -nc --arg a "$3" '$a | split(",") | map({ip: .})')
	printf '{"type":"%s","object":{"kind":"Service","apiVersion":"v1","metadata":{"namespace":"default","name":"%s"%s},"spec":{"type":"LoadBalancer","clusterIPs":["198.51.100.200"]%s},"status":{"loadBalancer":{%s}}}}\n' \
		"${TYPE:-ADDED}" "$1" "${4:+,$4}" "${2:+,$2}" "${ingress:+\"ingress\":$ingress}"
}

pool() { # NAME ADDRESSES [MORE OF THE SPEC]
	printf '{"type":"%s","object":{"kind":"IPAddressPool","apiVersion":"metallb.io/v1beta1","metadata":{"namespace":"metallb-system","name":"%s"},"spec":{"addresses":["%s"]%s}}}\n' \
		"${TYPE:-ADDED}" "$1" "$2" "${3:+,$3}"
}

configmap() { # YAML
	jq -cn --arg config "$1" '{type: "ADDED", object: {kind: "ConfigMap", apiVersion: "v1", metadata: {namespace: "metallb-system", name: "config"}, data: {config: $config}}}'
}

synced() { # the world is known
	local k
	for k in Service:v1 Namespace:v1 ConfigMap:v1 IPAddressPool:metallb.io/v1beta1; do
		printf '{"type":"BOOKMARK","object":{"kind":"%s","apiVersion":"%s","metadata":{"annotations":{"k8s.io/initial-events-end":"true"}}}}\n' "${k%%:*}" "${k#*:}"
	done
}

ours='"annotations":{"metallb.io/ip-allocated-from-pool":"first"}'

# What was added, a line each.
briefly() {
	jq -r 'select((.type == "APPLY" and .object.kind != "IPAddressPool") or .object.kind == "Decision") | .object
		| if .kind == "Decision" then "\(.metadata.name): \(.spec.verdict) \(.spec.code)"
		elif .kind == "Event" then "\(.involvedObject.name): \(.type) \(.reason)"
		else "\(.metadata.name): status \([.status.loadBalancer.ingress[].ip] | join(",")) \(.metadata.annotations[])" end'
}

message() { # NAME: of its last Decision
	jq -rs --arg name "$1" 'map(select(.object.kind == "Decision" and .object.metadata.name == $name)) | last.object.spec.message'
}

allocate() { # OPTION...: $in through allocate
	lbctl allocate "$@" <"$in" >"$out" 2>"$err"
}

@test "a pool of MetalLB 0.12's ConfigMap: what is added, byte for byte" {
	{
		service nginx-lb
		configmap $'address-pools:\n- name: default\n  protocol: layer2\n  addresses:\n  - 192.0.2.10-192.0.2.20\n'
	} >"$in"
	allocate
	head -n 2 "$out" | diff - "$in"
	tail -n +3 "$out" | diff - <(cat <<-'END'
		{"type":"APPLY","object":{"kind":"Service","apiVersion":"v1","metadata":{"namespace":"default","name":"nginx-lb","annotations":{"metallb.io/ip-allocated-from-pool":"default"}},"status":{"loadBalancer":{"ingress":[{"ip":"192.0.2.10"}]}}}}
		{"type":"APPLY","object":{"kind":"Event","apiVersion":"v1","metadata":{"namespace":"default","name":"nginx-lb.bf33a9ba0dab501e"},"involvedObject":{"kind":"Service","apiVersion":"v1","namespace":"default","name":"nginx-lb"},"type":"Normal","reason":"IPAllocated","message":"Assigned IP [\"192.0.2.10\"]","source":{"component":"metallb-controller"}}}
		{"type":"ADDED","object":{"kind":"Decision","apiVersion":"lbctl.dev/v1","metadata":{"namespace":"default","name":"nginx-lb"},"spec":{"subject":{"kind":"Service","namespace":"default","name":"nginx-lb"},"component":"allocate","verdict":"done","code":"AddressAssigned","message":"gave 192.0.2.10 of pool \"default\"","addresses":["192.0.2.10"]}}}
	END
	)
	[ ! -s "$err" ]
}

@test "a refusal: what is added, byte for byte" {
	{
		service a
		pool first 192.0.2.1/32 '"autoAssign":false'
		pool second 2001:db8::/64
		pool third 192.0.2.2/32 '"serviceAllocation":{"namespaces":["red"]}'
	} >"$in"
	allocate
	tail -n +5 "$out" | diff - <(cat <<-'END'
		{"type":"APPLY","object":{"kind":"Event","apiVersion":"v1","metadata":{"namespace":"default","name":"a.235fd9c22ec43ba7"},"involvedObject":{"kind":"Service","apiVersion":"v1","namespace":"default","name":"a"},"type":"Warning","reason":"AllocationFailed","message":"Failed to allocate IP for \"default/a\": no available IPs","source":{"component":"metallb-controller"}}}
		{"type":"ADDED","object":{"kind":"Decision","apiVersion":"lbctl.dev/v1","metadata":{"namespace":"default","name":"a"},"spec":{"subject":{"kind":"Service","namespace":"default","name":"a"},"component":"allocate","verdict":"waiting","code":"NoPoolForFamily","message":"no pool that takes it has an IPv4 address: add one to \"second\", or add a pool","considered":[{"name":"third","code":"PoolRefusesNamespace","message":"it is for namespace red only"},{"name":"first","code":"AutoAssignOff","message":"its autoAssign is off, so it must be asked for"},{"name":"second","code":"NoPoolForFamily","message":"it has no IPv4 address"}]}}}
		{"type":"APPLY","object":{"kind":"IPAddressPool","apiVersion":"metallb.io/v1beta1","metadata":{"namespace":"metallb-system","name":"first"},"status":{"assignedIPv4":0,"assignedIPv6":0,"availableIPv4":1,"availableIPv6":0}}}
		{"type":"APPLY","object":{"kind":"IPAddressPool","apiVersion":"metallb.io/v1beta1","metadata":{"namespace":"metallb-system","name":"second"},"status":{"assignedIPv4":0,"assignedIPv6":0,"availableIPv4":0,"availableIPv6":9223372036854775807}}}
		{"type":"APPLY","object":{"kind":"IPAddressPool","apiVersion":"metallb.io/v1beta1","metadata":{"namespace":"metallb-system","name":"third"},"status":{"assignedIPv4":0,"assignedIPv6":0,"availableIPv4":1,"availableIPv6":0}}}
	END
	)
}

@test "story 1: without a pool it says so, and nothing else happens" {
	{
		service nginx-lb
		service nginx2-lb
		synced
	} >"$in"
	allocate
	briefly <"$out" | diff - <(printf '%s\n' "nginx-lb: waiting NoPool" "nginx2-lb: waiting NoPool")
	[ "$(message nginx-lb <"$out")" = "there is no pool yet: add an IPAddressPool, or address-pools to MetalLB's ConfigMap config" ]
}

@test "story 2: a pool is added, and all get an address at once" {
	{
		service nginx-lb
		service nginx2-lb
		synced
		pool first 192.0.2.10-192.0.2.20
	} >"$in"
	allocate
	briefly <"$out" | diff - <(cat <<-END
		nginx-lb: waiting NoPool
		nginx2-lb: waiting NoPool
		nginx-lb: status 192.0.2.10 first
		nginx-lb: Normal IPAllocated
		nginx-lb: done AddressAssigned
		nginx2-lb: status 192.0.2.11 first
		nginx2-lb: Normal IPAllocated
		nginx2-lb: done AddressAssigned
	END
	)
	# each right after the record that made it so
	[ "$(grep -n '"name":"first"' "$out" | head -n 1 | cut -d: -f1)" = 9 ]
}

@test "story 5: a deleted Service returns its address, and the next pending gets it" {
	{
		pool first 192.0.2.1/32
		service a
		service b
		synced
		TYPE=MODIFIED service a "" 192.0.2.1 "$ours"
		TYPE=DELETED service a "" 192.0.2.1 "$ours"
	} >"$in"
	allocate
	briefly <"$out" | diff - <(cat <<-END
		a: status 192.0.2.1 first
		a: Normal IPAllocated
		a: done AddressAssigned
		b: Warning AllocationFailed
		b: waiting PoolExhausted
		a: released AddressReleased
		b: status 192.0.2.1 first
		b: Normal IPAllocated
		b: done AddressAssigned
	END
	)
}

@test "every way to ask, and every refusal" {
	{
		pool first 192.0.2.0/24 '"avoidBuggyIPs":true'
		pool hidden 203.0.113.0/24 '"autoAssign":false'
		pool red 198.51.100.0/24 '"serviceAllocation":{"namespaces":["red"]}'
		service a-holder '"loadBalancerIP":"192.0.2.5"'
		service by-annotation "" "" '"annotations":{"metallb.io/loadBalancerIPs":"192.0.2.6"}'
		service by-old-annotation "" "" '"annotations":{"metallb.universe.tf/loadBalancerIPs":"192.0.2.7"}'
		service by-pool "" "" '"annotations":{"metallb.io/address-pool":"hidden"}'
		service by-old-pool "" "" '"annotations":{"metallb.universe.tf/address-pool":"hidden"}'
		service hidden-address '"loadBalancerIP":"203.0.113.9"'
		service no-both '"loadBalancerIP":"192.0.2.9"' "" '"annotations":{"metallb.io/loadBalancerIPs":"192.0.2.9"}'
		service no-garbage '"loadBalancerIP":"here"'
		service no-family '"loadBalancerIP":"2001:db8::1"'
		service no-address '"loadBalancerIP":"192.0.3.1"'
		service no-buggy '"loadBalancerIP":"192.0.2.255"'
		service no-pool "" "" '"annotations":{"metallb.io/address-pool":"nowhere"}'
		service no-mismatch '"loadBalancerIP":"192.0.2.9"' "" '"annotations":{"metallb.io/address-pool":"hidden"}'
		service no-namespace '"loadBalancerIP":"198.51.100.1"'
		service no-share '"loadBalancerIP":"192.0.2.5"'
		service no-class '"loadBalancerClass":"x"'
		service no-headless '"clusterIP":"None","clusterIPs":["None"]'
		service no-two '"ipFamilyPolicy":"RequireDualStack"'
	} >"$in"
	allocate
	jq -r 'select(.object.kind == "Decision").object | "\(.metadata.name): \(.spec.code): \(.spec.message)"' "$out" |
		sort | diff - <(cat <<-'END'
		a-holder: AddressAssigned: gave 192.0.2.5 of pool "first"
		by-annotation: AddressAssigned: gave 192.0.2.6 of pool "first"
		by-old-annotation: AddressAssigned: gave 192.0.2.7 of pool "first"
		by-old-pool: AddressAssigned: gave 203.0.113.0 of pool "hidden"
		by-pool: AddressAssigned: gave 203.0.113.1 of pool "hidden"
		hidden-address: AddressAssigned: gave 203.0.113.9 of pool "hidden"
		no-address: AddressNotInPool: 192.0.3.1, which it asks for, is in no pool: ask for another, or add it to a pool
		no-both: RequestInvalid: it has both the annotation metallb.io/loadBalancerIPs and spec.loadBalancerIP: remove one, the annotation is the newer way
		no-buggy: AddressAvoided: 192.0.2.255, which it asks for, ends in .0 or .255, and pool "first" has avoidBuggyIPs
		no-class: OtherClass: left alone: its loadBalancerClass is "x", and only those without one are served (--lb-class)
		no-family: FamilyMismatch: it asks for 2001:db8::1, but by its cluster IPs it needs one IPv4 address
		no-garbage: RequestInvalid: spec.loadBalancerIP: "here" is not an address: want IPv4 such as 192.0.2.10, or IPv6 such as 2001:db8::10
		no-headless: NoClusterIP: it has no cluster IP, so nothing could forward to it: clusterIP must not be None
		no-mismatch: PoolMismatch: it asks for 192.0.2.9, which is of pool "first", and for pool "hidden": ask for one of them
		no-namespace: PoolRefusesNamespace: 198.51.100.1, which it asks for, is of pool "red", which is for namespace red only
		no-pool: PoolUnknown: there is no pool "nowhere", which it asks for: correct its annotation metallb.io/address-pool, or add the pool
		no-share: AddressInUse: 192.0.2.5, which it asks for, is held by default/a-holder, and to share it both need the same annotation metallb.io/allow-shared-ip
		no-two: NotEnoughClusterIPs: its ipFamilyPolicy is RequireDualStack, but it has one cluster IP only: the cluster is not dual-stack
	END
	)
	# what was refused is told with an Event too, the old spellings as well
	[ "$(briefly <"$out" | grep -c ': Warning AllocationFailed')" = 7 ]
	[ "$(briefly <"$out" | grep -c ': Warning LoadBalancerFailed')" = 2 ]
	[ "$(briefly <"$out" | grep -c ': Warning deprecatedAnnotation')" = 2 ]
}

@test "IPv6, and both families" {
	{
		pool first 2001:db8::/64
		pool second 192.0.2.0/24
		service a '"clusterIPs":["2001:db8:f::1"]'
		service b
		service c '"clusterIPs":["198.51.100.201","2001:db8:f::2"],"ipFamilyPolicy":"PreferDualStack"'
		service d '"clusterIPs":["198.51.100.201","2001:db8:f::2"],"ipFamilyPolicy":"RequireDualStack"'
		service e '"clusterIPs":["198.51.100.201","2001:db8:f::2"],"ipFamilyPolicy":"PreferDualStack","ipFamilies":["IPv6","IPv4"]'
	} | sed 's/"clusterIPs":\["198.51.100.200"\],"clusterIPs"/"clusterIPs"/' >"$in"
	allocate
	briefly <"$out" | grep -v Normal | diff - <(cat <<-END
		d: Warning AllocationFailed
		d: waiting NoPoolForFamily
		a: status 2001:db8:: first
		a: done AddressAssigned
		b: status 192.0.2.0 second
		b: done AddressAssigned
		c: status 192.0.2.1 second
		c: done AddressAssigned
		e: status 2001:db8::1 first
		e: done AddressAssigned
	END
	)
}

@test "what is recorded is adopted before anything is given, whatever comes first" {
	{
		service a
		service b "" 192.0.2.1 "$ours"
		service c "" 192.0.2.0 "$ours"
		pool first 192.0.2.0/30
	} >"$in"
	allocate
	briefly <"$out" | diff - <(cat <<-END
		b: kept AddressKept
		c: kept AddressKept
		a: status 192.0.2.2 first
		a: Normal IPAllocated
		a: done AddressAssigned
	END
	)
}

@test "two Services with the same recorded address: the older keeps it" {
	{
		pool first 192.0.2.0/30
		service a "" 192.0.2.3 "$ours,\"creationTimestamp\":\"2024-01-01T00:00:01Z\""
		service b "" 192.0.2.3 "$ours,\"creationTimestamp\":\"2024-01-01T00:00:00Z\""
	} >"$in"
	allocate
	briefly <"$out" | diff - <(cat <<-END
		b: kept AddressKept
		a: status 192.0.2.0 first
		a: Normal ClearAssignment
		a: Normal IPAllocated
		a: done AddressAssigned
	END
	)
	[ "$(message a <"$out")" = 'gave 192.0.2.0 of pool "first"; gave up 192.0.2.3: 192.0.2.3 is held by default/b, and to share it both need the same annotation metallb.io/allow-shared-ip' ]
}

@test "an address outside every pool: ours is replaced, another controller's left alone" {
	{
		pool first 192.0.2.0/30
		service a "" 203.0.113.1 "$ours"
		service b "" 203.0.113.2
	} >"$in"
	allocate
	briefly <"$out" | diff - <(cat <<-END
		b: kept ForeignAddress
		a: status 192.0.2.0 first
		a: Normal ClearAssignment
		a: Normal IPAllocated
		a: done AddressAssigned
	END
	)
	# while a pool is wrong it may be that one's
	pool wrong 203.0.113.1 >>"$in"
	allocate
	briefly <"$out" | diff - <(printf '%s\n' "wrong: refused ConfigurationInvalid" "a: kept AddressKept" "b: kept ForeignAddress")
}

@test "pools deleted: what they gave is given up, or moved to another" {
	{
		pool first 192.0.2.0/30
		service a "" 192.0.2.1 "$ours"
		synced
		pool second 198.51.100.0/30
		TYPE=DELETED pool first 192.0.2.0/30
		TYPE=MODIFIED service a "" 198.51.100.0 "${ours/first/second}"
		TYPE=DELETED pool second 198.51.100.0/30
	} >"$in"
	allocate
	briefly <"$out" | diff - <(cat <<-END
		a: kept AddressKept
		a: status 198.51.100.0 second
		a: Normal ClearAssignment
		a: Normal IPAllocated
		a: done AddressAssigned
		a: status  null
		a: Normal ClearAssignment
		a: waiting NoPool
	END
	)
}

@test "pools that don't parse or overlap are named, and the others work" {
	{
		pool first 192.0.2.0/30
		pool garbage 192.0.2.300/30
		pool overlap 192.0.2.2/31
		pool reversed 192.0.2.9-192.0.2.5
		configmap $'address-pools:\n- name: good\n  protocol: layer2\n  addresses: [198.51.100.0/30]\n- name: bad\n  protocol: arp\n  address: [198.51.100.8/30]\n'
		service a
		service b "" "" '"annotations":{"metallb.io/address-pool":"good"}'
	} >"$in"
	allocate
	diff "$err" - <<-'END'
		lbctl allocate: warning: ConfigMap metallb-system/config: address-pools[1].address: no such key; the keys here are name, protocol, addresses, avoid-buggy-ips, auto-assign, bgp-advertisements; it is not used
		lbctl allocate: warning: ConfigMap metallb-system/config: address-pools[1].protocol: want layer2 or bgp, have "arp"; it is not used
		lbctl allocate: warning: ConfigMap metallb-system/config: address-pools[1].addresses: the pool has no addresses; list prefixes such as 192.0.2.0/24 or ranges such as 192.0.2.10-192.0.2.20; it is not used
		lbctl allocate: warning: IPAddressPool metallb-system/garbage: spec.addresses[0]: "192.0.2.300/30" is not a prefix: "192.0.2.300" is not an address: want IPv4 such as 192.0.2.10, or IPv6 such as 2001:db8::10; it is not used
		lbctl allocate: warning: IPAddressPool metallb-system/overlap: spec.addresses[0]: "192.0.2.2/31" overlaps "192.0.2.0/30" of pool first (IPAddressPool metallb-system/first), which was first; no address may be in two pools; it is not used
		lbctl allocate: warning: IPAddressPool metallb-system/reversed: spec.addresses[0]: "192.0.2.9-192.0.2.5" is not a range: its start 192.0.2.9 is after its end 192.0.2.5; swap them; it is not used
	END
	briefly <"$out" | grep -v Normal | diff - <(cat <<-END
		config: refused ConfigurationInvalid
		garbage: refused ConfigurationInvalid
		overlap: refused ConfigurationInvalid
		reversed: refused ConfigurationInvalid
		a: status 192.0.2.0 first
		a: done AddressAssigned
		b: status 198.51.100.0 good
		b: done AddressAssigned
	END
	)
}

@test "the last good version of a pool stays in force, and the end of its errors is told" {
	{
		pool first 192.0.2.0/32
		service a
		synced
		TYPE=MODIFIED pool first 192.0.2.0
		TYPE=MODIFIED pool first 192.0.2.0
		service b
		TYPE=MODIFIED pool first '192.0.2.0/31","192.0.2.6/32'
	} >"$in"
	allocate
	briefly <"$out" | grep -v Normal | diff - <(cat <<-END
		a: status 192.0.2.0 first
		a: done AddressAssigned
		first: kept ConfigurationInvalid
		b: Warning AllocationFailed
		b: waiting PoolExhausted
		first: done ConfigurationValid
		b: status 192.0.2.1 first
		b: done AddressAssigned
	END
	)
	[ "$(grep -c 'last good version stays in force' "$err")" = 1 ]
}

@test "malformed records are reported and passed over" {
	{
		pool first 192.0.2.0/30
		echo 'not a record'
		echo '{"type":"ADDED","object":{"kind":"Service","apiVersion":"v1","metadata":{"name":"x"'
		service bad '"ports":[{"port":"http"}]' 192.0.2.0
		echo '{"type":"ADDED","object":{"kind":"Service","apiVersion":"v1","metadata":{},"spec":{}}}'
		service good
	} >"$in"
	allocate
	briefly <"$out" | grep -v Normal | diff - <(cat <<-END
		bad: refused ServiceInvalid
		good: status 192.0.2.1 first
		good: done AddressAssigned
	END
	)
	grep -q 'standard input, line 2: ' "$err"
	grep -q 'standard input, line 3: ' "$err"
	grep -q 'Service default/bad: spec.ports\[0\].port: want an integer from 1 to 65535, have "http"' "$err"
	grep -q 'Service without a name: metadata.name: want a name' "$err"
	[ "$(wc -l <"$err")" = 5 ] # and how many there were
}

@test "other kinds pass, and nothing is decided before the world is known" {
	{
		service a
		pool first 192.0.2.0/30
		echo '{"type":"ADDED","object":{"kind":"Pod","apiVersion":"v1","metadata":{"name":"p"}}}'
		echo '{"object":{"metadata":{"name":"n"},"apiVersion":"v1","kind":"Thing"},"type":"NEWS"}'
		synced
		echo '{"type":"ADDED","object":{"kind":"Pod","apiVersion":"v1","metadata":{"name":"q"}}}'
	} >"$in"
	allocate
	[ "$(grep -c . "$out")" = $(($(grep -c . "$in") + 4)) ]
	head -n 8 "$out" | diff - <(head -n 8 "$in")
	tail -n 1 "$out" | diff - <(tail -n 1 "$in")
}

@test "a stage before that wants a status is believed" {
	{
		pool first 192.0.2.0/30
		service a
		service b
	} >"$in"
	allocate
	cp "$out" "$in"
	# its own output again: nothing to write, and nobody moves
	allocate
	briefly <"$out" | tail -n +7 | grep -v kept && false
	briefly <"$out" | tail -n 2 | diff - <(printf '%s\n' "a: kept AddressKept" "b: kept AddressKept")
}

@test "a write is repeated only when somebody undid it" {
	{
		pool first 192.0.2.0/30
		service a
		synced
		TYPE=MODIFIED service a '"ports":[{"port":80}]'
		TYPE=MODIFIED service a "" 192.0.2.0 "$ours"
		TYPE=MODIFIED service a '"ports":[{"port":80}]' 192.0.2.0 "$ours"
		TYPE=MODIFIED service a
	} >"$in"
	allocate
	briefly <"$out" | diff - <(cat <<-END
		a: status 192.0.2.0 first
		a: Normal IPAllocated
		a: done AddressAssigned
		a: status 192.0.2.0 first
	END
	)
}

# history: a longer one, with everything in it
history() {
	pool first 192.0.2.0/30
	pool small 2001:db8::/127 '"serviceAllocation":{"priority":1,"namespaces":["default"]}'
	for i in 1 2 3 4 5 6; do service "s$i"; done
	synced
	TYPE=MODIFIED service s1 "" 192.0.2.0 "$ours"
	TYPE=DELETED service s2
	service t1 '"clusterIPs":["2001:db8:f::1"]' | sed 's/"clusterIPs":\["198.51.100.200"\],//'
	TYPE=MODIFIED pool first 192.0.2.1-192.0.2.3
	TYPE=DELETED service s5
	TYPE=MODIFIED service s6 '"loadBalancerIP":"192.0.2.3"'
	TYPE=MODIFIED pool first nonsense
	service s7
	TYPE=MODIFIED pool first 192.0.2.0/29
}

statuses() { # of the pools, a line each
	jq -r 'select(.type == "APPLY" and .object.kind == "IPAddressPool") | .object
		| "\(.metadata.name): \([.status[]] | join(" "))"'
}

@test "IP-20: the status of a pool counts what is assigned and available, of both families" {
	{
		service a '"clusterIPs":["198.51.100.1","2001:db8:f::1"],"ipFamilyPolicy":"RequireDualStack"'
		service b '"clusterIPs":["2001:db8:f::1"]'
		pool first '192.0.2.0/24","2001:db8::/124'
		synced
		TYPE=DELETED service a
	} | sed 's/"clusterIPs":\["198.51.100.200"\],//' >"$in"
	allocate
	statuses <"$out" | diff - <(printf 'first: %s\n' "1 2 255 14" "0 1 256 15")
	# a pool that says so already is not written
	jq -c 'if .object.kind == "IPAddressPool" then .object.status = {assignedIPv4: 1, assignedIPv6: 2, availableIPv4: 255, availableIPv6: 14} else . end' "$in" |
		grep -v DELETED | lbctl allocate >"$out"
	[ -z "$(statuses <"$out")" ]
}

@test "pools of any size are counted, and reserved or avoided addresses are not available" {
	{
		pool a '192.0.2.0/24","192.0.2.0-192.0.2.255' # wrong: no pool
		pool b '192.0.3.0/24' '"avoidBuggyIPs":true'
		pool c '2001:db8::/64","2001:db8:1::/48","198.51.100.0/30'
		pool d '203.0.113.0/28' | jq -c '.object.metadata.annotations = {"lbctl.dev/reserve": "203.0.113.0, 203.0.113.4-203.0.113.7"}'
		service s '"loadBalancerIP":"203.0.113.4"'
		service t '"loadBalancerIP":"203.0.113.9"'
	} >"$in"
	allocate
	statuses <"$out" | diff - <(printf '%s\n' "b: 0 0 254 0" "c: 0 0 4 9223372036854776000" "d: 2 0 10 0") # jq rounds
	grep -q '"availableIPv6":9223372036854775807}' "$out"
}

@test "a thousand changes of a pool are not a thousand writes" {
	for ((i = 0; i < 100; i++)); do
		service s$i
		TYPE=DELETED service s$i
	done >"$BATS_TEST_TMPDIR/hundred"
	{
		pool first 192.0.2.0/24
		synced
		for ((i = 0; i < 1500; i += 100)); do
			cat "$BATS_TEST_TMPDIR/hundred"
		done
		service last
	} >"$in"
	allocate
	[ "$(jq -c 'select(.type == "APPLY" and .object.kind == "Service")' "$out" | wc -l)" = 1501 ]
	statuses <"$out" >"$BATS_TEST_TMPDIR/statuses"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/statuses")" -le 4 ]
	[ "$(tail -n 1 "$BATS_TEST_TMPDIR/statuses")" = "first: 1 0 255 0" ]
}

@test "a pause in the input is enough for the status of a pool to be written" {
	mkfifo "$BATS_TEST_TMPDIR/pipe"
	lbctl allocate <"$BATS_TEST_TMPDIR/pipe" >"$out" 3>&- &
	exec 4>"$BATS_TEST_TMPDIR/pipe"
	{
		pool first 192.0.2.0/30
		synced
		service a
	} >&4
	for ((i = 0; i < 300; i++)); do
		[ "$(statuses <"$out" | tail -n 1)" != "first: 1 0 3 0" ] || break
		sleep 0.1
	done
	exec 4>&-
	wait $!
	[ $i -lt 300 ]
}

quarantine() { # CODE ADDRESS,...: what announce found
	jq -cn --arg code "$1" --arg a "$2" --arg type "${TYPE:-ADDED}" '{type: $type, object: {kind: "Decision", apiVersion: "lbctl.dev/v1",
		metadata: {name: "node-a"}, spec: {subject: {kind: "Node", name: "node-a"}, component: "announce", verdict: "refused",
		code: $code, message: "02:00:00:00:00:01 answers for it", addresses: ($a | split(","))}}}'
}

@test "an address in use on the network is given to nobody until that is withdrawn" {
	{
		pool first 192.0.2.0/31
		quarantine AddressInUse 192.0.2.0,192.0.2.1
		synced
		service a
		service b '"loadBalancerIP":"192.0.2.0"'
	} >"$in"
	allocate
	briefly <"$out" | grep -v node-a | diff - <(cat <<-'END'
		a: Warning AllocationFailed
		a: waiting PoolExhausted
		b: Warning AllocationFailed
		b: waiting AddressInUse
	END
	)
	[ "$(message b <"$out")" = "192.0.2.0, which it asks for, is in quarantine, because somebody else on the network uses it (02:00:00:00:00:01 answers for it); it is given when that ends" ]
	# the next report of the same is about one of them only
	cp "$in" "$BATS_TEST_TMPDIR/before"
	quarantine AddressInUse 192.0.2.0 >>"$in"
	allocate
	briefly <"$out" | grep status | diff - <(echo "a: status 192.0.2.1 first")
	# and another code, or its end, ends it
	for end in "quarantine Announcing 192.0.2.0" "TYPE=DELETED quarantine AddressInUse 192.0.2.0"; do
		{
			cat "$BATS_TEST_TMPDIR/before"
			eval "$end"
		} >"$in"
		allocate
		briefly <"$out" | grep status | diff - <(printf '%s\n' "a: status 192.0.2.0 first")
	done
}

node_in_use() { # LIST: the annotation by which node-a's speaker tells it
	jq -cn --arg list "$1" --arg type "${TYPE:-ADDED}" '{type: $type, object: {kind: "Node", apiVersion: "v1",
		metadata: {name: "node-a", annotations: {"lbctl.dev/addresses-in-use": $list}}}}'
}

@test "an address that a Node's annotation tells of is given to nobody until it does not" {
	{
		pool first 192.0.2.0/31
		node_in_use 192.0.2.0=02:00:00:00:00:01,nonsense,192.0.2.1=02:00:00:00:00:02
		synced
		service a '"loadBalancerIP":"192.0.2.0"'
	} >"$in"
	allocate
	[ "$(message a <"$out")" = "192.0.2.0, which it asks for, is in quarantine, because somebody else on the network uses it (node \"node-a\" found it); it is given when that ends" ]
	[ "$(cat "$err")" = 'lbctl allocate: warning: Node node-a: annotation lbctl.dev/addresses-in-use: want addresses with commas, as 192.0.2.10=02:00:00:00:00:01; that part is ignored' ]
	cp "$in" "$BATS_TEST_TMPDIR/before"
	for end in "node_in_use 192.0.2.1=02:00:00:00:00:02" "node_in_use ''" "TYPE=DELETED node_in_use 192.0.2.0"; do
		{
			cat "$BATS_TEST_TMPDIR/before"
			eval "$end"
		} >"$in"
		allocate
		briefly <"$out" | grep status | diff - <(echo "a: status 192.0.2.0 first")
	done
}

@test "what others found can be nonsense" {
	{
		pool first 192.0.2.0/31
		synced
		quarantine AddressInUse nonsense,192.0.2.0
		echo '{"type":"ADDED","object":{"kind":"Decision","apiVersion":"lbctl.dev/v1","metadata":{"name":"x"},"spec":{"code":"AddressInUse","component":"arping","addresses":"192.0.2.1"}}}'
		echo '{"type":"ADDED","object":{"kind":"Decision","apiVersion":"lbctl.dev/v1","metadata":{"name":"x"},"spec":7}}'
		echo '{"type":"ADDED","object":{"kind":"Decision","apiVersion":"lbctl.dev/v1","metadata":{},"spec":{"code":"AddressInUse","component":"arping","addresses":["192.0.2.1"]}}}'
		service a
	} >"$in"
	allocate
	briefly <"$out" | grep status | diff - <(echo "a: status 192.0.2.1 first")
	grep -q 'spec.addresses: want IP addresses' "$err"
}

@test "--sticky: a Service that is made again gets what it had, while that is free" {
	{
		pool first 192.0.2.0/29
		synced
		for s in a b c; do service $s; done
		for s in b a; do TYPE=DELETED service $s; done
		service b
		service d
		service a
	} >"$in"
	allocate --sticky
	briefly <"$out" | grep status | tail -n 3 | diff - <(printf '%s\n' "b: status 192.0.2.1 first" "d: status 192.0.2.0 first" "a: status 192.0.2.3 first")
	allocate
	briefly <"$out" | grep status | tail -n 3 | diff - <(printf '%s\n' "b: status 192.0.2.0 first" "d: status 192.0.2.1 first" "a: status 192.0.2.3 first")
}

@test "--reuse-delay: a released address rests for all but its owner" {
	{
		pool first 192.0.2.0/31
		synced
		service a
		service b
		TYPE=DELETED service a
		service c
		service d '"loadBalancerIP":"192.0.2.0"'
	} >"$in"
	allocate --reuse-delay 1h
	briefly <"$out" | tail -n 4 | diff - <(printf '%s\n' "c: Warning AllocationFailed" "c: waiting PoolExhausted" "d: Warning AllocationFailed" "d: waiting AddressResting")
	[ "$(message d <"$out")" = "192.0.2.0, which it asks for, was default/a's a moment ago; it is given when it has rested (--reuse-delay)" ]
	service a >>"$in"
	allocate --reuse-delay 1h
	briefly <"$out" | grep status | tail -n 1 | diff - <(echo "a: status 192.0.2.0 first")
}

@test "--reuse-delay: when it has passed, who waits gets the address without another record" {
	mkfifo "$BATS_TEST_TMPDIR/pipe"
	lbctl allocate --reuse-delay 300ms <"$BATS_TEST_TMPDIR/pipe" >"$out" 3>&- &
	exec 4>"$BATS_TEST_TMPDIR/pipe"
	{
		pool first 192.0.2.0/32
		synced
		service a
		TYPE=DELETED service a
		service b
	} >&4
	for ((i = 0; i < 300; i++)); do
		! briefly <"$out" | grep -q 'b: status 192.0.2.0' || break
		sleep 0.1
	done
	exec 4>&-
	wait $!
	[ $i -lt 300 ]
	briefly <"$out" | grep -q 'b: waiting PoolExhausted' # it had to wait
}

@test "--on-pool-change: keep or move" {
	{
		pool first 192.0.2.0/31
		pool second 198.51.100.0/31
		synced
		service a
		service b '"loadBalancerIP":"192.0.2.1"'
		TYPE=MODIFIED pool first 192.0.2.8/31
	} >"$in"
	allocate
	briefly <"$out" | grep status | tail -n 2 | diff - <(printf '%s\n' "b: status  null" "a: status 192.0.2.8 first")
	allocate --on-pool-change keep
	[ "$(briefly <"$out" | grep -c status)" = 2 ]
	[ "$(message b <"$out")" = "keeps 192.0.2.1 until it goes or asks for another, though it is in no pool any more" ]
	TYPE=MODIFIED service b '"loadBalancerIP":"198.51.100.1"' 192.0.2.1 '"annotations":{"metallb.io/ip-allocated-from-pool":"first"}' >>"$in"
	allocate --on-pool-change keep
	briefly <"$out" | grep status | tail -n 1 | diff - <(echo "b: status 198.51.100.1 second")
	run -2 lbctl allocate --on-pool-change perhaps </dev/null
	[[ $output == *"--on-pool-change: want keep or move, have \"perhaps\""* ]]
}

@test "lbctl.dev/reserve: given to who asks for it only" {
	{
		pool first 192.0.2.0/29 | jq -c '.object.metadata.annotations = {"lbctl.dev/reserve": "192.0.2.0/31, 192.0.2.3, 192.0.2.7-192.0.2.7"}'
		service a
		service b
		service c '"loadBalancerIP":"192.0.2.1"'
		for s in d e f; do service $s; done
		pool bad 198.51.100.0/30 | jq -c '.object.metadata.annotations = {"lbctl.dev/reserve": "203.0.113.1,nonsense"}'
		pool long 198.51.100.4/30 | jq -c '.object.metadata.annotations = {"lbctl.dev/reserve": ("198.51.100.4-" + " " * 90 + "198.51.100.5")}'
	} >"$in"
	allocate
	briefly <"$out" | grep status | diff - <(printf '%s\n' "a: status 192.0.2.2 first" "b: status 192.0.2.4 first" "c: status 192.0.2.1 first" "d: status 192.0.2.5 first" "e: status 192.0.2.6 first")
	briefly <"$out" | grep -q 'f: waiting PoolExhausted'
	diff "$err" - <<-'END'
		lbctl allocate: warning: IPAddressPool metallb-system/bad: metadata.annotations[lbctl.dev/reserve]: "203.0.113.1" has no address of the pool; reserve some of its own, or remove it; it is not used
		lbctl allocate: warning: IPAddressPool metallb-system/bad: metadata.annotations[lbctl.dev/reserve]: "nonsense" is neither a prefix such as 192.0.2.0/24 nor a range such as 192.0.2.10-192.0.2.20; want addresses, prefixes or ranges with commas between; it is not used
		lbctl allocate: warning: IPAddressPool metallb-system/long: metadata.annotations[lbctl.dev/reserve]: 115 characters are too many for an address or a range; want addresses, prefixes or ranges with commas between; it is not used
	END
}

@test "--what-if: for each address whether it would be kept, moved or lost, and nothing is wanted" {
	{
		pool first 192.0.2.0/30
		pool second 198.51.100.0/32
		service a '' 192.0.2.1 "$ours"
		service b '' 192.0.2.2 "$ours"
		service c '' 192.0.2.3 "$ours"
		service d '' 198.51.100.0 '"annotations":{"metallb.io/ip-allocated-from-pool":"second"}'
		service e '"loadBalancerIP":"203.0.113.5"'
		synced
	} >"$in"
	cp "$in" "$BATS_TEST_TMPDIR/now"
	{
		TYPE=MODIFIED pool first '192.0.2.0/31","192.0.2.6/32'
		TYPE=DELETED pool second 198.51.100.0/32
		pool third 203.0.113.5/32 '"autoAssign":false'
	} >>"$in"
	run -4 lbctl allocate --what-if <"$in"
	echo "$output" | grep '^{' | briefly | diff - <(cat <<-'END'
		a: kept AddressKept
		b: done AddressMoved
		c: done AddressMoved
		d: waiting AddressLost
		e: done AddressAssigned
	END
	)
	[ "$(echo "$output" | grep '^{' | message b)" = "would have 192.0.2.0 instead of 192.0.2.2; gave up 192.0.2.2: it is in no pool" ]
	[ "$(echo "$output" | grep '^{' | message d)" = "would lose 198.51.100.0: no IPv4 address is free: \"first\" is full; add addresses to a pool, or delete a Service that has one; gave up 198.51.100.0: it is in no pool" ]
	[[ $output == *"2 Services would move, 1 would lose its address" ]]
	# no change: all is kept
	lbctl allocate --what-if <"$BATS_TEST_TMPDIR/now" | briefly | diff - <(printf '%s: kept AddressKept\n' a b c d)
}

@test "the same input gives the same output, byte for byte, however it is cut" {
	history >"$in"
	allocate
	cp "$out" "$BATS_TEST_TMPDIR/first"
	allocate
	diff "$out" "$BATS_TEST_TMPDIR/first"
	for size in 1 7 100; do
		python3 - "$in" $size <<-'PY' | lbctl allocate 2>/dev/null | diff - "$BATS_TEST_TMPDIR/first"
			import os, sys
			data, size = open(sys.argv[1], "rb").read(), int(sys.argv[2])
			for i in range(0, len(data), size):
			    os.write(1, data[i:i + size])
		PY
	done
	# and the additions don't depend on the form
	lbctl allocate -o json <"$in" 2>/dev/null | diff - "$BATS_TEST_TMPDIR/first"
}

@test "a restart in the middle moves nothing" {
	history >"$in"
	n=$(wc -l <"$in")
	for ((cut = 13; cut <= n; cut++)); do
		# the world as the API server has it: all that was observed, all that was wanted applied
		head -n $cut "$in" | lbctl allocate 2>/dev/null | python3 -c '
import json, sys
world = {}
for line in sys.stdin:
    r = json.loads(line)
    o = r["object"]
    if o["kind"] not in ("Service", "IPAddressPool") or r["type"] == "BOOKMARK":
        continue
    key = o["kind"], o["metadata"]["name"]
    if r["type"] == "DELETED":
        world.pop(key, None)
    elif r["type"] == "APPLY":
        s = world[key]
        s["status"] = o["status"]
        for k, v in o["metadata"].get("annotations", {}).items():
            a = s["metadata"].setdefault("annotations", {})
            a.pop(k, None) if v is None else a.update({k: v})
    else:
        if o["kind"] == "Service" and key in world:
            o["status"] = world[key]["status"]
            o["metadata"].update({k: v for k, v in world[key]["metadata"].items() if k == "annotations"})
        if o["kind"] == "Service" or o["spec"]["addresses"] != ["nonsense"]:
            world[key] = o
for o in world.values():
    print(json.dumps({"type": "ADDED", "object": o}))
' >"$BATS_TEST_TMPDIR/world"
		lbctl allocate <"$BATS_TEST_TMPDIR/world" 2>/dev/null | briefly >"$out"
		grep ': status ' "$out" && false
		grep -q 'kept AddressKept' "$out"
	done
	[ $cut -gt 20 ]
}

@test "only Services of the class are served" {
	{
		pool first 192.0.2.0/30
		service a
		service b '"loadBalancerClass":"x"'
	} >"$in"
	allocate --lb-class x
	briefly <"$out" | diff - <(cat <<-END
		a: refused OtherClass
		b: status 192.0.2.0 first
		b: Normal IPAllocated
		b: done AddressAssigned
	END
	)
}

@test "the configuration is read in its namespace only" {
	{
		pool first 192.0.2.0/30 | sed s/metallb-system/lb/
		service a
	} >"$in"
	allocate
	briefly <"$out" | diff - <(printf '%s\n' "first: refused ConfigurationInvalid" "a: waiting NoPool")
	grep -q 'metadata.namespace: is "lb", but the configuration is read from namespace metallb-system only' "$err"
	allocate --namespace lb
	briefly <"$out" | grep -q "a: done AddressAssigned"
	METALLB_NAMESPACE=lb allocate
	briefly <"$out" | grep -q "a: done AddressAssigned"
}

@test "a table for people: a row a decision" {
	{
		pool first 192.0.2.0/32
		service a
		service b
	} >"$in"
	allocate -o table
	diff "$out" - <<-'END'
		SUBJECT     VERDICT   CODE              MESSAGE
		default/a   done      AddressAssigned   gave 192.0.2.0 of pool "first"
		default/b   waiting   PoolExhausted     no IPv4 address is free: "first" is full; add addresses to a pool, or delete a Service that has one
	END
	allocate -o name
	head -n 1 "$out" | grep -qx service/a
}

@test "every field of a Service with every wrong value: it is told, and the others are served" {
	python3 >"$in" <<-'PY'
		import copy, json
		good = {"kind": "Service", "apiVersion": "v1", "metadata": {"namespace": "default", "name": "good", "uid": "u", "creationTimestamp": "2024-01-01T00:00:00Z",
		        "labels": {"a": "b"}, "annotations": {"metallb.io/address-pool": "first", "metallb.io/allow-shared-ip": "k", "metallb.io/loadBalancerIPs": ""}},
		    "spec": {"type": "LoadBalancer", "clusterIP": "198.51.100.1", "clusterIPs": ["198.51.100.1"], "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack",
		        "externalTrafficPolicy": "Local", "selector": {"a": "b"}, "loadBalancerClass": None, "loadBalancerIP": "", "ports": [{"port": 80, "protocol": "TCP"}]},
		    "status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.200"}]}}}
		values = [None, True, -1, 1.5, 10**20, "x", "x" * 70000, "", [], {}, [7], [None], [{}], ["x", "x"], {"": ""}, {"ip": 7},
		    [{"ip": "192.0.2.9"}] * 3, [{"ip": "192.0.2.9"}, {"ip": "192.0.2.9"}], [{"hostname": "lb.example"}], [{"port": 80}, {"port": 80}], [{"port": 70000}],
		    ["192.0.2.1", "192.0.2.2"], ["None"], ["IPv4", "IPv4"], ["IPv9"], "::ffff:192.0.2.9", "fe80::1%eth0", "192.0.2.9,192.0.2.10,192.0.2.11", "LoadBalancer "]
		n = 0
		def add(o):
		    print(json.dumps({"type": "ADDED", "object": o}))
		def walk(path, v):
		    global n
		    for value in values:
		        o = copy.deepcopy(good)
		        at = o
		        for key in path[:-1]:
		            at = at[key]
		        at[path[-1]] = value
		        n += 1
		        if isinstance(o.get("metadata"), dict) and path[-1] not in ("name", "namespace"):
		            o["metadata"]["name"] = f"bad-{n}"
		        add(o)
		    for k in v if isinstance(v, dict) else range(len(v)) if isinstance(v, list) else []:
		        walk(path + [k], v[k])
		print(json.dumps({"type": "ADDED", "object": {"kind": "IPAddressPool", "apiVersion": "metallb.io/v1beta1",
		    "metadata": {"name": "first", "namespace": "metallb-system"}, "spec": {"addresses": ["192.0.2.0/24", "10.0.0.0/16"]}}}))
		for part in "metadata", "spec", "status":
		    walk([part], good[part])
		good["metadata"]["name"] = "witness"
		good["metadata"]["creationTimestamp"] = "2024-02-01T00:00:00Z"
		good["status"] = {}
		add(good)
	PY
	[ "$(wc -l <"$in")" -gt 700 ]
	allocate
	briefly <"$out" | grep -q '^witness: status 192.0.2.[0-9]* first'
	# each that has a name has an answer
	[ "$(jq -rs '[.[] | select(.object.kind == "Service" and .type == "ADDED") | .object.metadata | objects | .name | strings | select(startswith("bad-"))] - [.[] | select(.object.kind == "Decision") | .object.metadata.name] | length' "$out")" = 0 ]
	[ "$(wc -l <"$err")" -gt 500 ]
	lbctl allocate <"$in" 2>/dev/null | cmp - "$out"
}

@test "exit codes" {
	service a >"$in"
	run -2 lbctl allocate operand
	run -2 lbctl allocate -o yaml </dev/null
	run -2 lbctl allocate --log loud </dev/null
	run -0 lbctl allocate </dev/null
	[ -z "$output" ]
	# the reader goes away
	cat >"$BATS_TEST_TMPDIR/endless" <<-'END'
		while cat "$1"; do sleep 0.01; done 2>/dev/null | lbctl allocate -o json | head -n 1 >/dev/null
		exit "${PIPESTATUS[1]}"
	END
	run -141 timeout 20 bash "$BATS_TEST_TMPDIR/endless" "$in"
}
