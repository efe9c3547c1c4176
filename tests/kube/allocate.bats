#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# lbctl allocate on a real API server of two families, with the controller's own rights: what others
# write meanwhile, another controller without a Lease, and Services of one or two families

bats_require_minimum_version 1.5.0
source tests/lib/lan.bash
source tests/lib/cluster.bash

setup_file() {
	lan_up control=1
	cluster_up
	export LAN CLUSTER
	kube apply -k deploy >/dev/null
	cluster_kubeconfig lbctl metallb-system lbctl-controller
	kube apply -f - >/dev/null <<-'END'
		apiVersion: metallb.io/v1beta1
		kind: IPAddressPool
		metadata: {name: both, namespace: metallb-system}
		spec: {addresses: [198.18.0.0/16, "2001:db8:1::/112"]}
	END
}

teardown_file() {
	cluster_down
	lan_down
}

setup() {
	controller one
}

teardown() {
	ended one
	ended two
	kube delete svc --all --wait=false >/dev/null
}

controller() { # NAME: a pipeline without a Lease, its log in $CLUSTER/NAME.log
	cluster_spawn "$1" control env KUBECONFIG="$CLUSTER/lbctl.kubeconfig" PATH="$PATH" METALLB_NAMESPACE=metallb-system \
		setsid sh -c 'lbctl watch -k controller | lbctl allocate | lbctl apply | lbctl watch --from - -k decisions -o wide'
}

ended() { # NAME
	local pid
	[ -e "$CLUSTER/$1.pid" ] || return 0
	pid=$(cat "$CLUSTER/$1.pid")
	wait_for 10 kill -0 -- "-$pid" 2>/dev/null # the group that setsid makes
	kill -TERM -- "-$pid"
	wait_for 10 eval "! kill -0 -- -$pid 2>/dev/null"
	rm -f "$CLUSTER/$1.pid" "$CLUSTER/$1.log"
}

service() { # NAME SPEC [METADATA]
	kapi POST /api/v1/namespaces/default/services \
		'{"metadata":{"name":"'"$1"'"'"${3:+,$3}"'},"spec":{"type":"LoadBalancer","ports":[{"port":80}]'"${2:+,$2}"'}}' >/dev/null
}

patch() { # NAME BODY
	kapi PATCH "/api/v1/namespaces/default/services/$1" "$2" >/dev/null
}

has() { # NAME REGEX: of its addresses, joined by blanks
	[[ "$(cluster_ingress default "$1" | xargs)" =~ ^$2$ ]]
}

until_has() {
	wait_for 20 has "$@" || {
		echo "$1 has $(cluster_ingress default "$1" | xargs), want $2"
		tail -n 20 "$CLUSTER"/{one,two}.log
		return 1
	}
}

said() { # NAME REGEX
	grep -Eq "$2" "$CLUSTER/$1.log"
}

v4='198\.18\.[0-9.]+' v6='2001:db8:1::[0-9a-f]*'

@test "a Service gets an address of each family that it has" {
	service four '"ipFamilyPolicy":"SingleStack","ipFamilies":["IPv4"]'
	service six '"ipFamilyPolicy":"SingleStack","ipFamilies":["IPv6"]'
	service both '"ipFamilyPolicy":"RequireDualStack"'
	service both6 '"ipFamilyPolicy":"RequireDualStack","ipFamilies":["IPv6","IPv4"]'
	service prefer '"ipFamilyPolicy":"PreferDualStack"'
	until_has four "$v4"
	until_has six "$v6"
	until_has both "$v4 $v6"
	until_has both6 "$v6 $v4|$v4 $v6"
	until_has prefer "$v4 $v6"
}

@test "the second address comes and goes with the second family" {
	service web '"ipFamilyPolicy":"SingleStack"'
	until_has web "$v4"
	local first
	first=$(cluster_ingress default web)
	patch web '{"spec":{"ipFamilyPolicy":"PreferDualStack"}}'
	until_has web "${first//./\\.} $v6"
	patch web '{"spec":{"ipFamilyPolicy":"SingleStack","ipFamilies":["IPv4"]}}'
	until_has web "${first//./\\.}"
	# and stays so: nobody writes any more
	local version
	version=$(kapi GET /api/v1/namespaces/default/services/web | jq -r .metadata.resourceVersion)
	service after ''
	until_has after "$v4"
	[ "$(kapi GET /api/v1/namespaces/default/services/web | jq -r .metadata.resourceVersion)" = "$version" ]
}

@test "PreferDualStack is content with one family where the pool has no more, RequireDualStack is not" {
	kapi POST /apis/metallb.io/v1beta1/namespaces/metallb-system/ipaddresspools \
		'{"apiVersion":"metallb.io/v1beta1","kind":"IPAddressPool","metadata":{"name":"four"},"spec":{"autoAssign":false,"addresses":["203.0.113.0/28"]}}' >/dev/null
	service content '"ipFamilyPolicy":"PreferDualStack"' '"annotations":{"metallb.io/address-pool":"four"}'
	service strict '"ipFamilyPolicy":"RequireDualStack"' '"annotations":{"metallb.io/address-pool":"four"}'
	until_has content '203\.0\.113\.[0-9]+'
	wait_for 20 said one 'default/strict .*(refused|waiting)'
	has strict ''
	kapi DELETE /apis/metallb.io/v1beta1/namespaces/metallb-system/ipaddresspools/four >/dev/null
}

@test "an address that another manager wrote is left alone, and said so" {
	ended one
	service theirs ''
	kapi PATCH /api/v1/namespaces/default/services/theirs/status '{"status":{"loadBalancer":{"ingress":[{"ip":"192.0.2.77"}]}}}' >/dev/null
	controller one
	service ours ''
	until_has ours "$v4"
	has theirs '192\.0\.2\.77'
	said one 'default/theirs .*192\.0\.2\.77'
}

@test "what another writes over our address is put right" {
	service web ''
	until_has web "$v4"
	local address
	address=$(cluster_ingress default web)
	kapi PATCH /api/v1/namespaces/default/services/web/status '{"status":{"loadBalancer":null}}' >/dev/null
	until_has web "${address//./\\.}"
}

@test "two controllers at once, without a Lease, come to rest, and no address is given twice" {
	local version
	ended one
	cluster_services default 200 race
	controller one
	controller two
	wait_for 60 eval '[ "$(cluster_addresses default race | cut -d" " -f1 | uniq | wc -l)" -eq 200 ]'
	service last '' # whoever gives it has read all of this
	until_has last "$v4"
	wait_for 60 at_rest
	[ "$(cluster_addresses default race | wc -l)" -eq 200 ]
	[ "$(cluster_addresses default | cut -d' ' -f2 | sort | uniq -d)" = '' ]
	echo "# each of 200 Services has an address of its own, at rest $(cat "$BATS_TEST_TMPDIR/rests") looks after the start" >&3
}

at_rest() { # nothing was written for a second
	local version
	echo x >>"$BATS_TEST_TMPDIR/looks"
	wc -l <"$BATS_TEST_TMPDIR/looks" >"$BATS_TEST_TMPDIR/rests"
	version=$(kapi GET '/api/v1/services?labelSelector=set%3Drace' | jq -r '[.items[].metadata.resourceVersion | tonumber] | max')
	sleep 1
	[ "$(kapi GET '/api/v1/services?labelSelector=set%3Drace' | jq -r '[.items[].metadata.resourceVersion | tonumber] | max')" = "$version" ]
}
