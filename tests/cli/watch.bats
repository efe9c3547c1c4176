# SPDX-License-Identifier: Apache-2.0
# lbctl watch: the stream of a directory and of a recording, and how it ends.

bats_require_minimum_version 1.5.0

setup() {
	cd "$BATS_TEST_TMPDIR"
	mkdir cluster
	pids=()
}

teardown() {
	for p in "${pids[@]}"; do
		kill "$p" 2>/dev/null || true
	done
}

service() { # NAME [PORT]
	printf 'apiVersion: v1\nkind: Service\nmetadata: {name: %s}\nspec: {type: LoadBalancer, ports: [{port: %s}]}\n' \
		"$1" "${2:-80}"
}

start() { # OPTION...: watches into `out`, messages into `err`; waits for the first bookmark
	lbctl watch "$@" >out 2>err 3>&- &
	watch=$!
	pids+=("$watch")
	until_has out BOOKMARK
}

until_has() { # FILE PATTERN
	for _ in $(seq 500); do
		grep -qE -- "$2" "$1" 2>/dev/null && return
		sleep 0.01
	done
	echo "no '$2' in $1:"
	cat "$1" err
	return 1
}

ends_with() { # STATUS: of what was started last
	local status=0
	wait "$watch" || status=$?
	[ "$status" -eq "$1" ] || {
		echo "exit status $status"
		return 1
	}
}

events() { # TYPE NAME of every Service
	jq -r 'select(.type != "BOOKMARK") | "\(.type) \(.object.metadata.name)"' out
}

