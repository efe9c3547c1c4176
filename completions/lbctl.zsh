#compdef lbctl
# zsh completion for lbctl; written by `make completions`
_lbctl() {
	if ((CURRENT == 2)); then
		local -a names=(
			'help:tell the options of a command'
		)
		_describe command names
		return
	fi
	shift words
	((CURRENT--))
	case $words[1] in
	esac
}
_lbctl "$@"
