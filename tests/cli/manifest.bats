# SPDX-License-Identifier: Apache-2.0
# A directory of manifests as a cluster: what is read, what is an event, and the pipeline on it.

bats_require_minimum_version 1.5.0

source "$BATS_TEST_DIRNAME/../lib/watching.bash"

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
	(echo "# comment" && service web) >other && mv other cluster/sub/other.yaml # at once: it may be read because of the above
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
	seq 5000 | sed 's/.*/---\napiVersion: v1\nkind: Service\nmetadata: {name: t&}/' >cluster/huge.yaml
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

@test "after a loss of events everything is read again" {
	mkdir cluster/sub
	service web >cluster/sub/web.yaml
	service gone >cluster/sub/gone.yaml
	start --from cluster -k svc
	[ "$(cat /proc/sys/fs/inotify/max_queued_events)" -le 16384 ] || skip "the kernel's queue is longer"
	kill -STOP "$watch"
	python3 -c 'for i in range(9000): open("cluster/a.yaml", "w").close(); open("cluster/b.yaml", "w").close()'
	mkdir cluster/new cluster/sub/deeper # of these no event is left
	service late >cluster/new/late.yaml
	service later >cluster/sub/deeper/later.yaml
	rm cluster/sub/gone.yaml
	service web 81 >cluster/sub/web.yaml
	kill -CONT "$watch"
	until_has out '"name":"later"'
	until_has out '"name":"late"'
	until_has out '"DELETED".*"name":"gone"'
	until_has out '"port":81'
	service after >cluster/new/after.yaml
	until_has out '"name":"after"'
}

@test "an object longer than a record may be is left out and named" {
	(printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: config, namespace: metallb-system}\ndata:\n  x: '
		head -c 9000000 /dev/zero | tr '\0' x
		echo) >cluster/config.yaml
	service web >cluster/web.yaml
	lbctl watch --from cluster --once >out 2>err
	[ "$(events)" = "ADDED web" ]
	grep -q 'ConfigMap metallb-system/config is left out: longer than a record may be (8 MiB)' err
}

@test "a file longer than 64 MiB is not read, and named" {
	truncate -s 65M cluster/big.yaml
	service web >cluster/web.yaml
	lbctl watch --from cluster --once -k svc >out 2>err
	[ "$(events)" = "ADDED web" ]
	grep -q 'cluster/big.yaml: reading: File too large' err
}

@test "a file that cannot be read is named, and read once it can be" {
	[ "$(id -u)" -ne 0 ] || as=(setpriv --bounding-set=-dac_override,-dac_read_search) # root reads everything
	service web >cluster/web.yaml
	chmod 0 cluster/web.yaml
	start --from cluster -k svc
	until_has err 'cluster/web.yaml: reading: Permission denied'
	chmod 644 cluster/web.yaml
	until_has out '"name":"web"'
}

@test "what is no regular file is no manifest" {
	mkfifo cluster/pipe.yaml
	ln -s nowhere cluster/dangling.yaml
	ln -s .. cluster/up
	mkdir cluster/dir.yaml
	service web >cluster/dir.yaml/web.yaml
	lbctl watch --from cluster --once -k svc >out 2>err
	[ "$(events)" = "ADDED web" ]
	[ ! -s err ]
}

@test "JSON has a place for its mistakes, too" {
	printf '{"kind": "Service",\n "apiVersion": }' >cluster/a.json
	printf "{'kind': 'Service', 'apiVersion': 'v1', 'metadata': {'name': 'x'}}" >cluster/b.json
	printf '{"kind": "Service",\n\n  "apiVersion": "v1", "metadata": {"name": "x",}}\n' >cluster/c.json
	lbctl watch --from cluster --once -k svc 2>err >out
	grep -q 'cluster/a.json: line 2, column 16: not JSON' err
	grep -q 'cluster/b.json: line 1, column [0-9]*: not JSON' err
	grep -q 'cluster/c.json: line 3, column 48: not JSON' err
	[ "$(jq -r .type out)" = BOOKMARK ]
}

# The controller of the README, on a directory.
controller() {
	(
		lbctl watch --from cluster -k controller 2>>err 3>&- &
		echo $! >"watch.$1"
		wait
	) | lbctl allocate 2>>err 3>&- | lbctl apply --to cluster 2>>err >"out.$1" 3>&- &
	pids+=($!)
	pipeline=$!
	until_has "out.$1" 'BOOKMARK.*IPAddressPool'
}

stop_controller() {
	kill "$(cat "watch.$1")"
	wait "$pipeline"
}

address() { # NAME
	lbctl watch --from cluster --once -k svc |
		jq -r --arg name "$1" 'select(.object.metadata.name == $name) | .object.status.loadBalancer.ingress[]?.ip'
}

has_address() { # NAME ADDRESS
	for _ in $(seq 300); do
		[ "$(address "$1")" = "$2" ] && return
		sleep 0.02
	done
	echo "$1 has '$(address "$1")', not '$2'"
	return 1
}

@test "pending, assigned, released: the pipeline on a directory" {
	service one >cluster/one.yaml
	service two >cluster/two.yaml
	controller 1
	until_has out.1 NoPool
	[ "$(address one)" = "" ]
	printf 'apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {name: p, namespace: metallb-system}\nspec: {addresses: [192.0.2.10-192.0.2.11]}\n' >cluster/pool.yaml
	has_address one 192.0.2.10
	has_address two 192.0.2.11
	service three >cluster/three.yaml
	until_has out.1 '"name":"three".*"refused"|"name":"three".*"waiting"'
	rm cluster/one.yaml
	has_address three 192.0.2.10
	stop_controller 1
	before=$(find cluster -type f -printf '%p %i %C@\n' | grep -v Event | sort)
	controller 2 # moves nothing
	stop_controller 2
	[ "$(find cluster -type f -printf '%p %i %C@\n' | grep -v Event | sort)" = "$before" ]
	has_address three 192.0.2.10
	has_address two 192.0.2.11
}
