#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# the container image: built from what make made, nothing in it but a shell, lbctl and its libraries

bats_require_minimum_version 1.5.0

setup_file() {
	type buildah setcap busybox >/dev/null || skip 'needs buildah, setcap and busybox (make deps)'
	LBCTL=$BUILD/lbctl deploy/image/build "$BATS_FILE_TMPDIR/lbctl.tar" >"$BATS_FILE_TMPDIR/said"
	mkdir "$BATS_FILE_TMPDIR/image" "$BATS_FILE_TMPDIR/root"
	tar xf "$BATS_FILE_TMPDIR/lbctl.tar" -C "$BATS_FILE_TMPDIR/image"
	jq -r '.[0].Layers[]' "$BATS_FILE_TMPDIR/image/manifest.json" | while read -r layer; do
		tar --xattrs --xattrs-include='*' -xf "$BATS_FILE_TMPDIR/image/$layer" -C "$BATS_FILE_TMPDIR/root"
	done
	mknod -m 666 "$BATS_FILE_TMPDIR/root/dev/null" c 1 3 # a container's own
}

setup() {
	cd "$BATS_TEST_DIRNAME/../.." || return
	root=$BATS_FILE_TMPDIR/root
	script=$BATS_TEST_TMPDIR/script
}

inside() { # as the user of the manifests, without any capability
	chroot --userspec=65534:65534 "$root" "$@"
}

# the shell script that FILE's container runs
script_of() {
	sed -n '/^ *args:$/,/^ *env:$/{/^ *args:$/d; /- |$/d; /^ *env:$/d; p}' "$1"
}

@test "it is a docker archive with the name that the manifests ask for" {
	version=$(lbctl --version)
	[ "$(jq -r '.[0].RepoTags[0]' "$BATS_FILE_TMPDIR/image/manifest.json")" = "localhost/lbctl:${version#lbctl }" ]
	sed 's/.*: /# image /' "$BATS_FILE_TMPDIR/said" >&3
}

@test "lbctl runs in it" {
	run -0 inside /bin/lbctl --version
	[ "$output" = "$(lbctl --version)" ]
	for c in $(lbctl --list); do
		inside /bin/lbctl "$c" --help >/dev/null
	done
}

@test "there is nothing else in it" {
	run -0 find "$root" -type f ! -path '*/lib*/*.so*'
	[ "$(sort <<<"$output")" = "$(printf '%s\n' "$root"/bin/{busybox,lbctl} "$root/etc/passwd")" ]
	run -0 find "$root" -perm /6000
	[ -z "$output" ]
}

@test "lbctl may take up its capabilities where the container has them, and starts where it does not" {
	[ "$(getcap "$root/bin/lbctl" | tr , '\n' | sed 's/.* //; s/=p$//' | sort | xargs)" = 'cap_bpf cap_ipc_lock cap_net_admin cap_net_raw cap_sys_nice' ]
	[[ "$(getcap "$root/bin/lbctl")" = *=p ]]
	setpriv --bounding-set=-net_raw,-sys_nice,-ipc_lock,-bpf,-net_admin chroot --userspec=65534:65534 "$root" /bin/lbctl --version
}

@test "its shell reads the manifests' pipelines, and fails when any part of one does" {
	for f in deploy/controller.yaml deploy/speaker.yaml; do
		script_of "$f" >"$script"
		grep -q '| lbctl apply' "$script"
		inside /bin/sh -euo pipefail -n -c "$(cat "$script")"
	done
	run -3 inside /bin/sh -euo pipefail -c 'sh -c "exit 3" | : & wait $!'
}

# a stand-in for lbctl: each stage notes its beginning and its end
stages() {
	cat >"$root/bin/stage" <<-'END'
		#!/bin/sh
		case "$*" in
		"watch -k "*) trap 'exit 0' TERM; echo started >&2; while :; do busybox sleep 0.05; done ;;
		*) busybox cat; echo "$1 drained" >&2; [ "$1" != "$FAIL" ] || exit 6 ;;
		esac
	END
	chmod 755 "$root/bin/stage"
}

@test "TERM to its shell ends the source, drains every stage in order and gives the pipeline's status" {
	stages
	for fail in '' elect; do
		rm -f "$BATS_TEST_TMPDIR/said"
		script_of deploy/speaker.yaml | sed 's/lbctl /stage /g' >"$script"
		EXCLUDE='' SECRET=/none FAIL=$fail PATH=/bin:$PATH chroot "$root" /bin/sh -euo pipefail -c "$(cat "$script")" 2>"$BATS_TEST_TMPDIR/said" 3>&- &
		pid=$!
		timeout 20 sh -c "until grep -q started $BATS_TEST_TMPDIR/said; do sleep 0.05; done"
		kill -TERM $pid
		status=0
		wait $pid || status=$?
		cat "$BATS_TEST_TMPDIR/said"
		[ "$(cat "$BATS_TEST_TMPDIR/said")" = $'started\nmembers drained\nelect drained\nannounce drained\napply drained\nwatch drained' ]
		[ "$fail$status" = 0 ] || [ "$fail$status" = elect6 ]
	done
	rm "$root/bin/stage"
}
