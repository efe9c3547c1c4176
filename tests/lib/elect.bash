# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# elect: a cluster for lbctl elect, changes of it, and what comes out, briefly.
#
# data/three-nodes.ndjson is a cluster of node-a, node-b (zone east) and node-c (west), all
# ready, with nginx-lb at 192.0.2.10 (node-c, node-b, node-a by the hashes), nginx2-lb at
# 192.0.2.7 (node-a, node-b, node-c) and a pending Service.

world=tests/cli/data/three-nodes.ndjson
unset NODE_NAME METALLB_NAMESPACE

elect() { # OPTION...: the world and then standard input
	cat "$world" - | lbctl elect "$@"
}

added() { # of standard input: what elect added, briefly
	jq -r 'select(.object.apiVersion == "lbctl.dev/v1" and .object.kind != "Member") | .type as $type
		| .object | .metadata.name as $name | .spec
		| if .component
		then "\($name) \(.code) [\([.considered[]? | .name + (if .code then ":" + .code else "" end)] | join(" "))]"
		else "\($name) \($type) \(.addresses | join(",")) on \(.node)" end'
}

node() { # NAME LABELS CONDITIONS: a changed Node
	printf '{"type":"MODIFIED","object":{"kind":"Node","apiVersion":"v1","metadata":{"name":"%s","labels":{%s}},"status":{"conditions":[%s]}}}\n' "$@"
}

service() { # TYPE NAME SPEC STATUS
	printf '{"type":"%s","object":{"kind":"Service","apiVersion":"v1","metadata":{"namespace":"default","name":"%s"},"spec":{"type":"LoadBalancer"%s},"status":{%s}}}\n' "$@"
}

ingress() { # ADDRESS
	printf '"loadBalancer":{"ingress":[{"ip":"%s"}]}' "$1"
}

member() { # NAME ALIVE REASON
	printf '{"type":"ADDED","object":{"kind":"Member","apiVersion":"lbctl.dev/v1","metadata":{"name":"%s"},"status":{"alive":%s,"reason":"%s"}}}\n' "$@"
}

# shellcheck disable=SC2034 # for who sources it
ready='{"type":"Ready","status":"True"}'
