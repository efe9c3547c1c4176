# SPDX-License-Identifier: Apache-2.0
# lbctl allocate: streams in, and what it adds to them.

bats_require_minimum_version 1.5.0

setup() {
	out=$BATS_TEST_TMPDIR/out
	in=$BATS_TEST_TMPDIR/in
	unset METALLB_NAMESPACE
}

# service NAME [MORE OF THE SPEC [ADDRESS[,ADDRESS] [MORE OF THE METADATA]]]: an ADDED record, or
# $TYPE.  Services are as old as the order of their names.
service() {
	local ingress=
	[ -z "${3:-}" ] || ingress=$(printf '%s' "$3" | jq -Rc 'split(",") | map({ip: .})')
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

briefly() { # what was added, a line each
	jq -r --slurpfile in "$in" '. as $r | .object | if .kind == "Decision" then "\(.metadata.name): \(.spec.verdict) \(.spec.code)"
		elif .kind == "Event" then "\(.involvedObject.name): \(.type) \(.reason)"
		elif $r.type == "APPLY" then "\(.metadata.name): status \([.status.loadBalancer.ingress[].ip] | join(",")) \(.metadata.annotations | to_entries[0].value)"
		else empty end'
}

allocate() { # OPTION...: the records of $in and what was added
	lbctl allocate "$@" <"$in" >"$out"
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
}
