# SPDX-License-Identifier: Apache-2.0
# lbctl watch and apply against an API server: who we are to it, and what it does that it should not.

bats_require_minimum_version 1.5.0
# shellcheck source=tests/lib/fakeapi.bash
source tests/lib/fakeapi.bash

setup() {
	fakeapi_setup
}

put() { # PATH NAME [OBJECT]
	curl -sf -o /dev/null -X PATCH -H 'Content-Type: application/apply-patch+yaml' "$url$1/$2" -d "${3:-{\}}"
}

service() { # NAME [OBJECT]
	put /api/v1/namespaces/default/services "$@"
}

delete() { # PATH
	curl -sf -o /dev/null -X DELETE "$url$1"
}

start() { # OPTION...: watches into `out`, messages into `err`
	: >out
	lbctl watch "$@" >out 2>err 3>&- &
	watch=$!
	pids+=("$watch")
}

events() { # "TYPE NAME, ..."
	jq -r '"\(.type) \(.object.metadata.name // "")"' out | sed 's/ $//' | paste -sd, | sed 's/,/, /g'
}

events_are() {
	[ "$(events)" = "$1" ]
}

snapshot() { # OPTION...
	timeout 20 lbctl watch --once -k svc "$@"
}

asked() { # PATTERN: how many requests
	grep -cE -- "$1" api/requests
}

fault() { # PATTERN ACTION...
	echo "$*" >>api/faults
}

certificates() { # ca.crt, serving.crt (127.0.0.1 and "api"), client.crt, other.crt, with their keys
	local name
	for name in ca other; do
		openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$name" -days 2 \
			-keyout $name.key -out $name.crt 2>/dev/null
	done
	sign serving 'subjectAltName=IP:127.0.0.1,DNS:api'
	sign named 'subjectAltName=DNS:api'
	sign client 'extendedKeyUsage=clientAuth'
}

sign() { # NAME EXTENSION
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" -keyout "$1.key" -out "$1.csr" 2>/dev/null
	openssl x509 -req -in "$1.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile <(echo "$2") -out "$1.crt" 2>/dev/null
}

data() { # FILE: for a -data field
	base64 -w0 <"$1"
}

# --- listing and watching --------------------------------------------------------------------

@test "what exists, then a bookmark, then what happens" {
	plain
	service web '{"spec":{"type":"LoadBalancer"},"metadata":{"managedFields":[{}],"annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{}","a":"b"}}}'
	start -k svc
	wait_for 10 has out BOOKMARK
	service db
	service web '{"spec":{"a":1}}'
	delete /api/v1/namespaces/default/services/db
	wait_for 10 events_are 'ADDED web, BOOKMARK, ADDED db, MODIFIED web, DELETED db'
	[ "$(head -1 out)" = '{"type":"ADDED","object":{"kind":"Service","apiVersion":"v1","spec":{"type":"LoadBalancer"},"metadata":{"annotations":{"a":"b"},"name":"web","namespace":"default","resourceVersion":"101","uid":"uid-101"}}}' ]
	[ ! -s err ]
	snapshot --full | grep -q managedFields
}

@test "a server that cannot stream a list is read in pages" {
	plain
	echo yes >api/no-stream
	echo 2 >api/page
	for i in 1 2 3 4 5; do
		service "s$i"
	done
	snapshot >out
	events_are 'ADDED s1, ADDED s2, ADDED s3, ADDED s4, ADDED s5, BOOKMARK'
	[ "$(asked 'limit=500')" -eq 3 ]
	jq -e 'select(.type == "ADDED" and (.object | keys_unsorted[0:2]) != ["kind", "apiVersion"])' out && return 1
	true
}

@test "a list that expires between two pages is read again, and nothing is told twice" {
	plain
	echo yes >api/no-stream
	echo 2 >api/page
	for i in 1 2 3; do
		service "s$i"
	done
	fault continue= expire
	snapshot >out
	events_are 'ADDED s1, ADDED s2, ADDED s3, BOOKMARK'
}

