# SPDX-License-Identifier: Apache-2.0
# lbctl allocate: streams in, and what it adds to them.

bats_require_minimum_version 1.5.0
source tests/lib/allocate.bash

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
	[ "$(grep -n '"name":"first"' "$out" | head -n 1 | cut -d: -f1)" = 10 ]
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
		no-buggy: AddressAvoided: 192.0.2.255, which it asks for, ends in .0 or .255, and pool "first" has avoidBuggyIPs: ask for another, or turn that off
		no-class: OtherClass: left alone: its loadBalancerClass is "x", and only those without one are served (--lb-class)
		no-family: FamilyMismatch: it asks for 2001:db8::1, but by its cluster IPs it needs one IPv4 address: ask for one of that family
		no-garbage: RequestInvalid: spec.loadBalancerIP: "here" is not an address: want IPv4 such as 192.0.2.10, or IPv6 such as 2001:db8::10
		no-headless: NoClusterIP: it has no cluster IP, so nothing could forward to it: clusterIP must not be None
		no-mismatch: PoolMismatch: it asks for 192.0.2.9, which is of pool "first", and for pool "hidden": ask for one of them
		no-namespace: PoolRefusesNamespace: 198.51.100.1, which it asks for, is of pool "red", which is for namespace red only: ask for another, or change the pool's rules
		no-pool: PoolUnknown: there is no pool "nowhere", which it asks for: correct its annotation metallb.io/address-pool, or add the pool
		no-share: AddressInUse: 192.0.2.5, which it asks for, is held by default/a-holder, and to share it both need the same annotation metallb.io/allow-shared-ip
		no-two: NotEnoughClusterIPs: its ipFamilyPolicy is RequireDualStack, but it has one cluster IP only: the cluster is not dual-stack; set it to PreferDualStack or SingleStack
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
	[ "$(message a <"$out")" = 'gave 192.0.2.0 of pool "first"; gave up 192.0.2.3, because it is held by default/b, and to share it both need the same annotation metallb.io/allow-shared-ip' ]
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

@test "the pool that MetalLB 0.14 noted goes with the address, and a write moves it to the new spelling" {
	local old='"annotations":{"metallb.universe.tf/ip-allocated-from-pool":"first"}'
	{
		pool first 192.0.2.0/30
		service a '"type":"ClusterIP"' 192.0.2.0 "$old"
		service b '"loadBalancerIP":"192.0.2.2"' 192.0.2.1 "$old"
		service c '' 192.0.2.3 "$old"
	} | sed 's/"type":"LoadBalancer",\(.*"type":"ClusterIP"\)/\1/' >"$in"
	allocate
	jq -c 'select(.type == "APPLY" and .object.kind == "Service").object.metadata' "$out" | diff - <(cat <<-'END'
		{"namespace":"default","name":"a","annotations":{"metallb.io/ip-allocated-from-pool":null,"metallb.universe.tf/ip-allocated-from-pool":null}}
		{"namespace":"default","name":"b","annotations":{"metallb.io/ip-allocated-from-pool":"first","metallb.universe.tf/ip-allocated-from-pool":null}}
	END
	)
}
