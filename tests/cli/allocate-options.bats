# SPDX-License-Identifier: Apache-2.0
# lbctl allocate: its options, what others found on the network, and what people see.

bats_require_minimum_version 1.5.0
source tests/lib/allocate.bash

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
	[ "$(cat "$err")" = 'lbctl allocate: warning: Node node-a: annotation lbctl.dev/addresses-in-use: want addresses with commas, as 192.0.2.10=02:00:00:00:00:01, have "nonsense"; that part is ignored' ]
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
	grep -q 'spec.addresses: want IP addresses, have "nonsense"; that part is ignored' "$err"
	grep -q 'Decision x: spec.addresses: want IP addresses, have another type; that part is ignored' "$err"
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
	[ "$(echo "$output" | grep '^{' | message b)" = "would have 192.0.2.0 instead of 192.0.2.2; gave up 192.0.2.2, because it is in no pool" ]
	[ "$(echo "$output" | grep '^{' | message d)" = "would lose 198.51.100.0, because no IPv4 address is free: \"first\" is full; add addresses to a pool, or delete a Service that has one; gave up 198.51.100.0, because it is in no pool" ]
	[[ $output == *"2 Services would move, 1 would lose its address" ]]
	# a Service's own words are not taken for the allocator's
	{
		cat "$BATS_TEST_TMPDIR/now"
		TYPE=MODIFIED service a '' 192.0.2.1 '"annotations":{"metallb.io/address-pool":"x; gave up y"}'
	} >"$in"
	allocate --what-if || [ $? -eq 4 ]
	[[ $(message a <"$out") == "would lose 192.0.2.1, because there is no pool \"x; gave up y\", which it asks for:"*"; gave up 192.0.2.1, because it is of pool \"first\", and another is asked for" ]]
	# a pool that would not be used as it is
	{
		cat "$BATS_TEST_TMPDIR/now"
		TYPE=MODIFIED pool first 192.0.2.0/33
	} >"$in"
	run -4 lbctl allocate --what-if <"$in"
	[[ $output == *"lbctl allocate: 1 object would not be used as it is" ]]
	# nor would it be now, whatever the change is
	{
		pool wrong 192.0.2.0/33
		cat "$BATS_TEST_TMPDIR/now"
		service f
	} >"$in"
	lbctl allocate --what-if <"$in"
	# no change: all is kept
	lbctl allocate --what-if <"$BATS_TEST_TMPDIR/now" | briefly | diff - <(printf '%s: kept AddressKept\n' a b c d)
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

@test "a slow reader is waited for, in no more memory, and gets the same" {
	python3 tests/bench/services.py 20000 >"$in"
	lbctl allocate -o json <"$in" >"$out"
	python3 tests/lib/slow.py "$in" "$out" lbctl allocate -o json
}