@test "what exists comes first, then a bookmark of each kind, and --once ends there" {
	service web >cluster/web.yaml
	lbctl watch --from cluster --once -k svc,nodes >out
	[ "$(cat out)" = '{"type":"ADDED","object":{"kind":"Service","apiVersion":"v1","metadata":{"name":"web","namespace":"default","resourceVersion":"1"},"spec":{"type":"LoadBalancer","ports":[{"port":80}]}}}
{"type":"BOOKMARK","object":{"kind":"Service","apiVersion":"v1","metadata":{"annotations":{"k8s.io/initial-events-end":"true"}}}}
{"type":"BOOKMARK","object":{"kind":"Node","apiVersion":"v1","metadata":{"annotations":{"k8s.io/initial-events-end":"true"}}}}' ]
}

@test "presets are what the controller and the speaker read" {
	lbctl watch --from cluster --once -k controller | jq -r .object.kind | sort | xargs >out
	grep -q 'ConfigMap IPAddressPool Namespace Service' out
	lbctl watch --from cluster --once -k speaker | jq -r .object.kind | sort | xargs >out
	grep -q 'EndpointSlice IPAddressPool L2Advertisement Node Service' out
	run -2 lbctl watch --from cluster --once -k nonsense
	[[ $output == *"--kinds: 'nonsense' is none that lbctl knows"* ]]
}

@test "edits, renames, new folders and deletions are events" {
	service web >cluster/web.yaml
	start --from cluster -k svc
	service web 81 >cluster/web.yaml
	until_has out '"MODIFIED".*"port":81'
	service web 82 >cluster/new && mv cluster/new cluster/web.yaml
	until_has out '"MODIFIED".*"port":82'
	mkdir -p cluster/a/b
	service deep >cluster/a/b/deep.yml
	until_has out '"ADDED".*"name":"deep"'
	service deep 81 >cluster/a/b/deep.yml
	until_has out '"MODIFIED".*"name":"deep"'
	rm cluster/web.yaml
	until_has out '"DELETED".*"name":"web"'
	mv cluster/a elsewhere
	until_has out '"DELETED".*"name":"deep"'
	mv elsewhere cluster/c
	until_has out '"resourceVersion":"8"'
	service deep 83 >cluster/c/b/deep.yml
	until_has out '"port":83'
	[ "$(events | xargs)" = "ADDED web MODIFIED web MODIFIED web ADDED deep MODIFIED deep DELETED web DELETED deep ADDED deep MODIFIED deep" ]
}

@test "an object that did not change is not told" {
	service web >cluster/web.yaml
	start --from cluster -k svc
	mv cluster/web.yaml cluster/other.yaml      # moved
	touch cluster/other.yaml                    # touched
	mkdir cluster/sub && mv cluster/other.yaml cluster/sub/
	(echo "# comment" && service web) >cluster/sub/other.yaml
	service done >cluster/done.yaml
	until_has out '"name":"done"'
	[ "$(events | xargs)" = "ADDED web ADDED done" ]
}

@test "an editor that moves the old file aside deletes nothing" {
	service web >cluster/web.yaml
	start --from cluster -k svc
	echo x >cluster/4913 && rm cluster/4913
	echo x >cluster/.web.yaml.swp
	mv cluster/web.yaml cluster/web.yaml~
	service web 81 >cluster/web.yaml
	rm cluster/web.yaml~ cluster/.web.yaml.swp
	until_has out '"port":81'
	service done >cluster/done.yaml
	until_has out '"name":"done"'
	[ "$(events | xargs)" = "ADDED web MODIFIED web ADDED done" ]
	[ ! -s err ]
}

@test "the files of a mounted ConfigMap change together" {
	mkdir cluster/..1 cluster/..2
	service web >cluster/..1/web.yaml
	service web 81 >cluster/..2/web.yaml
	ln -s ..1 cluster/..data
	ln -s ..data/web.yaml cluster/web.yaml
	start --from cluster -k svc
	ln -s ..2 cluster/..data_tmp
	mv -T cluster/..data_tmp cluster/..data
	until_has out '"port":81'
	[ "$(events | xargs)" = "ADDED web MODIFIED web" ]
}

@test "several documents and Lists are taken apart" {
	(service one && echo --- && echo "# nothing" && echo --- && service two) >cluster/docs.yaml
	lbctl watch --from cluster --once -k svc |
		jq -s '{apiVersion: "v1", kind: "List", items: [.[].object | select(.spec) | .metadata.name += "-copy"]}' >list
	mv list cluster/list.json
	lbctl watch --from cluster --once -k svc >out
	[ "$(events | xargs)" = "ADDED one ADDED one-copy ADDED two ADDED two-copy" ]
}

@test "a file that does not parse keeps its objects and is named with line and column" {
	service web >cluster/web.yaml
	start --from cluster -k svc
	printf 'apiVersion: v1\nkind: Service\nmetadata:\n\tname: web\n' >cluster/web.yaml
	until_has err 'cluster/web.yaml: line 4, column 1: a tab as indentation; indent with spaces; the objects that it had stay'
	printf '{"kind": "Service",\n"apiVersion" "v1"}' >cluster/a.json
	until_has err 'cluster/a.json: line 2, column [0-9]+: '
	printf 'a: 1\nb: 2\na: 3\n' >cluster/twice.yaml
	until_has err "cluster/twice.yaml: line 3, column 1: key 'a' is here twice"
	printf 'a: \xff\n' >cluster/latin1.yaml
	until_has err 'cluster/latin1.yaml: line 1, column 4: the text is not UTF-8'
	(echo 'a0: &a0 [x, x]'; for i in $(seq 1 40); do echo "a$i: &a$i [*a$((i - 1)), *a$((i - 1))]"; done) >cluster/bomb.yaml
	until_has err 'cluster/bomb.yaml: line [0-9]+, column [0-9]+: more than 1048576 values'
	service web 81 >cluster/web.yaml
	until_has out '"port":81'
	[ "$(events | xargs)" = "ADDED web MODIFIED web" ]
}

@test "an object with a name that is a path is refused, the rest of its file is taken" {
	(service ../x && echo --- && service web) >cluster/web.yaml
	lbctl watch --from cluster --once -k svc >out 2>err
	[ "$(events)" = "ADDED web" ]
	grep -q "cluster/web.yaml: line 1, column 1: document: Service: metadata.name: '../x' is not a name" err
}

@test "of two definitions the first by path stays, and the other file is named" {
	service web 81 >cluster/b.yaml
	service web 80 >cluster/a.yaml
	lbctl watch --from cluster --once -k svc >out 2>err
	grep -q '"port":80' out
	grep -q 'cluster/b.yaml: Service default/web is defined in a.yaml already; that one stays' err
}

@test "configuration outside its namespace is said to be unread" {
	printf 'apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {name: p}\nspec: {addresses: [192.0.2.0/24]}\n' >cluster/pool.yaml
	lbctl watch --from cluster --once -k ipaddresspools >out 2>err
	[ "$(jq -r .type out)" = BOOKMARK ]
	grep -q 'IPAddressPool default/p is not read: configuration is read from namespace metallb-system only' err
	lbctl watch --from cluster --once -k ipaddresspools --namespace default | head -1 | grep -q '"ADDED"'
}

@test "a thousand files are read, and a huge one is too" {
	for i in $(seq 1000); do service "s$i" >"cluster/$i.yaml"; done
	for i in $(seq 5000); do echo ---; service "t$i"; done >cluster/huge.yaml
	lbctl watch --from cluster --once -k svc >out
	[ "$(grep -c ADDED out)" -eq 6000 ]
}

@test "a change that overflows nothing is told once, however many there are" {
	start --from cluster -k svc
	for i in $(seq 300); do service "s$i" >"cluster/$i.yaml"; done
	until_has out '"name":"s300"'
	for i in $(seq 500); do [ "$(grep -c ADDED out)" -eq 300 ] && break; sleep 0.01; done
	[ "$(events | sort | uniq -d)" = "" ]
	[ "$(grep -c ADDED out)" -eq 300 ]
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
	[[ $stderr == *"day, line 2: "*"; skipped" ]]
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
	for i in $(seq 20); do
		for j in $(seq 500); do echo ---; service "s$i-$j"; done >"cluster/$i.yaml"
	done
	(lbctl watch --from cluster --once -k svc | (sleep 1; cat >out)) 3>&-
	[ "$(grep -c ADDED out)" -eq 10000 ]
	[ "$(tail -1 out | jq -r .type)" = BOOKMARK ]
	lbctl watch --from out | (sleep 0.5; cmp - out)
}

@test "the last-applied annotation is left out unless --full" {
	printf 'apiVersion: v1\nkind: Service\nmetadata: {name: a, managedFields: [{}], annotations: {kubectl.kubernetes.io/last-applied-configuration: x, b: c}}\n' >cluster/a.yaml
	lbctl watch --from cluster --once -k svc >out
	[ "$(jq -c 'select(.type == "ADDED") | .object.metadata | del(.resourceVersion)' out)" = '{"name":"a","annotations":{"b":"c"},"namespace":"default"}' ]
	lbctl watch --from cluster --once -k svc --full | grep -q 'managedFields.*last-applied'
}

@test "what apply wrote is laid over the objects" {
	service web >cluster/web.yaml
	start --from cluster -k svc
	mkdir -p cluster/.lbctl/Service/default
	echo '{"kind":"Service","apiVersion":"v1","metadata":{"namespace":"default","name":"web","annotations":{"x":"y"}},"status":{"loadBalancer":{"ingress":[{"ip":"192.0.2.1"}]}}}' >cluster/.lbctl/Service/default/web.json
	until_has out '"MODIFIED".*"annotations":{"x":"y"}.*"ingress":\[{"ip":"192.0.2.1"}\]'
	rm -r cluster/.lbctl
	until_has out '"MODIFIED".*"resourceVersion":"3"}'
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
