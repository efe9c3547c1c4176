#compdef lbctl
# zsh completion for lbctl; written by `make completions`
_lbctl() {
	if ((CURRENT == 2)); then
		local -a names=(
			'announce:answer ARP for the addresses of this node'\''s Announcements'
			'help:tell the options of a command'
		)
		_describe command names
		return
	fi
	shift words
	((CURRENT--))
	case $words[1] in
	announce)
		_arguments \
			'--node=[announce what is this node'\''s; default\: $NODE_NAME, else the host name]:NAME:' \
			'*--interface=[use only interfaces whose name matches; repeatable]:GLOB:' \
			'*-i+[use only interfaces whose name matches; repeatable]:GLOB:' \
			'*--exclude=[leave interfaces alone whose name matches; repeatable]:GLOB:' \
			'--grace=[answer for that long after a withdrawal, or until another node takes over; default 1s]:DURATION:' \
			'--bind[put each address on an interface too, for hosts without kube-proxy]' \
			'--bind-interface=[with --bind, the interface; default\: the first that the address is announced on]:NAME:' \
			'--output=[json, wide, name or table]:FORMAT:(json table wide name)' \
			'-o+[json, wide, name or table]:FORMAT:(json table wide name)' \
			'*:operand:_files' ;;
	esac
}
_lbctl "$@"
