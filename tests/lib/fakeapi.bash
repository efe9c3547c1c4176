# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# fakeapi: lib/fakeapi for a bats file: an API server that does what a real one should not, in the
# test's own folder, with its state in api/.

# shellcheck source=tests/lib/wait.bash
source "$(dirname "${BASH_SOURCE[0]}")/wait.bash"

fakeapi_setup() {
	cd "$BATS_TEST_TMPDIR" || return
	unset KUBECONFIG KUBERNETES_SERVICE_HOST KUBERNETES_SERVICE_PORT METALLB_NAMESPACE
	export HOME=$PWD
	mkdir api
	pids=() client=()
}

teardown() {
	for p in "${pids[@]}"; do
		stop "$p"
	done
	[ -n "${BATS_TEST_COMPLETED:-}" ] || tail -n 50 out err ./*.err api/requests 2>/dev/null || true
}

# shellcheck disable=SC2120 # a bats file gives them
server() { # OPTION...: starts it, or starts it again where it was; $url, $server
	"$BATS_TEST_DIRNAME/../lib/fakeapi" "$@" api 2>server.log 3>&- &
	server=$!
	pids+=("$server")
	wait_for 10 test -s api/url
	url=$(cat api/url)
	wait_for 10 answers
}

stop() { # PID, without a word from the shell
	{ kill -9 "$1" && wait "$1"; } 2>/dev/null || true
}

answers() { # with the options in $client
	curl -sk --max-time 2 "${client[@]}" -o /dev/null "$url/"
}

# shellcheck disable=SC2120
kubeconfig() { # [CLUSTER-FIELDS [USER-FIELDS]]
	printf 'clusters: [{name: c, cluster: {server: "%s"%s}}]\nusers: [{name: u, user: {%s}}]\ncontexts: [{name: x, context: {cluster: c, user: u}}]\ncurrent-context: x\n' \
		"${server_url:-$url}" "${1:+, $1}" "${2:-}" >kc
	export KUBECONFIG=kc
}

# shellcheck disable=SC2119
plain() { # a server over http, and its kubeconfig
	server
	kubeconfig
}

has() { # FILE REGEX
	grep -qE -- "$2" "$1"
}
