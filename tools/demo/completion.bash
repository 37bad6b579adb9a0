# SPDX-License-Identifier: GPL-2.0 OR MIT
#
# Completion of ogpu-demo for bash.
_ogpu_demo() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}

	case $prev in
	-n | --node)
		# shellcheck disable=SC2207
		COMPREPLY=($(compgen -W "$(echo /dev/dri/renderD*)" -- "$cur"))
		return
		;;
	-k | --kernels | -i | --image | -o | --output)
		# shellcheck disable=SC2207
		COMPREPLY=($(compgen -f -- "$cur"))
		return
		;;
	esac
	# shellcheck disable=SC2207
	COMPREPLY=($(compgen -W "--node --kernels --image --output --json --help" -- "$cur"))
}
complete -F _ogpu_demo ogpu-demo
