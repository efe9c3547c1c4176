# SPDX-License-Identifier: Apache-2.0
# lbctl arping --pool: what is assigned against who answers.

bats_require_minimum_version 1.5.0
# shellcheck source=tests/lib/arping.bash
source tests/lib/arping.bash

row() { # ADDRESS WORD...: that row of the table in $output; blanks don't count
	grep -qE "^$1 +$(sed 's/ \+/ +/g' <<<"${*:2}")\$" <<<"$output" || {
		echo "no row '$*' in:"
		echo "$output"
		return 1
	}
}

@test "--pool: what is assigned against who answers, in one table" {
	pool "$T/cluster"
	ip -n "$(lan_ns node-b)" addr add 192.0.2.65/32 dev eth0
	ip -n "$(lan_ns node-b)" addr add 192.0.2.66/32 dev eth0
	run -0 arping --pool lan --from "$T/cluster" -i 100ms
	[[ ${lines[0]} =~ ^ADDRESS\ +SERVICE\ +ELECTED\ +ANSWERS\ +MAC\ +RTT\ +STATE$ ]]
	row 192.0.2.64 - - - - - free
	row 192.0.2.65 default/web65 node-b node-b 02:00:00:00:00:02 '[0-9.]+ms' ok
	row 192.0.2.66 default/web66 node-b node-b 02:00:00:00:00:02 '[0-9.]+ms' ok
	row 192.0.2.67 default/web67 - - - - not announced: NoEndpoints
	row 192.0.2.68-192.0.2.79 - - - - - free
	[ "${lines[6]}" = "2 of 16 addresses answered, 14 silent" ]
	[ "${#lines[@]}" -eq 7 ]

	# one that nobody answers for
	ip -n "$(lan_ns node-b)" addr del 192.0.2.66/32 dev eth0
	run -3 arping --pool lan --from "$T/cluster" -i 100ms
	row 192.0.2.66 default/web66 node-b - - - SILENT
	[ "${lines[-1]}" = "lbctl arping: not all is as it should be: 192.0.2.66 is SILENT" ]
	run -3 arping -q --pool lan --from "$T/cluster" -i 100ms
	[ -z "$output" ]

	# on another node; where nobody should be; a host that is no node; twice
	ip -n "$(lan_ns node-c)" addr add 192.0.2.66/32 dev eth0
	ip -n "$(lan_ns node-a)" addr add 192.0.2.70/32 dev eth0
	lan_host guest=9
	ip -n "$(lan_ns guest)" addr add 192.0.2.67/32 dev eth0
	ip -n "$(lan_ns guest)" addr add 192.0.2.65/32 dev eth0
	run -4 arping --pool lan --from "$T/cluster" -i 100ms
	row 192.0.2.65 default/web65 node-b node-b 02:00:00:00:00:02 '[0-9.]+ms' CONFLICT
	row 192.0.2.65 default/web65 node-b unknown 02:00:00:00:00:09 '[0-9.]+ms' CONFLICT
	row 192.0.2.66 default/web66 node-b node-c 02:00:00:00:00:03 '[0-9.]+ms' WRONG NODE
	row 192.0.2.67 default/web67 - unknown 02:00:00:00:00:09 '[0-9.]+ms' FOREIGN: NoEndpoints
	row 192.0.2.70 - - node-a 02:00:00:00:00:01 '[0-9.]+ms' IN USE
}

@test "--pool: what was not asked for is not told free or silent" {
	pool "$T/cluster"
	ip -n "$(lan_ns node-b)" addr add 192.0.2.70/32 dev eth0
	run -3 arping --pool lan --from "$T/cluster" --rate 1 -w 300ms
	row 192.0.2.64 - - - - - free
	row 192.0.2.65 default/web65 node-b - - - not asked
	row 192.0.2.68-192.0.2.79 - - - - - not asked
	[ "${lines[-1]}" = "lbctl arping: it ended before all were asked for" ]
}

@test "--pool: JSON, from a recording, on the elected node itself" {
	pool "$T/cluster"
	ip -n "$(lan_ns node-b)" addr add 192.0.2.65/32 dev eth0
	lbctl watch --once --from "$T/cluster" -o json >"$T/now.ndjson"
	run -3 --separate-stderr arping --pool lan --from "$T/now.ndjson" -i 100ms -o json
	jq -es 'length == 17 and (.[1] | del(.answers[].rtt_us)) == {type: "address", address: "192.0.2.65", pool: "lan",
			service: "default/web65", elected: "node-b", code: "Elected",
			answers: [{mac: "02:00:00:00:00:02", node: "node-b"}], state: "OK"}
		and .[2].state == "Silent" and .[3].state == "NotAnnounced" and .[3].code == "NoEndpoints"
		and .[4] == {type: "address", address: "192.0.2.68", pool: "lan", service: null, elected: null, code: null,
			answers: [], state: "Free"}
		and .[16].type == "summary"' <<<"$output"
	# by pipe as well; the node that shall answer can't ask itself
	run -0 lan_run node-b sh -c '"$0" arping --pool lan --from - -i 100ms <"$1"' "$BUILD/lbctl" "$T/now.ndjson"
	row 192.0.2.66 default/web66 node-b - - - ok, this host
}