@test "the configuration is looked for in its own namespace only" {
	plain
	put /api/v1/namespaces/metallb-system/configmaps config
	put /api/v1/namespaces/metallb-system/configmaps other
	put /api/v1/namespaces/elsewhere/configmaps config
	snapshot -k configmaps >out
	[ "$(jq -r 'select(.object.kind == "ConfigMap" and .type == "ADDED") | .object.metadata | "\(.namespace)/\(.name)"' out)" = metallb-system/config ]
	snapshot -k configmaps --namespace elsewhere >out
	[ "$(jq -r 'select(.object.kind == "ConfigMap" and .type == "ADDED") | .object.metadata.namespace' out)" = elsewhere ]
}

@test "a kind that the server lacks is empty, and its objects come when it appears" {
	plain
	echo metallb.io >api/lacking
	start -k ipaddresspools,svc
	wait_for 10 has out 'BOOKMARK.*IPAddressPool'
	wait_for 10 has out 'BOOKMARK.*Service'
	put /apis/metallb.io/v1beta1/namespaces/metallb-system/ipaddresspools first
	rm api/lacking
	wait_for 10 has out 'ADDED.*"first"'
	[ ! -s err ]
}

# --- what a server must not do ---------------------------------------------------------------

@test "an answer that is none is asked for again: each of them, once" {
	plain
	service web
	for what in 'status 500' 'status 503' html 'html 502' empty half drop; do
		fault services "$what"
		snapshot >out 2>err || {
			cat err
			false
		}
		events_are 'ADDED web, BOOKMARK' || {
			echo "$what: $(events)"
			false
		}
		[ "$(wc -l <err)" -eq 2 ]
		head -1 err | grep -q 'trying again until it works'
		tail -1 err | grep -q 'answers again'
	done
}

@test "a server that only says HTML is named for it, and a snapshot gives up" {
	plain
	fault always services html
	run -6 snapshot
	[[ $output == *'HTTP 200 with HTML ("Please log in"): this is not the API server'* ]]
}

@test "Retry-After is kept" {
	plain
	fault services status 429 1
	snapshot >out 2>err
	awk '{ print $1 }' api/requests | tail -2 | paste -sd' ' | awk '{ exit $2 - $1 < 1 }'
}

@test "a watch that breaks off anywhere goes on where it was" {
	local n=0 told
	plain
	service web
	start -k svc
	wait_for 10 has out BOOKMARK
	told='ADDED web, BOOKMARK'
	for what in half drop 'status 500' html empty gone-event 'status 410' expire; do
		fault resourceVersion= "$what"
		[[ $what =~ gone|410|expire ]] || fault resourceVersion= "$what" # the new list asks for no version
		n=$((n + 1))
		sleep 0.01 # what was touched before a watch began does not end it
		touch api/cut
		wait_for 10 test ! -s api/faults
		service "s$n"
		delete "/api/v1/namespaces/default/services/s$n"
		service "t$n"
		told+=", ADDED t$n"
		wait_for 10 has out "\"t$n\""
	done
	[ "$(events | grep -oE 'ADDED [wt][^,]*|BOOKMARK' | paste -sd, | sed 's/,/, /g')" = "$told" ]
	# an object that lived shorter than a relist took is told as both or not at all
	for n in 1 2 3 4 5 6 7 8; do
		[[ $(grep -c "\"s$n\"" out) =~ [02] ]]
	done
}

@test "an outage is told once, and its end once" {
	plain
	start -k svc,nodes,namespaces
	wait_for 10 has out 'BOOKMARK.*Service'
	stop "$server"
	wait_for 10 has err '(cannot reach|connection to) http://127.0.0.1:[0-9]*.*; trying again until it works'
	for _ in 1 2 3; do
		n=$(wc -l <err)
		sleep 0.3
		[ "$(wc -l <err)" -eq "$n" ]
	done
	server
	wait_for 10 has err 'answers again'
	[ "$(wc -l <err)" -eq 2 ]
}

@test "a missing permission is one error that names verb, resource and namespace" {
	plain
	fault always ipaddresspools forbidden
	run -7 --separate-stderr snapshot -k svc,ipaddresspools
	# shellcheck disable=SC2154 # run sets it
	[ "$(tail -1 <<<"$stderr")" = 'lbctl watch: GET /apis/metallb.io/v1beta1/namespaces/metallb-system/ipaddresspools: HTTP 403: ipaddresspools is forbidden: User "test" cannot list resource "ipaddresspools" in API group "metallb.io" in the namespace "metallb-system"; grant it with a Role or ClusterRole' ]
}

