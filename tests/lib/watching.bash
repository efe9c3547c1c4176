# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# watching: a directory of manifests, `cluster`, in the folder of the test, and lbctl watch on it.  For bats.

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	mkdir cluster
	pids=() as=()
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

# start OPTION...: watches into `out`, messages into `err`, as ${as[@]}; waits for the first bookmark
start() {
	"${as[@]}" lbctl watch "$@" >out 2>err 3>&- &
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