@test "--pool: who is elected of a recording minds the Members and the changes in it" {
	local elected node
	pool "$T/cluster"
	sed -i 's/status: "False"/status: "True"/' "$T/cluster"/node-?.yaml
	sed -i '/^endpoints:/,$d' "$T/cluster/web65.yaml"
	echo 'endpoints: [{addresses: [10.0.0.1], nodeName: node-a, conditions: {ready: true}}]' >>"$T/cluster/web65.yaml"
	lbctl watch --once --from "$T/cluster" -o json >"$T/now.ndjson"
	elected() {
		arping --pool lan --from "$T/now.ndjson" -i 50ms -o json | jq -r 'select(.address == "192.0.2.65").elected'
	}
	elected=$(elected)
	[[ $elected == node-? ]]
	for node in node-a node-b node-c; do
		jq -nc --arg name $node --argjson alive "$([ $node = "$elected" ] && echo false || echo true)" \
			'{type: "ADDED", object: {kind: "Member", apiVersion: "lbctl.dev/v1", metadata: {$name}, status: {$alive}}}'
	done >>"$T/now.ndjson"
	[[ $(elected) == node-? && $(elected) != "$elected" ]]
}

@test "--pool: from the cluster of the kubeconfig; one that says nothing is waited for, but not for ever" {
	local start
	api_up
	create() { # PATH JSON
		lan_run client curl -sf -o "$T/created" -X POST -H 'Content-Type: application/json' -d "$2" "$(cat "$T/api/url")$1"
	}
	create /apis/metallb.io/v1beta1/namespaces/metallb-system/ipaddresspools \
		'{"kind":"IPAddressPool","apiVersion":"metallb.io/v1beta1","metadata":{"name":"lan","namespace":"metallb-system"},"spec":{"addresses":["192.0.2.64/28"]}}'
	create /api/v1/namespaces/default/services \
		'{"kind":"Service","apiVersion":"v1","metadata":{"name":"web","namespace":"default"},"spec":{"type":"LoadBalancer","ports":[{"port":80}]},"status":{"loadBalancer":{"ingress":[{"ip":"192.0.2.65"}]}}}'
	run -0 arping --pool lan -i 50ms
	row 192.0.2.65 default/web - - - - not announced: NoEndpoints
	row 192.0.2.66-192.0.2.79 - - - - - free
	echo "always GET silence" >"$T/api/faults"
	start=$(date +%s)
	run -1 arping --pool lan -i 50ms
	[ "${lines[-1]}" = "lbctl arping: the cluster was not read within 10 s" ]
	[ $(($(date +%s) - start)) -lt 25 ]
}

@test "--pool: one too large to sweep is asked for what is assigned; one that isn't there is named" {
	pool "$T/cluster"
	run -3 --separate-stderr arping --pool six --from "$T/cluster" -i 50ms
	[[ $stderr == *"no address of pool 'six' is assigned" ]]
	service 6 2001:db8::a:0:0:6 | sed 's/addressType: IPv4/addressType: IPv6/' >"$T/cluster/web6.yaml"
	ip -n "$(lan_ns node-b)" addr add 2001:db8::a:0:0:6/128 dev eth0 nodad
	run -0 --separate-stderr arping --pool six --from "$T/cluster" -i 100ms
	[[ $stderr == *"more than 1048576 addresses, too many to sweep: of these, only those that are assigned are asked for"* ]]
	row 2001:db8::a:0:0:6 default/web6 node-b node-b 02:00:00:00:00:02 '[0-9.]+ms' ok
	run -3 arping --pool wan --from "$T/cluster"
	[ "$output" = "lbctl arping: no pool 'wan'; there are lan, six" ]
}

@test "--pool: Services of a class are another load balancer's, unless --lb-class says so" {
	pool "$T/cluster"
	sed -i 's/spec: {type: LoadBalancer,/spec: {loadBalancerClass: example.com\/l2, type: LoadBalancer,/' "$T/cluster/web65.yaml"
	ip -n "$(lan_ns node-b)" addr add 192.0.2.65/32 dev eth0
	run -4 arping --pool lan --from "$T/cluster" -i 50ms
	row 192.0.2.65 - - node-b 02:00:00:00:00:02 '[0-9.]+ms' IN USE
	run -0 arping --pool lan --lb-class example.com/l2 --from "$T/cluster" -i 50ms
	row 192.0.2.65 default/web65 node-b node-b 02:00:00:00:00:02 '[0-9.]+ms' ok
}