@test "a reader that is slow gets all of it" {
	plain
	printf '{"spec":{"x":"%s"}}' "$(head -c 1000000 /dev/zero | tr '\0' x)" >big
	for i in $(seq 12); do
		service "s$i" @big
	done
	snapshot | (
		sleep 1
		cat
	) >out
	[ "$(wc -l <out)" -eq 13 ]
	[ "$(wc -c <out)" -gt 12000000 ]
}

# --- writing ---------------------------------------------------------------------------------

want() { # IP: an APPLY of the status of Service web
	printf '{"type":"APPLY","object":{"kind":"Service","apiVersion":"v1","metadata":{"namespace":"default","name":"web","annotations":{"metallb.io/ip-allocated-from-pool":"p"}},"status":{"loadBalancer":{"ingress":[{"ip":"%s"}]}}}}\n' "$1"
}

ingress() {
	curl -sf "$url/api/v1/namespaces/default/services/web" | jq -r '.status.loadBalancer.ingress[].ip'
}

ingress_is() {
	[ "$(ingress)" = "$1" ]
}

@test "a write that fails is tried again until the server has it, whatever it answered" {
	local n=10
	plain
	service web
	for what in 'status 500' 'status 503' 'status 429 1' html 'html 502' empty drop; do
		n=$((n + 1))
		fault web/status "$what"
		want "192.0.2.$n" | lbctl apply >out 2>err || {
			echo "$what: exit status $?"
			cat out err
			false
		}
		[ "$(ingress)" = "192.0.2.$n" ]
		[ ! -s api/faults ]
	done
	[ "$(asked 'PATCH /api/v1/namespaces/default/services/web/status\?fieldManager=lbctl&force=true')" -eq 14 ]
	fault always web/status forbidden
	run -1 --separate-stderr lbctl apply <<<"$(want 192.0.2.99)"
	[[ $output == *'"code":"ApplyFailed"'*'cannot patch resource \"services/status\" in API group \"\" in the namespace \"default\"; grant it'* ]]
}

event() { # NAME
	jq -nc '{type: "APPLY", object: {kind: "Event", apiVersion: "v1", metadata: {namespace: "default", name: $name},
		involvedObject: {kind: "Service", namespace: "default", name: "web"}, reason: "R", message: "m"}}' --arg name "$1"
}

