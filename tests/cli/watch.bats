# SPDX-License-Identifier: Apache-2.0
# lbctl watch: the stream of a directory and of a recording, and how it ends.

bats_require_minimum_version 1.5.0

source "$BATS_TEST_DIRNAME/../lib/watching.bash"

@test "what exists comes first, then a bookmark of each kind, and --once ends there" {
	service web >cluster/web.yaml
	lbctl watch --from cluster --once -k svc,nodes >out
	[ "$(cat out)" = '{"type":"ADDED","object":{"kind":"Service","apiVersion":"v1","metadata":{"name":"web","namespace":"default","resourceVersion":"1"},"spec":{"type":"LoadBalancer","ports":[{"port":80}]}}}
{"type":"BOOKMARK","object":{"kind":"Service","apiVersion":"v1","metadata":{"annotations":{"k8s.io/initial-events-end":"true"}}}}
{"type":"BOOKMARK","object":{"kind":"Node","apiVersion":"v1","metadata":{"annotations":{"k8s.io/initial-events-end":"true"}}}}' ]
}

@test "presets are what the controller and the speaker read" {
	lbctl watch --from cluster --once -k controller | jq -r .object.kind | sort | xargs >out
	grep -q 'AddressPool ConfigMap IPAddressPool Namespace Node Service' out
	lbctl watch --from cluster --once -k speaker | jq -r .object.kind | sort | xargs >out
	grep -q 'AddressPool ConfigMap EndpointSlice IPAddressPool L2Advertisement Node Service' out
	run -2 lbctl watch --from cluster --once -k nonsense
	[[ $output == *"--kinds: 'nonsense' is none that lbctl knows"* ]]
}

@test "a directory that goes away is the end" {
	start --from cluster -k svc
	rm -r cluster
	ends_with 3
	grep -q 'cluster: the directory is gone' err
	tail -1 out | grep -q '"type":"ERROR".*"message":"cluster: the directory is gone"'
	run -3 lbctl watch --from cluster
	[ "$output" = "lbctl watch: cluster: no such file or directory" ]
}

@test "a recording is replayed byte for byte, unknown kinds and all" {
	service web >cluster/web.yaml
	lbctl watch --from cluster --once >day
	printf '%s\n' '{"type":"NEWTYPE","object":{"b":1,"kind":"Thing", "apiVersion":"x/v1"}}' \
		'{"object":{"apiVersion":"v1","kind":"Node","metadata":{"name":"n"}},"type":"DELETED"}' >>day
	lbctl watch --from day -k nodes | cmp - day
	lbctl watch --from - <day | cmp - day
	(head -c 300 day; sleep 0.2; tail -c +301 day) | lbctl watch --from - | cmp - day
}

@test "a table of a recording has the kinds asked for, each as it comes" {
	service web >cluster/web.yaml
	lbctl watch --from cluster --once >day
	printf '%s\n' '{"type":"ADDED","object":{"kind":"Decision","apiVersion":"lbctl.dev/v1","metadata":{"name":"web"},"spec":{"code":"NoPool"}}}' \
		'{"type":"ADDED","object":{"kind":"Decision","apiVersion":"example.org/v1","metadata":{"name":"other"}}}' >>day
	run -0 lbctl watch --from day -k decisions -o wide
	[ "${#lines[@]}" -eq 2 ]
	[[ "${lines[1]}" = *NoPool* ]]
	[ "$(lbctl watch --from day -k services -o name)" = service/web ]
	mkfifo live
	lbctl watch --from - -k decisions -o wide <live >told &
	exec 8>live
	cat day >&8
	timeout 5 sh -c 'until grep -q NoPool told; do sleep 0.02; done'
	exec 8>&-
}

@test "a bad line of a recording is named and skipped" {
	printf '%s\n' '{"type":"ADDED","object":{"kind":"Node","apiVersion":"v1"}}' nonsense >day
	run --separate-stderr lbctl watch --from day
	[ "$status" -eq 0 ]
	[ "${#lines[@]}" -eq 1 ]
	[[ $stderr == *"day, line 2: "*"; skipped"*"day: 1 bad record was skipped" ]]
}

@test "of many bad lines the first are named, and all are counted" {
	head -c 300000 /dev/urandom | tr '\n' 'x' | fold -b -w 100 >day
	printf '\n%s\n' '{"type":"ADDED","object":{"kind":"Node","apiVersion":"v1"}}' >>day
	run -0 --separate-stderr lbctl watch --from day
	[ "$output" = '{"type":"ADDED","object":{"kind":"Node","apiVersion":"v1"}}' ]
	[ "$(grep -c 'skipped$' <<<"$stderr")" -lt 40 ]
	[ "$(tail -n 1 <<<"$stderr")" = "lbctl watch: warning: day: $(($(wc -l <day) - 1)) bad records were skipped" ]
}

@test "a record that a table can't show is told" {
	printf '%s\n' '{"type":"ADDED","object":{"kind":"Node","apiVersion":"v1","metadata":{"name":}}}' \
		'{"type":"ADDED","object":{"kind":"Node","apiVersion":"v1","metadata":{"name":"n"}}}' >day
	run -0 --separate-stderr lbctl watch --from day -o name
	[ "$output" = node/n ]
	[[ $stderr == "lbctl watch: warning: a record is not shown: "* ]]
}

@test "on a terminal it is a table, in a pipe or a file the stream" {
	service web >cluster/web.yaml
	script -qec "lbctl watch --from cluster --once -k svc" /dev/null >tty </dev/null
	tr -d '\r' <tty | grep -qE '^NAMESPACE +NAME +TYPE'
	! grep -q '"type"' tty
	lbctl watch --from cluster --once -k svc | grep -q '^{"type":"ADDED"'
	lbctl watch --from cluster --once -k svc >file
	grep -q '^{"type":"ADDED"' file
	script -qec "lbctl watch --from cluster --once -k svc -o json" /dev/null </dev/null | grep -q '^{"type":"ADDED"'
}

@test "a reader that goes ends it also while idle" {
	mkfifo pipe
	lbctl watch --from cluster >pipe 2>err 3>&- &
	watch=$!
	pids+=("$watch")
	head -1 pipe >/dev/null
	ends_with 141
	grep -q 'the reader of the output has gone' err
}

@test "SIGTERM and SIGINT are a graceful end" {
	start --from cluster
	kill -TERM "$watch"
	ends_with 0
	env --default-signal=INT lbctl watch --from cluster >out2 2>err 3>&- &
	watch=$!
	pids+=("$watch")
	until_has out2 BOOKMARK
	kill -INT "$watch"
	ends_with 0
}

@test "a reader that is behind holds it up, and nothing is lost" {
	x=$(head -c 10000 /dev/zero | tr '\0' x) # 10 MB in all: more than a pipe and the queue hold
	for i in $(seq 1000); do
		printf -- '---\napiVersion: v1\nkind: Service\nmetadata: {name: s%d, annotations: {a: %s}}\n' "$i" "$x"
	done >cluster/all.yaml
	(lbctl watch --from cluster --once -k svc | (sleep 1; cat >out)) 3>&-
	[ "$(grep -c ADDED out)" -eq 1000 ]
	[ "$(tail -1 out | jq -r .type)" = BOOKMARK ]
	lbctl watch --from out | (sleep 0.5; cmp - out)
}

@test "a table for people" {
	service web >cluster/web.yaml
	lbctl watch --from cluster --once -o table >out
	grep -qE '^NAMESPACE +NAME +TYPE' out
	grep -qE '^default +web +LoadBalancer +<none> +<pending>' out
	[ "$(lbctl watch --from cluster --once -o name)" = service/web ] ||
		lbctl watch --from cluster --once -o name | grep -q 'web'
	run -2 lbctl watch --from cluster -o yaml
}
