# SPDX-License-Identifier: GPL-2.0 OR MIT
#
# Completion of ogpu-smi for bash.
_ogpu_smi() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}

	case $prev in
	-d | --device)
		# shellcheck disable=SC2207
		COMPREPLY=($(compgen -W "$(cd /sys/bus/pci/drivers/ogpu 2>/dev/null && echo ????:*)" -- "$cur"))
		# Words are cut at colons, which addresses have.
		if declare -F __ltrim_colon_completions >/dev/null; then
			__ltrim_colon_completions "$cur"
		fi
		return
		;;
	-o | --output)
		# shellcheck disable=SC2207
		COMPREPLY=($(compgen -f -- "$cur"))
		return
		;;
	esac
	case $cur in
	-*)
		# shellcheck disable=SC2207
		COMPREPLY=($(compgen -W "--device --all --json --quiet --output --listen --timeout --count --read-timeout --help --version" -- "$cur"))
		;;
	*)
		# shellcheck disable=SC2207
		COMPREPLY=($(compgen -W "list show doctor watch ps topology events metrics cdi manifest reset drain return power-cap bug-report" -- "$cur"))
		;;
	esac
}
complete -F _ogpu_smi ogpu-smi
