# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# cluster: a real Kubernetes control plane on a LAN of namespaces, for the tests of the API.
#
#	source tests/lib/lan.bash; source tests/lib/cluster.bash
#	lan_up control=1 node-a=11 node-b=12 client=100
#	cluster_up                         # etcd, API server (RBAC), controllers, on host `control`
#	cluster_node node-a                # a Node that is Ready, and a real kube-proxy on that host
#	kube apply -f deploy/samples/nginx.yaml        # kubectl, as admin
#	kapi GET /api/v1/namespaces/default/services   # curl, as admin
#	cluster_pods default               # be scheduler and kubelet to what the controllers made
#	cluster_down; lan_down
#
# Everything runs in the LAN's namespaces, so that clusters stand side by side and lan_down ends
# whatever is left.  State is in the folder $CLUSTER; from setup_file, `export CLUSTER LAN`.
# Pods are namespaces behind a veth of their node; what runs in one is the caller's.

CLUSTER_LIB=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
CLUSTER_API=https://192.0.2.1:6443 # host `control` is control=1

# cluster_up [API SERVER FLAG...]
# shellcheck disable=SC2120
cluster_up() {
	CLUSTER=$(mktemp -d "${TMPDIR:-/tmp}/lbctl-cluster.$LAN.XXXXXX") || return
	cluster_remove_stale
	[ -n "${BATS_VERSION:-}" ] || trap 'set +e; cluster_down; lan_down' EXIT
	cluster_programs >"$CLUSTER/programs" || return
	cluster_certificates >"$CLUSTER/openssl.log" 2>&1 || { cat "$CLUSTER/openssl.log" >&2; return 1; }
	printf '%s\n' "$@" >"$CLUSTER/apiserver.flags"
	cluster_kubeconfig admin >/dev/null
	cluster_start etcd && cluster_start kube-apiserver && cluster_start kube-controller-manager
}

