#compdef lbctl
# zsh completion for lbctl; written by `make completions`
_lbctl() {
	if ((CURRENT == 2)); then
		local -a names=(
			'allocate:give each Service an address out of a pool, or say why not'
			'announce:answer ARP and NDP for the addresses of this node'\''s Announcements'
			'apply:write what the stages before it decided'
			'arping:ask the network who has an address'
			'elect:decide which node announces the addresses of each Service'
			'members:tell which nodes have a live speaker'
			'watch:write the world as a stream\: an API server, a directory, a recording'
			'help:tell the options of a command'
		)
		_describe command names
		return
	fi
	shift words
	((CURRENT--))
	case $words[1] in
	allocate)
		_arguments \
			'--lb-class=[only Services of this loadBalancerClass; default\: only those without one]:CLASS:' \
			'--namespace=[where the configuration is; default\: $METALLB_NAMESPACE, else metallb-system]:NAME:' \
			'--on-pool-change=[keep\: an address whose pool no longer has it is kept; default\: move]:WHAT:' \
			'--reuse-delay=[a released address is given to nobody else before this has passed]:DURATION:' \
			'--sticky[a Service that is made again gets what it had, while that is free]' \
			'--what-if[tell what the records after the snapshot would do to each address; want nothing]' \
			'--output=[json, table, wide or name; a table on a terminal, else json]:FORMAT:(json table wide name)' \
			'-o+[json, table, wide or name; a table on a terminal, else json]:FORMAT:(json table wide name)' \
			'--log=[error, warn, info or debug]:LEVEL:(error warn info debug)' \
			'*:operand:_files' ;;
	announce)
		_arguments \
			'--node=[announce what is this node'\''s; default\: $NODE_NAME, else the host name]:NAME:' \
			'*--interface=[use only interfaces whose name matches; repeatable]:GLOB:' \
			'*-i+[use only interfaces whose name matches; repeatable]:GLOB:' \
			'*--exclude=[leave interfaces alone whose name matches; repeatable]:REGEX:' \
			'--exclude-file=[more of them, from MetalLB'\''s file excludel2.yaml]:FILE:_files' \
			'--grace=[answer for that long after a withdrawal, or until another node takes over; default 1s]:DURATION:' \
			'--refresh=[announce each address again after that long, 0s\: never; default 4m]:DURATION:' \
			'--rate=[announce and probe with at most N frames a second on an interface, 0\: as fast as it goes; default 5000]:N:' \
			'--probe=[ask for that long whether an address that is new is free, 0s\: don'\''t; default 10ms]:DURATION:' \
			'*--ignore-mac=[a router that answers for everybody (proxy ARP), whose claims don'\''t count; repeatable]:MAC:' \
			'--defend=[announce an address again when another host claims it\: once (in 10 s), always or never; default once]:HOW:' \
			'--bind[put each address on an interface too, for hosts without kube-proxy]' \
			'--bind-interface=[with --bind, the interface; default\: the first that the address is announced on]:NAME:' \
			'--run-dir=[tell what was counted on the unix socket DIR/announce.sock]:DIR:_files' \
			'--links[tell the cluster on which interfaces this node can announce, so that it is elected for no other]' \
			'--addresses[tell the cluster which addresses this node announces, for the failback of lbctl elect]' \
			'--output=[json, wide, name or table]:FORMAT:(json table wide name)' \
			'-o+[json, wide, name or table]:FORMAT:(json table wide name)' \
			'--log=[error, warn, info or debug; debug\:l2 tells each frame]:LEVEL:(error warn info debug)' \
			'*:operand:_files' ;;
	apply)
		_arguments \
			'--to=[write to DIR/.lbctl instead of an API server]:DIR:_files' \
			'-t+[write to DIR/.lbctl instead of an API server]:DIR:_files' \
			'--dry-run[write nothing, tell what would be written]' \
			'-n[write nothing, tell what would be written]' \
			'--timeout=[how long to go on writing after the end of input (5s)]:TIME:' \
			'--in-flight=[writes under way at once (16)]:N:' \
			'--kubeconfig=[how to reach the API server; else $KUBECONFIG, in-cluster or ~/.kube/config]:FILE:_files' \
			'--context=[a context of the kubeconfig]:NAME:' \
			'--output=[json, table, wide or name; a table on a terminal, else json]:FORMAT:(json table wide name)' \
			'-o+[json, table, wide or name; a table on a terminal, else json]:FORMAT:(json table wide name)' \
			'--log=[error, warn, info or debug; debug\:kube,apply for some parts]:LEVEL:(error warn info debug)' \
			'*:operand:_files' ;;
	arping)
		_arguments \
			'--count=[ask each address N times, 0\: until interrupted; default 3]:N:' \
			'-c+[ask each address N times, 0\: until interrupted; default 3]:N:' \
			'--deadline=[end after that time, whatever is outstanding]:DURATION:' \
			'-w+[end after that time, whatever is outstanding]:DURATION:' \
			'--interval=[between two probes of an address; default 1s, for ranges 300ms]:DURATION:' \
			'-i+[between two probes of an address; default 1s, for ranges 300ms]:DURATION:' \
			'--interface=[ask there; default\: where the route leads, or the only interface that can]:NAME:' \
			'-I+[ask there; default\: where the route leads, or the only interface that can]:NAME:' \
			'--source=[ask from that address of this host, or 0.0.0.0, or \:\:]:ADDRESS:' \
			'-s+[ask from that address of this host, or 0.0.0.0, or \:\:]:ADDRESS:' \
			'--first[end at the first answer]' \
			'-1[end at the first answer]' \
			'--quiet[print nothing; the exit status tells]' \
			'-q[print nothing; the exit status tells]' \
			'--duplicate[probe as RFC 5227 does before an address is taken; exit 0\: free, 4\: taken]' \
			'-D[probe as RFC 5227 does before an address is taken; exit 0\: free, 4\: taken]' \
			'--gratuitous[tell everybody that the address is here, as a speaker does]' \
			'-U[tell everybody that the address is here, as a speaker does]' \
			'--who[one line an address\: the node that has it, and its MAC]' \
			'--watch[ask on and on, ten times a second, and print changes only, with the length of gaps]' \
			'--pool=[sweep that pool\: who holds, who announces, who answers for each address]:NAME:' \
			'--lb-class=[with --pool\: Services of this loadBalancerClass; default\: those without one]:CLASS:' \
			'--pcap=[write the frames about the addresses to FILE, for Wireshark]:FILE:_files' \
			'--rate=[at most N frames a second; default 1000]:N:' \
			'--output=[text (the default) or json]:FORMAT:(json text)' \
			'-o+[text (the default) or json]:FORMAT:(json text)' \
			'--from=[a directory of manifests or a recording instead of an API server]:DIR|FILE|-:_files' \
			'-f+[a directory of manifests or a recording instead of an API server]:DIR|FILE|-:_files' \
			'--kubeconfig=[how to reach the API server; else $KUBECONFIG, in-cluster or ~/.kube/config]:FILE:_files' \
			'--context=[a context of the kubeconfig]:NAME:' \
			'--namespace=[where the configuration lives; else $METALLB_NAMESPACE or metallb-system]:NAME:' \
			'*:operand:_files' ;;
	elect)
		_arguments \
			'--node=[announce what is this node'\''s; default\: $NODE_NAME, else the host name]:NAME:' \
			'*--down=[what if these nodes were dead; repeatable]:NODE,...:' \
			'*--drain=[what if these nodes announced nothing; repeatable]:NODE,...:' \
			'*--add=[what if these nodes were there and alive; repeatable]:NODE,...:' \
			'--spread=[by the order alone, as MetalLB (hash), or evenly; the same on all nodes]:hash|balanced:' \
			'--failback=[whether a node that returns takes its addresses back; default immediate]:immediate|delay|never:' \
			'--failback-delay=[with --failback delay, after having been alive for that long; default 1m]:DURATION:' \
			'--lb-class=[only Services of this loadBalancerClass; default\: only those without one]:CLASS:' \
			'--ignore-exclude-lb[a node'\''s label exclude-from-external-load-balancers does not count]' \
			'--namespace=[where the configuration is; default\: $METALLB_NAMESPACE, else metallb-system]:NAME:' \
			'--output=[json, table, wide or name; a table on a terminal, else json]:FORMAT:(json table wide name)' \
			'-o+[json, table, wide or name; a table on a terminal, else json]:FORMAT:(json table wide name)' \
			'--log=[error, warn, info or debug]:LEVEL:(error warn info debug)' \
			'--lease=[run COMMAND, and only while holding this Lease]:NAME:' \
			'--lease-duration=[how long the others wait for a holder that is silent (15s)]:TIME:' \
			'--renew-deadline=[how long to try to renew the Lease before COMMAND is stopped (10s)]:TIME:' \
			'--retry-period=[between two tries to take or renew the Lease (2s)]:TIME:' \
			'--kubeconfig=[how to reach the API server; else $KUBECONFIG, in-cluster or ~/.kube/config]:FILE:_files' \
			'--context=[a context of the kubeconfig]:NAME:' \
			'*:operand:_files' ;;
	members)
		_arguments \
			'--node=[be this node'\''s speaker; default\: $NODE_NAME, else the host name]:NAME:' \
			'--secret-file=[sign packets with the secret in there, and refuse others]:FILE:_files' \
			'--port=[of UDP, the same on all nodes; default 7946]:N:' \
			'--interval=[between two packets to a node; default 100ms, and more from 34 nodes on]:DURATION:' \
			'--multiplier=[a node that is not heard for so many intervals is dead; default 3]:N:' \
			'--no-wait[join when the world is read, whether or not lbctl announce is ready]' \
			'--output=[json, wide, name or table]:FORMAT:(json table wide name)' \
			'-o+[json, wide, name or table]:FORMAT:(json table wide name)' \
			'*:operand:_files' ;;
	watch)
		_arguments \
			'*--kinds=[what to watch, or controller or speaker for what those read; else what both do]:KIND,...:' \
			'*-k+[what to watch, or controller or speaker for what those read; else what both do]:KIND,...:' \
			'--once[write what exists and exit]' \
			'--full[keep managedFields and the last-applied annotation]' \
			'--output=[json, table, wide or name; a table on a terminal, else json]:FORMAT:(json table wide name)' \
			'-o+[json, table, wide or name; a table on a terminal, else json]:FORMAT:(json table wide name)' \
			'--log=[error, warn, info or debug; debug\:kube tells of the API server]:LEVEL:(error warn info debug)' \
			'--from=[a directory of manifests or a recording instead of an API server]:DIR|FILE|-:_files' \
			'-f+[a directory of manifests or a recording instead of an API server]:DIR|FILE|-:_files' \
			'--kubeconfig=[how to reach the API server; else $KUBECONFIG, in-cluster or ~/.kube/config]:FILE:_files' \
			'--context=[a context of the kubeconfig]:NAME:' \
			'--namespace=[where the configuration lives; else $METALLB_NAMESPACE or metallb-system]:NAME:' \
			'*:operand:_files' ;;
	esac
}
_lbctl "$@"
