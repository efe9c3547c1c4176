# SPDX-License-Identifier: Apache-2.0
# lbctl itself: what every subcommand must have, and what every failure looks like.

bats_require_minimum_version 1.5.0

setup() {
	[ "$(lbctl --list | wc -l)" -ge 6 ] # the loops below have something to go over
}

@test "every command has help, a manual page, tests and a completion" {
	for c in $(lbctl --list); do
		lbctl "$c" --help | head -n 1 | grep -q "^usage: lbctl $c"
		[ "$(lbctl help "$c")" = "$(lbctl "$c" --help)" ]
		test -f "man/lbctl-$c.1"
		compgen -G "tests/cli/$c.bats" || compgen -G "tests/net/$c.bats"
		grep -q "$c" completions/lbctl.bash completions/lbctl.zsh completions/lbctl.fish
	done
}

@test "the manual page of a command names exactly the options that its table has" {
	for c in $(lbctl --list); do
		diff <(lbctl "$c" --help | grep -oE -- '--[a-z][a-z0-9-]+' | grep -vx -- --help | sort -u) \
			<(sed 's/\\-/-/g' "man/lbctl-$c.1" | sed -n '/^\.Sh OPTIONS/,/^\.Sh [^O]/p' |
				grep -oE '^\.It (Fl [A-Za-z0-9]( Ar [^ ]+)? , )?Fl Fl [a-z][a-z0-9-]+|^\.It Fl [A-Za-z0-9] .*Fl Fl [a-z][a-z0-9-]+' |
				grep -oE 'Fl Fl [a-z0-9-]+' | sed 's/Fl Fl /--/' | grep -vx -- --help | sort -u) || {
			echo "$c"
			false
		}
	done
}

@test "completions are what the tables say" {
	for shell in bash zsh fish; do
		diff <(lbctl --completion $shell) completions/lbctl.$shell
	done
}

@test "bash completes commands and options" {
	source completions/lbctl.bash
	COMP_WORDS=(lbctl el) COMP_CWORD=1
	_lbctl
	[ "${COMPREPLY[*]}" = elect ]
	COMP_WORDS=(lbctl elect --no) COMP_CWORD=2
	_lbctl
	[ "${COMPREPLY[*]}" = --node ]
}

@test "completions offer the formats that a command takes" {
	source completions/lbctl.bash
	COMP_CWORD=3
	for c in allocate announce apply elect members watch; do
		COMP_WORDS=(lbctl $c -o '')
		_lbctl
		[ "${COMPREPLY[*]}" = "json table wide name" ]
	done
	COMP_WORDS=(lbctl arping --output '')
	_lbctl
	[ "${COMPREPLY[*]}" = "json text" ]
	grep -qF -- "-o+[text (the default) or json]:FORMAT:(json text)'" completions/lbctl.zsh
	grep -q "from arping' -l output -s o -x -a 'json text' " completions/lbctl.fish
}

@test "an unknown command or option is a usage error with a way out" {
	run -2 lbctl nope
	[ "$output" = "lbctl: no command 'nope'; lbctl help lists them" ]
	run -2 lbctl help nope
	for c in $(lbctl --list); do
		run -2 lbctl "$c" --nope
		[ "$output" = "lbctl $c: unknown option --nope; --help lists them" ]
	done
}

@test "the version is told" {
	lbctl --version | grep -qE '^lbctl [0-9]+\.[0-9]+\.[0-9]+$'
}

@test "output that can't be written is a failure" {
	run -1 bash -c 'lbctl --help >/dev/full'
	[[ $output == *"writing standard output"* ]]
}

@test "the table of Decision codes in lbctl-stream(5) is the code's" {
	diff <(lbctl --codes) <(sed -n '/^\.Sh DECISION CODES/,/^\.El/p' man/lbctl-stream.5 |
		sed -n '/^\.It Cm /{s///;N;s/\n/\t/;p}')
}

@test "--log knows each part that tells something, and no other" {
	run -2 lbctl announce --log debug:nope
	[[ $output == *"nobody speaks as 'nope'; after the colon want some of "* ]]
	parts=$(cat cmd/*.c pkg/*/*.c | tr -d '\n' | grep -oE 'log_debug\([[:space:]]*"[a-z0-9]+"' | cut -d '"' -f 2 | sort -u)
	[ "$(paste -sd , <<<"$parts")" = "${output##* }" ]
}