cluster_down() {
	local pid
	[ -n "${CLUSTER:-}" ] || return 0
	for pid in "$CLUSTER"/*.pid; do
		[ ! -e "$pid" ] || cluster_stop "$(basename "$pid" .pid)" KILL
	done
	rm -rf "$CLUSTER"
	unset CLUSTER
}

cluster_remove_stale() { # folders whose LAN's process has gone
	local dir pid
	for dir in "${TMPDIR:-/tmp}"/lbctl-cluster.lb*; do
		pid=${dir##*lbctl-cluster.lb}
		[ -d "/proc/${pid%%.*}" ] || rm -rf "$dir"
	done
}

# Lines "NAME PATH": from $KUBEBUILDER_ASSETS, from PATH when all are there, else our own build.
cluster_programs() {
	local name dir names='etcd kube-apiserver kube-controller-manager kube-proxy kubectl'
	# shellcheck disable=SC2086 # words
	if [ "$(type -P $names | wc -l)" -eq 5 ]; then
		for name in $names; do
			echo "$name $(type -P "$name")"
		done
		return
	fi
	for name in $names; do
		if [ -x "${KUBEBUILDER_ASSETS:-}/$name" ]; then
			echo "$name $KUBEBUILDER_ASSETS/$name"
		else
			dir=${dir:-$("$CLUSTER_LIB/../kube/build")} || return
			echo "$name $dir/$name"
		fi
	done
}

cluster_program() { # NAME
	sed -n "s/^$1 //p" "$CLUSTER/programs"
}

# --- its processes ---------------------------------------------------------------------------

# cluster_start NAME: etcd, kube-apiserver or kube-controller-manager; ready when it returns.
# What it says is in $CLUSTER/NAME.log.
cluster_start() {
	local flags=()
	case $1 in
	etcd)
		flags=(--data-dir "$CLUSTER/etcd" --unsafe-no-fsync --log-level error
			--heartbeat-interval 20 --election-timeout 200
			--listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379
			--listen-peer-urls http://127.0.0.1:2380)
		;;
	kube-apiserver)
		mapfile -t flags < <(grep . "$CLUSTER/apiserver.flags")
		# shellcheck disable=SC2054 # commas of its own
		flags+=(--etcd-servers=http://127.0.0.1:2379 --authorization-mode=RBAC --allow-privileged
			--advertise-address=192.0.2.1 --bind-address=0.0.0.0 --secure-port=6443
			--tls-cert-file="$CLUSTER/serving.crt" --tls-private-key-file="$CLUSTER/serving.key"
			--client-ca-file="$CLUSTER/ca.crt" --cert-dir="$CLUSTER"
			--service-account-issuer=https://kubernetes.default.svc
			--service-account-key-file="$CLUSTER/sa.pub" --service-account-signing-key-file="$CLUSTER/sa.key"
			--service-cluster-ip-range=10.96.0.0/16,fd00:96::/112)
		;;
	kube-controller-manager) # Nodes are Ready for as long as a test says so
		cluster_kubeconfig kube-controller-manager >/dev/null
		# shellcheck disable=SC2054 # commas of its own
		flags=(--kubeconfig="$CLUSTER/kube-controller-manager.kubeconfig" --leader-elect=false
			--service-account-private-key-file="$CLUSTER/sa.key" --root-ca-file="$CLUSTER/ca.crt"
			--kube-api-qps=1000 --kube-api-burst=1000
			--use-service-account-credentials --controllers='*,-node-lifecycle-controller' --secure-port=10257
			--cert-dir="$CLUSTER" --authentication-kubeconfig= --authorization-kubeconfig=)
		;;
	esac
	cluster_spawn "$1" control "$(cluster_program "$1")" "${flags[@]}" || return
	cluster_wait "$1" "cluster_ready_$1"
}

# cluster_wait NAME COMMAND...: until it succeeds; fails when process NAME ends, or after a minute
cluster_wait() {
	local n name=$1
	shift
	for ((n = 0; n < 600; n++)); do
		! "$@" || return 0
		cluster_alive "$name" || break
		sleep 0.1
	done
	echo "$name does not come up:" >&2
	tail -n 5 "$CLUSTER/$name.log" >&2
	return 1
}

cluster_ready_etcd() {
	lan_run control curl -sf -o /dev/null http://127.0.0.1:2379/health
}

cluster_ready_kube-apiserver() {
	[ "$(kapi GET /readyz 2>/dev/null)" = ok ]
}

cluster_ready_kube-controller-manager() { # it makes every namespace's ServiceAccount
	kapi GET /api/v1/namespaces/default/serviceaccounts/default >/dev/null 2>&1
}

# cluster_spawn NAME HOST COMMAND...: in the background, its pid in $CLUSTER/NAME.pid and its
# output in $CLUSTER/NAME.log
cluster_spawn() {
	local name=$1
	shift
	ip netns exec "$(lan_ns "$1")" "${@:2}" >>"$CLUSTER/$name.log" 2>&1 </dev/null 3>&- &
	echo $! >"$CLUSTER/$name.pid"
	disown # no word of the shell about its end
}

cluster_alive() { # NAME: any thread of it, for the first may have ended while another holds its sockets
	local stat pid
	pid=$(cat "$CLUSTER/$1.pid")
	stat=$(cat "/proc/$pid/stat" 2>/dev/null) || return 1 # a number, since in a trap the status would be another
	[[ ${stat##*) } != Z* ]] || [ "$(find "/proc/$pid/task" -mindepth 1 -maxdepth 1 2>/dev/null | wc -l)" -gt 1 ]
}

# cluster_stop NAME [SIGNAL]: ends what cluster_spawn or cluster_start started
cluster_stop() {
	[ -e "$CLUSTER/$1.pid" ] || return 0
	kill -s "${2:-TERM}" "$(cat "$CLUSTER/$1.pid")" 2>/dev/null || true
	wait_for 20 eval "! cluster_alive $1" && rm -f "$CLUSTER/$1.pid"
}

# Forgets every revision before the present one, so that watches from an older one are answered 410.
cluster_compact() {
	local revision
	revision=$(lan_run control curl -sf http://127.0.0.1:2379/v3/kv/range \
		-d "{\"key\":\"$(printf / | base64)\"}" | jq -r .header.revision) || return
	lan_run control curl -sf -o /dev/null http://127.0.0.1:2379/v3/kv/compaction \
		-d "{\"revision\":\"$revision\",\"physical\":true}"
}

# --- who one is -------------------------------------------------------------------------------

cluster_certificates() {
	local days=2
	cd "$CLUSTER" || return
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days $days \
		-subj /CN=test-ca -keyout ca.key -out ca.crt &&
		openssl genrsa -out sa.key 2048 && openssl rsa -in sa.key -pubout -out sa.pub &&
		cluster_certificate serving /CN=kube-apiserver serverAuth &&
		cluster_certificate admin /O=system:masters/CN=admin clientAuth &&
		cluster_certificate kube-controller-manager /CN=system:kube-controller-manager clientAuth &&
		cluster_certificate kube-proxy /CN=system:kube-proxy clientAuth
	local status=$?
	cd "$OLDPWD" && return $status
}

cluster_certificate() { # NAME SUBJECT USAGE
	local names='DNS:kubernetes.default.svc,DNS:kubernetes,DNS:localhost,IP:127.0.0.1,IP:192.0.2.1,IP:10.96.0.1'
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "$2" \
		-keyout "$1.key" -out "$1.csr" &&
		openssl x509 -req -in "$1.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -out "$1.crt" \
			-extfile <(printf 'extendedKeyUsage=%s\nsubjectAltName=%s\n' "$3" "$names")
}

# cluster_kubeconfig NAME [NAMESPACE SERVICEACCOUNT]: writes $CLUSTER/NAME.kubeconfig and prints
# its path: with the client certificate NAME, or as a ServiceAccount with its token in a file
cluster_kubeconfig() {
	local user="client-certificate: $CLUSTER/$1.crt, client-key: $CLUSTER/$1.key"
	if [ $# -eq 3 ]; then
		cluster_token "$2" "$3" >"$CLUSTER/$1.token" || return
		user="tokenFile: $CLUSTER/$1.token"
	fi
	cat >"$CLUSTER/$1.kubeconfig" <<-END
		apiVersion: v1
		kind: Config
		current-context: test
		clusters: [{name: test, cluster: {server: $CLUSTER_API, certificate-authority: $CLUSTER/ca.crt}}]
		users: [{name: test, user: {$user}}]
		contexts: [{name: test, context: {cluster: test, user: test}}]
	END
	echo "$CLUSTER/$1.kubeconfig"
}

# cluster_token NAMESPACE SERVICEACCOUNT [KIND NAME UID]: a token, bound to an object (and refused
# once that has gone) if one is named
cluster_token() {
	local bound=''
	[ $# -lt 5 ] || bound=",\"boundObjectRef\":{\"apiVersion\":\"v1\",\"kind\":\"$3\",\"name\":\"$4\",\"uid\":\"$5\"}"
	kapi POST "/api/v1/namespaces/$1/serviceaccounts/$2/token" "{\"spec\":{\"expirationSeconds\":3600$bound}}" |
		jq -re .status.token
}

# kapi METHOD PATH [BODY]: as admin, or with $KAPI_TOKEN.  PATCH merges; APPLY is server-side
# apply (fieldManager in the PATH).  Fails, with the server's Status on stdout, from 400 on.
kapi() {
	local method=$1 type=application/json as=(--cert "$CLUSTER/admin.crt" --key "$CLUSTER/admin.key")
	case $1 in
	PATCH) type=application/merge-patch+json ;;
	APPLY) method=PATCH type=application/apply-patch+yaml ;;
	esac
	[ -z "${KAPI_TOKEN:-}" ] || as=(-H "Authorization: Bearer $KAPI_TOKEN")
	lan_run control curl -sS --fail-with-body --cacert "$CLUSTER/ca.crt" "${as[@]}" -X "$method" \
		${3:+-H "Content-Type: $type" --data-binary "$3"} "$CLUSTER_API$2"
}

# kube ARG...: kubectl as admin
kube() {
	lan_run control env KUBECONFIG="$CLUSTER/admin.kubeconfig" HOME="$CLUSTER" \
		"$(cluster_program kubectl)" "$@"
}

# --- nodes, pods, Services ----------------------------------------------------------------------

# cluster_node HOST: a Ready Node with the host's addresses, and kube-proxy on that host
cluster_node() {
	local n
	n=$(lan_number "$1")
	# Without any route to a Service's address nothing on the node itself could ask for one.
	ip -n "$(lan_ns "$1")" route add default via 192.0.2.1 || return
	kapi POST /api/v1/nodes '{"metadata":{"name":"'"$1"'","labels":{"kubernetes.io/os":"linux",
		"kubernetes.io/hostname":"'"$1"'"}}}' >/dev/null || return
	kapi PATCH "/api/v1/nodes/$1/status" '{"status":{"addresses":[
		{"type":"InternalIP","address":"192.0.2.'"$n"'"},{"type":"Hostname","address":"'"$1"'"}]}}' >/dev/null || return
	cluster_node_ready "$1" True && cluster_proxy "$1"
}

# cluster_node_ready HOST True|False|Unknown: what the node's heartbeat, or its absence, leads to
cluster_node_ready() {
	local now taints='{"key":"node.kubernetes.io/not-ready","effect":"NoSchedule"}'
	now=$(date -u +%FT%TZ)
	[ "$2" != True ] || taints=
	kapi PATCH "/api/v1/nodes/$1" '{"spec":{"taints":['"$taints"']}}' >/dev/null || return
	kapi PATCH "/api/v1/nodes/$1/status" '{"status":{"conditions":[{"type":"Ready","status":"'"$2"'",
		"reason":"Test","message":"","lastHeartbeatTime":"'"$now"'","lastTransitionTime":"'"$now"'"}]}}' >/dev/null
}

cluster_proxy() { # HOST
	lan_run "$1" sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
	[ -e "$CLUSTER/kube-proxy.kubeconfig" ] || cluster_kubeconfig kube-proxy >/dev/null
	cluster_spawn "kube-proxy-$1" "$1" "$(cluster_program kube-proxy)" \
		--kubeconfig="$CLUSTER/kube-proxy.kubeconfig" --hostname-override="$1" --proxy-mode=nftables \
		--cluster-cidr=198.51.100.0/24 --conntrack-max-per-core=0 --conntrack-tcp-timeout-established=0 \
		--conntrack-tcp-timeout-close-wait=0
}

cluster_proxied() { # HOST ADDRESS: its kube-proxy knows a Service at this address
	lan_run "$1" nft list ruleset 2>/dev/null | grep -qwF "$2"
}

# cluster_pods NAMESPACE: is scheduler and kubelet to the Pods there that have no node yet.  One of
# lbctl's runs as its Pod says (on `cluster_image`); any other is taken for a web server, and runs
# busybox httpd on port 80.  Returns when they run; a later call takes up what came since.
cluster_pods() {
	local pod
	for pod in $(kapi GET "/api/v1/namespaces/$1/pods?fieldSelector=spec.nodeName=" | jq -r '.items[].metadata.name'); do
		cluster_pod "$1" "$pod" || return
	done
}

cluster_pod() { # NAMESPACE POD
	local path=/api/v1/namespaces/$1/pods/$2 dir=$CLUSTER/pods/$2 node address host
	mkdir -p "$dir" && kapi GET "$path" >"$dir/pod.json" || return
	node=$(jq -r '[.spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution
		.nodeSelectorTerms[]?.matchFields[]?.values[]?][0] // empty' "$dir/pod.json")
	[ -n "$node" ] || node=$(cluster_next_node)
	kapi POST "$path/binding" '{"metadata":{"name":"'"$2"'"},"target":{"kind":"Node","name":"'"$node"'"}}' >/dev/null || return
	kapi GET "$path" >"$dir/pod.json" || return
	host=$node
	if jq -e '.spec.hostNetwork // false' "$dir/pod.json" >/dev/null; then
		address=192.0.2.$(lan_number "$node")
	else
		host=$2
		address=198.51.100.$(find "$CLUSTER/pods" -mindepth 1 -maxdepth 1 | wc -l)
		# shellcheck disable=SC2046 # words
		lan_behind "$host" "$node" "$address" control $(cluster_nodes) || return
	fi
	echo "$host" >"$dir/host"
	cluster_container "$1" "$2" || return
	kapi PATCH "$path/status" '{"status":{"phase":"Running","podIP":"'"$address"'","podIPs":[{"ip":"'"$address"'"}],
		"hostIP":"192.0.2.'"$(lan_number "$node")"'","conditions":[{"type":"Ready","status":"True"},
		{"type":"ContainersReady","status":"True"},{"type":"PodScheduled","status":"True"}]}}' >/dev/null
}

cluster_nodes() {
	kapi GET /api/v1/nodes | jq -r '.items[].metadata.name'
}

cluster_next_node() { # in turn
	local nodes n
	mapfile -t nodes < <(cluster_nodes)
	n=$(cat "$CLUSTER/turn" 2>/dev/null || echo 0)
	echo $((n + 1)) >"$CLUSTER/turn"
	echo "${nodes[n % ${#nodes[@]}]}"
}

# cluster_container NAMESPACE POD: starts what runs in it, as process "POD"; also again, after cluster_stop
cluster_container() {
	local dir=$CLUSTER/pods/$2 host
	host=$(cat "$dir/host")
	if ! jq -e '.spec.containers[0].image | test("/lbctl:")' "$dir/pod.json" >/dev/null; then
		mkdir -p "$dir/www" && echo "$2" >"$dir/www/index.html"
		cluster_spawn "$2" "$host" busybox httpd -f -p 80 -h "$dir/www"
		return
	fi
	mkdir -p "$dir/secrets" && cp "$CLUSTER/ca.crt" "$dir/secrets/" && printf '%s' "$1" >"$dir/secrets/namespace"
	cluster_volumes "$1" "$2" && cluster_pod_token "$1" "$2" && cluster_image &&
		cluster_spawn "$2" "$host" "$CLUSTER_LIB/container" "$dir/pod.json" "$CLUSTER/image" "$dir/secrets" "$dir/volumes"
}

# cluster_volumes NAMESPACE POD: what the kubelet makes of those that are Secrets, where there is one, or empty
cluster_volumes() {
	local dir=$CLUSTER/pods/$2 name secret key
	while read -r name secret; do
		mkdir -p "$dir/volumes/$name" && chmod 777 "$dir/volumes/$name" || return
		if [ "$secret" = - ] || ! kapi GET "/api/v1/namespaces/$1/secrets/$secret" >"$dir/secret.json" 2>&1; then
			continue
		fi
		for key in $(jq -r '.data | keys[]' "$dir/secret.json"); do
			jq -r --arg key "$key" '.data[$key]' "$dir/secret.json" | base64 -d >"$dir/volumes/$name/$key"
		done
	done < <(jq -r '.spec.volumes[]? | select(.secret or .emptyDir) | "\(.name) \(.secret.secretName // "-")"' "$dir/pod.json")
}

# cluster_pod_token NAMESPACE POD [KIND NAME UID]: writes a new token of the Pod's ServiceAccount where
# the container reads it, as the kubelet does in time; bound to the Pod, or to the object named
cluster_pod_token() {
	local dir=$CLUSTER/pods/$2
	cluster_token "$1" "$(jq -r .spec.serviceAccountName "$dir/pod.json")" "${3:-Pod}" "${4:-$2}" \
		"${5:-$(jq -r .metadata.uid "$dir/pod.json")}" >"$dir/secrets/token.new" &&
		chmod 644 "$dir/secrets/token.new" && mv "$dir/secrets/token.new" "$dir/secrets/token"
}

cluster_image() { # lbctl's root file system, once
	[ -d "$CLUSTER/image" ] || "$CLUSTER_LIB/../../deploy/image/rootfs" "$CLUSTER/image" ${BUILD:+"$BUILD/lbctl"}
}

# cluster_create PATH: what stands on stdin, one object a line, as fast as the API server takes them
cluster_create() {
	jq -rR --arg url "$CLUSTER_API$1" --arg dir "$CLUSTER" '"next", "fail",
		"url = \($url)", "cacert = \($dir)/ca.crt",
		"cert = \($dir)/admin.crt", "key = \($dir)/admin.key", "output = /dev/null",
		"header = \"Content-Type: application/json\"", "data-binary = \(tojson)"' >"$CLUSTER/create.curl"
	# whatever else it is told, it shows its progress
	lan_run control curl --parallel --parallel-max 32 -K "$CLUSTER/create.curl" 2>"$CLUSTER/create.log" ||
		{ grep '^curl: ' "$CLUSTER/create.log" >&2; return 1; }
}

# cluster_services NAMESPACE COUNT [PREFIX [FAMILY]]: so many Services of type LoadBalancer
cluster_services() {
	jq -nc --argjson n "$2" --arg prefix "${3:-svc}" --arg family "${4:-IPv4}" 'range($n) | {
		metadata: {name: "\($prefix)-\(.)", labels: {set: $prefix}},
		spec: {type: "LoadBalancer", allocateLoadBalancerNodePorts: false, ipFamilies: [$family], ports: [{port: 80}]}
	}' | cluster_create "/api/v1/namespaces/$1/services"
}

# cluster_slices NAMESPACE COUNT PREFIX NODE: an endpoint on the node for each of those Services
cluster_slices() {
	jq -nc --argjson n "$2" --arg prefix "$3" --arg node "$4" 'range($n) | {
		metadata: {name: "\($prefix)-\(.)-1", labels: {"kubernetes.io/service-name": "\($prefix)-\(.)"}},
		addressType: "IPv4", ports: [{port: 80}],
		endpoints: [{addresses: ["198.51.100.1"], nodeName: $node, conditions: {ready: true}}]
	}' | cluster_create "/apis/discovery.k8s.io/v1/namespaces/$1/endpointslices"
}

# cluster_addresses NAMESPACE [PREFIX]: lines "SERVICE ADDRESS", sorted, of those that have one
cluster_addresses() {
	kapi GET "/api/v1/namespaces/$1/services${2:+?labelSelector=set%3D$2}" |
		jq -r '.items[] | "\(.metadata.name) \(.status.loadBalancer.ingress[]?.ip)"' | sort
}

# cluster_slice NAMESPACE SERVICE NODE ADDRESS: one ready endpoint for a Service without a selector
cluster_slice() {
	kapi POST "/apis/discovery.k8s.io/v1/namespaces/$1/endpointslices" '{"metadata":{"name":"'"$2"'-manual",
		"labels":{"kubernetes.io/service-name":"'"$2"'"}},"addressType":"IPv4","ports":[{"port":80}],
		"endpoints":[{"addresses":["'"$4"'"],"nodeName":"'"$3"'","conditions":{"ready":true}}]}' >/dev/null
}

cluster_holder() { # NAMESPACE LEASE: the Pod (or host) that holds it, if one does
	kapi GET "/apis/coordination.k8s.io/v1/namespaces/$1/leases/$2" 2>/dev/null |
		jq -r '.spec.holderIdentity // "" | sub("_[^_]*$"; "")'
}

cluster_ingress() { # NAMESPACE SERVICE: its addresses, a line each
	kapi GET "/api/v1/namespaces/$1/services/$2" | jq -r '.status.loadBalancer.ingress[]?.ip'
}
