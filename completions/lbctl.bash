# bash completion for lbctl; written by `make completions`
_lbctl() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} words=
	case $prev in
	-o|--output)
		case ${COMP_WORDS[1]} in
		allocate) words='json table wide name' ;;
		announce) words='json table wide name' ;;
		apply) words='json table wide name' ;;
		arping) words='json text' ;;
		elect) words='json table wide name' ;;
		members) words='json table wide name' ;;
		watch) words='json table wide name' ;;
		esac ;;
	--log) words='error warn info debug' ;;
	esac
	if [ -z "$words" ]; then
		case ${COMP_WORDS[1]} in
		allocate) words=' --lb-class --namespace --on-pool-change --reuse-delay --sticky --what-if --output -o --log --help' ;;
		announce) words=' --node --interface -i --exclude --exclude-file --grace --refresh --rate --probe --ignore-mac --defend --bind --bind-interface --run-dir --links --addresses --output -o --log --help' ;;
		apply) words=' --to -t --dry-run -n --timeout --in-flight --kubeconfig --context --output -o --log --help' ;;
		arping) words=' --count -c --deadline -w --interval -i --interface -I --source -s --first -1 --quiet -q --duplicate -D --gratuitous -U --who --watch --pool --lb-class --pcap --rate --output -o --from -f --kubeconfig --context --namespace --help' ;;
		elect) words=' --node --down --drain --add --spread --failback --failback-delay --lb-class --ignore-exclude-lb --namespace --output -o --log --lease --lease-duration --renew-deadline --retry-period --kubeconfig --context --help' ;;
		members) words=' --node --secret-file --port --interval --multiplier --no-wait --output -o --help' ;;
		watch) words=' --kinds -k --once --full --output -o --log --from -f --kubeconfig --context --namespace --help' ;;
		esac
		[ "$COMP_CWORD" -gt 1 ] || words='--help --version help allocate announce apply arping elect members watch'
	fi
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
	[ ${#COMPREPLY[@]} -gt 0 ] || mapfile -t COMPREPLY < <(compgen -f -- "$cur")
}
complete -o filenames -F _lbctl lbctl
