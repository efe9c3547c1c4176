# SPDX-License-Identifier: Apache-2.0
# lbctl allocate: pools that change, their status, and what is reserved.

bats_require_minimum_version 1.5.0
source tests/lib/allocate.bash

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
		lbctl allocate: warning: IPAddressPool metallb-system/bad: metadata.annotations[lbctl.dev/reserve]: "nonsense" is neither a prefix such as 192.0.2.0/24 nor a range such as 192.0.2.10-192.0.2.20; want addresses, prefixes or ranges with commas between; it is not used
		lbctl allocate: warning: IPAddressPool metallb-system/bad: metadata.annotations[lbctl.dev/reserve]: "203.0.113.1" has no address of the pool; reserve some of its own, or remove it; it is not used
		lbctl allocate: warning: IPAddressPool metallb-system/long: metadata.annotations[lbctl.dev/reserve]: 115 characters are too many for an address or a range; want addresses, prefixes or ranges with commas between; it is not used
	END
}

@test "lbctl.dev/reserve of the ConfigMap: about all its pools, told once" {
	map() { # RESERVE
		configmap '{address-pools: [{name: a, protocol: layer2, addresses: [192.0.2.0/30]}, {name: b, protocol: bgp, addresses: [198.51.100.0/30]}]}' |
			jq -c --arg reserve "$1" '.object.metadata.annotations = {"lbctl.dev/reserve": $reserve}'
	}
	begin='lbctl allocate: warning: ConfigMap metallb-system/config: metadata.annotations[lbctl.dev/reserve]:'
	services() { for s in 1 2 3 4 5; do service $s; done; }
	{ map '198.51.100.0/31,192.0.2.1-192.0.2.3'; services; } >"$in"
	allocate
	briefly <"$out" | grep status | diff - <(printf '%s\n' "1: status 192.0.2.0 a" "2: status 198.51.100.2 b" "3: status 198.51.100.3 b")
	[ ! -s "$err" ]
	# an address of none is told, and nothing is the worse for it
	{ map '192.0.2.0/31,203.0.113.1'; services; } >"$in"
	allocate
	diff "$err" - <<<"$begin \"203.0.113.1\" has no address of any pool here; reserve some that are there, or remove it; it is not used"
	briefly <"$out" | grep status | head -n 1 | diff - <(echo "1: status 192.0.2.2 a")
	# what is reserved can't be told: no pool is used, since one of its addresses might be
	{ map '192.0.2.0/31;198.51.100.0'; services; } >"$in"
	allocate
	[ "$(wc -l <"$err")" -eq 1 ]
	grep -qF "$begin \"192.0.2.0/31;198.51.100.0\"" "$err"
	briefly <"$out" | grep -q '1: waiting NoPool'
}

@test "a pool without a name or a namespace is told as such" {
	{ pool '' 192.0.2.0/30; pool first 192.0.2.0/30 | jq -c 'del(.object.metadata.namespace)'; } >"$in"
	allocate
	diff "$err" - <<-'END'
		lbctl allocate: warning: IPAddressPool first: metadata.namespace: is "", but the configuration is read from namespace metallb-system only; move it there; it is not used
		lbctl allocate: warning: IPAddressPool metallb-system/without a name: metadata.name: want a name, have ""; it is not used
	END
}

@test "a field that a pool does not have is told, and the rest is used" {
	{ pool first 192.0.2.0/30 '"autoassign":false'; service a; } >"$in"
	allocate
	briefly <"$out" | grep -q "a: status 192.0.2.0 first"
	[ "$(cat "$err")" = "lbctl allocate: warning: IPAddressPool metallb-system/first: spec.autoassign: no such key; the keys here are addresses, autoAssign, avoidBuggyIPs, serviceAllocation; that part is ignored" ]
	! briefly <"$out" | grep Configuration
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
