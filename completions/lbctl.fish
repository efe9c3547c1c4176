# fish completion for lbctl; written by `make completions`
complete -c lbctl -n __fish_use_subcommand -f -a announce -d 'answer ARP for the addresses of this node\'s Announcements'
complete -c lbctl -n '__fish_seen_subcommand_from announce' -l node -x -d 'announce what is this node\'s; default: $NODE_NAME, else the host name'
complete -c lbctl -n '__fish_seen_subcommand_from announce' -l interface -s i -x -d 'use only interfaces whose name matches; repeatable'
complete -c lbctl -n '__fish_seen_subcommand_from announce' -l exclude -x -d 'leave interfaces alone whose name matches; repeatable'
complete -c lbctl -n '__fish_seen_subcommand_from announce' -l grace -x -d 'answer for that long after a withdrawal, or until another node takes over; default 1s'
complete -c lbctl -n '__fish_seen_subcommand_from announce' -l bind -d 'put each address on an interface too, for hosts without kube-proxy'
complete -c lbctl -n '__fish_seen_subcommand_from announce' -l bind-interface -x -d 'with --bind, the interface; default: the first that the address is announced on'
complete -c lbctl -n '__fish_seen_subcommand_from announce' -l output -s o -x -a 'json table wide name' -d 'json, wide, name or table'