@test "an Event is made, and one that is there from an earlier life is written over" {
	plain
	event web.1 | lbctl apply >out
	[ "$(asked 'POST /api/v1/namespaces/default/events\?fieldManager=lbctl')" -eq 1 ]
	[ "$(asked 'PATCH')" -eq 0 ]
	(event web.1; event web.2) | lbctl apply >out
	[ "$(asked 'PATCH /api/v1/namespaces/default/events/web.1\?fieldManager=lbctl&force=true')" -eq 1 ]
	[ "$(asked 'PATCH')" -eq 1 ]
	[ "$(grep -c '"code":"Applied","message":"wrote the event R' out)" -eq 2 ]
	fault 'POST /api/v1/namespaces/default/events' 'status 503'
	event web.3 | lbctl apply >out
	grep '"code":"Applied"' out
}

@test "a write waits for the server to come, and for no longer than asked" {
	plain
	service web
	stop "$server"
	run -1 --separate-stderr lbctl apply --timeout 300ms <<<"$(want 192.0.2.10)"
	(want 192.0.2.11; sleep 0.3) | lbctl apply >out 2>err 3>&- &
	pids+=($!)
	wait_for 10 has err 'cannot reach'
	server
	wait_for 10 ingress_is 192.0.2.11
}

# --- TLS and credentials ---------------------------------------------------------------------

@test "a server is trusted by the CA of the kubeconfig, as a file or as data" {
	certificates
	server --tls serving.crt serving.key
	kubeconfig 'certificate-authority: ca.crt'
	snapshot | grep -q BOOKMARK
	kubeconfig "certificate-authority-data: $(data ca.crt)"
	snapshot | grep -q BOOKMARK
	kubeconfig 'insecure-skip-tls-verify: true'
	snapshot | grep -q BOOKMARK
	kubeconfig 'certificate-authority: other.crt'
	run -2 snapshot
	[[ $output == *'its certificate is not trusted'*'certificate-authority must be the CA that signed it'* ]]
}

@test "tls-server-name is what the certificate must hold" {
	certificates
	server --tls named.crt named.key
	kubeconfig 'certificate-authority: ca.crt'
	run -2 snapshot
	[[ $output == *'is not trusted'* ]]
	kubeconfig 'certificate-authority: ca.crt, tls-server-name: api'
	snapshot | grep -q BOOKMARK
	kubeconfig 'certificate-authority: ca.crt, tls-server-name: other'
	run -2 snapshot
}

@test "a client certificate is shown, as files or as data" {
	certificates
	client=(--cert client.crt --key client.key)
	server --tls serving.crt serving.key --client-ca ca.crt
	kubeconfig 'certificate-authority: ca.crt' 'client-certificate: client.crt, client-key: client.key'
	snapshot | grep -q BOOKMARK
	kubeconfig 'certificate-authority: ca.crt' "client-certificate-data: $(data client.crt), client-key-data: $(data client.key)"
	snapshot | grep -q BOOKMARK
	kubeconfig 'certificate-authority: ca.crt' 'token: x'
	run -1 snapshot
	kubeconfig 'certificate-authority: ca.crt' 'client-certificate: client.crt, client-key: other.key'
	run -2 snapshot
	[[ $output == *'client-certificate and client-key cannot be used'* ]]
}

@test "a token that the server does not know is an error, and a newer one in its file is found" {
	plain
	echo good >api/token
	kubeconfig '' 'token: bad'
	run -7 --separate-stderr snapshot
	[[ $stderr == *'HTTP 401: Unauthorized; the server does not know us'* ]]
	echo old >token
	kubeconfig '' 'tokenFile: token'
	echo old >api/token
	start -k svc
	wait_for 10 has out BOOKMARK
	echo new >api/token
	stop "$server"
	echo new >token
	server
	curl -sf -o /dev/null -X POST -H 'Authorization: Bearer new' "$url/api/v1/namespaces/default/services" -d '{"metadata":{"name":"web"}}'
	wait_for 10 has out 'ADDED.*"web"'
}

@test "a plugin gives the token, and is run again when it is refused" {
	plain
	echo t1 >api/token
	cat >plugin <<-'PLUGIN'
		#!/bin/sh
		echo "$KUBERNETES_EXEC_INFO" >>info
		n=$(wc -l <info)
		echo '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"t'"$n$1$MORE"'"}}'
	PLUGIN
	chmod +x plugin
	kubeconfig '' 'exec: {apiVersion: client.authentication.k8s.io/v1, command: ./plugin, args: [a], env: [{name: MORE, value: b}]}'
	echo t1ab >api/token
	start -k svc,nodes
	wait_for 10 has out 'BOOKMARK.*Service'
	[ "$(wc -l <info)" -eq 1 ]
	[ "$(jq -c . info)" = '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","spec":{"interactive":false}}' ]
	echo t2ab >api/token
	stop "$server"
	server
	wait_for 10 has api/requests 'Bearer t2ab'
	[ "$(wc -l <info)" -eq 2 ]
	[ "$(grep -c . err)" -eq 0 ] || has err 'cannot reach'
	echo '#!/bin/sh' >plugin
	run -6 --separate-stderr snapshot
	[[ $stderr == *'kc: users, name u: exec: '*plugin*'want an ExecCredential'* ]]
}

@test "contexts and files are chosen as kubectl does it" {
	plain
	printf 'contexts: [{name: mine, context: {cluster: c, user: me}}]\nusers: [{name: me, user: {token: mine}}]\ncurrent-context: mine\n' >first
	KUBECONFIG=absent:first:kc snapshot >out
	has api/requests 'Bearer mine'
	: >api/requests
	KUBECONFIG=first:kc snapshot --context x >out
	has api/requests ' -$'
	run -2 snapshot --kubeconfig kc --context z
	[[ $output == *'no context z; there are: x'* ]]
	unset KUBECONFIG
	run -3 snapshot
	[[ $output == *'no Kubernetes cluster is configured'*'give --kubeconfig FILE, or --from DIR'* ]]
	mkdir .kube
	cp kc .kube/config
	snapshot | grep -q BOOKMARK
}

@test "a proxy is used when the kubeconfig names one" {
	plain
	server_url=http://192.0.2.1:80 kubeconfig "proxy-url: $url"
	snapshot >out 2>err || true
	has api/requests 'GET http://192.0.2.1:80/api/v1/services|GET http://192.0.2.1/api/v1/services'
}
