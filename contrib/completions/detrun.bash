# SPDX-License-Identifier: Apache-2.0
# bash completion for detrun. The options are asked of detrun itself, so that they are always right.

_detrun_options()
{
	"$1" "${@:2}" --help 2>/dev/null | sed -n 's/^  *\(-[a-z], \)\{0,1\}\(--[a-z-]*\).*/\2/p'
	echo --help
}

_detrun_verbs()
{
	"$1" --help 2>/dev/null | sed -n '/^VERBS/,/^$/s/^  \([a-z]*\) .*/\1/p'
}

_detrun()
{
	local cur=$2 prev=$3 verb= verbs i

	COMPREPLY=()
	verbs=$(_detrun_verbs "$1")
	for ((i = 1; i < COMP_CWORD; i++)); do
		if [[ ${COMP_WORDS[i]} != -* && $'\n'$verbs$'\n' = *$'\n'"${COMP_WORDS[i]}"$'\n'* ]]; then
			verb=${COMP_WORDS[i]}
			break
		fi
	done
	case $prev in
	--chroot | --key | --output | -o | --log | --pid-file | --process | --config | --resources | --console-socket)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	--bundle | -b | --trace | --keep | --root | --build)
		mapfile -t COMPREPLY < <(compgen -d -- "$cur")
		return
		;;
	--network) mapfile -t COMPREPLY < <(compgen -W 'none host' -- "$cur"); return ;;
	--stdin) mapfile -t COMPREPLY < <(compgen -W 'pass none' -- "$cur"); return ;;
	--overlay) mapfile -t COMPREPLY < <(compgen -W 'kernel copy' -- "$cur"); return ;;
	--cpu) mapfile -t COMPREPLY < <(compgen -W 'x86-64-v2 x86-64-v3' -- "$cur"); return ;;
	--determinism) mapfile -t COMPREPLY < <(compgen -W 'strict record off' -- "$cur"); return ;;
	--input-times) mapfile -t COMPREPLY < <(compgen -W 'epoch kept' -- "$cur"); return ;;
	--log-format) mapfile -t COMPREPLY < <(compgen -W 'text json' -- "$cur"); return ;;
	--user | -u) mapfile -t COMPREPLY < <(compgen -u -- "$cur"); return ;;
	trace)
		if [[ $verb = trace ]]; then
			mapfile -t COMPREPLY < <(compgen -W 'show stat diff nondet code recover proof' \
				-- "$cur")
			return
		fi
		;;
	esac
	if [[ $cur = -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(_detrun_options "$1" $verb)" -- "$cur")
	elif [[ -n $verb ]]; then
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
	else
		mapfile -t COMPREPLY < <(compgen -W "$verbs" -- "$cur"
			compgen -c -- "$cur")
	fi
}

complete -o filenames -F _detrun detrun
