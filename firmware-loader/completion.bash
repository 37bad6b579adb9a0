# SPDX-License-Identifier: GPL-2.0 OR MIT
#
# Completion of ogpu-fwload for bash.
_ogpu_fwload() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}

	case $prev in
	-d | --device)
		# shellcheck disable=SC2207
		COMPREPLY=($(compgen -W "$(cd /sys/class/firmware 2>/dev/null && echo ogpu-*)" -- "$cur"))
		# Words are cut at colons, which addresses have.
		if declare -F __ltrim_colon_completions >/dev/null; then
			__ltrim_colon_completions "$cur"
		fi
		return
		;;
	esac
	case $cur in
	-*)
		# shellcheck disable=SC2207
		COMPREPLY=($(compgen -W "--device --all --key --dry-run --wait --timeout --reset --force --no-verify-signature --json --quiet --firmware-dir --help --version" -- "$cur"))
		;;
	*)
		if [ "$COMP_CWORD" = 1 ]; then
			# shellcheck disable=SC2207
			COMPREPLY=($(compgen -W "list info verify load pending update status cancel" -- "$cur"))
		else
			# shellcheck disable=SC2207
			COMPREPLY=($(compgen -f -- "$cur"))
		fi
		;;
	esac
}
complete -F _ogpu_fwload ogpu-fwload
