# SPDX-License-Identifier: Apache-2.0
# lbctl elect --down, --drain and --add: what would be.

bats_require_minimum_version 1.5.0
# shellcheck source=tests/lib/elect.bash
source tests/lib/elect.bash

setup() {
	out=$BATS_TEST_TMPDIR/out
}

@test "what if a node died" {
	lbctl elect --node node-b --down node-c <"$world" | added >"$out"
	diff "$out" - <<-'END'
		nginx-lb ADDED 192.0.2.10 on node-b
		nginx-lb Elected [node-b node-a:Standby node-c:NodeDown]
		nginx2-lb NotElected [node-a node-b:Standby node-c:NodeDown]
		pending NoAddress []
		node-a NodeShare []
		node-b NodeShare []
		node-c NodeShare []
		all Fairness []
	END
	lbctl elect --node node-b --down node-c,node-a --down node-b <"$world" | added | head -n 3 >"$out"
	diff "$out" - <<-'END'
		nginx-lb NoCandidate [node-a:NodeDown node-b:NodeDown node-c:NodeDown]
		nginx2-lb NoCandidate [node-a:NodeDown node-b:NodeDown node-c:NodeDown]
		pending NoAddress []
	END
}

@test "what if: the records have who announces it without, and how many each node has" {
	lbctl elect --node node-b --drain node-c --add node-z <"$world" |
		jq -r 'select(.object.kind == "Decision") | .object.spec
			| if .share then "\(.subject.kind) \(.subject.name) \(.share.now) \(.share.then)"
			else "\(.addresses[0]) \(.before) \([.considered[]? | .name + (if .code then ":" + .code else "" end)] | join(" "))" end' >"$out"
	diff "$out" - <<-'END'
		192.0.2.10 node-c node-b node-z:Standby node-a:Standby node-c:NodeDrained
		192.0.2.7 node-a node-a node-b:Standby node-z:Standby node-c:NodeDrained
		null null 
		Node node-a 1 1
		Node node-b 0 1
		Node node-c 1 0
		Node node-z 0 0
		Cluster all 2 2
	END
	# without one, there is no such thing
	run -1 grep -E 'before|share' <(lbctl elect --node node-b <"$world")
}

@test "what if: a table tells a person what moves, and -o wide what stays too" {
	lbctl elect --down node-c -o table <"$world" >"$out" 2>&1
	diff "$out" - <<'END'
ADDRESS      SERVICE            NOW      THEN     WHY
192.0.2.10   default/nginx-lb   node-c   node-b   node-b announces 192.0.2.10, first of 2 candidates; node-c may not: it counts as down

NODE     NOW   THEN   SUMMARY
node-a   1     1      it announces 1 address
node-b   0     1      it announces 1 address, without the change 0
node-c   1     0      it announces 0 addresses, without the change 1
all      2     2      1 address moves; now most 1, least 0, mean 0.7 on 3 nodes; then most 1, least 1, mean 1.0 on 2 nodes
END
	lbctl elect --down node-a,node-b,node-c -o table <"$world" >"$out" 2>&1
	grep -qx '192.0.2.7    default/nginx2-lb   node-a   <none>   none of 3 nodes may announce 192.0.2.7 (node-a: it counts as down; node-b: it counts as down; node-c: it counts as down)' "$out"
	grep -q '; then no node may announce$' "$out"
	lbctl elect --down node-c -o wide <"$world" | grep -q '^192.0.2.7    default/nginx2-lb   node-a   node-a   node-a announces 192.0.2.7, first of 2 candidates$'
}
