# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# For tests of lbctl allocate: streams in, and what it adds to them.

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
	for k in Service:v1 Namespace:v1 ConfigMap:v1 IPAddressPool:metallb.io/v1beta1 AddressPool:metallb.io/v1beta1; do
		printf '{"type":"BOOKMARK","object":{"kind":"%s","apiVersion":"%s","metadata":{"annotations":{"k8s.io/initial-events-end":"true"}}}}\n' "${k%%:*}" "${k#*:}"
	done
}

# shellcheck disable=SC2034 # the tests' business
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
