# SPDX-License-Identifier: GPL-2.0 OR MIT
#
# Completion of ogpu-fwsign for bash.
_ogpu_fwsign() {
	local cur=${COMP_WORDS[COMP_CWORD]}

	case $cur in
	-*)
		# shellcheck disable=SC2207
		COMPREPLY=($(compgen -W "--key --public --output --signature --version --svn --vendor --device --board --hw-rev --driver-abi --fw-abi --build-id --name --info --help" -- "$cur"))
		;;
	*)
		if [ "$COMP_CWORD" = 1 ]; then
			# shellcheck disable=SC2207
			COMPREPLY=($(compgen -W "keygen sign prepare attach dump" -- "$cur"))
		else
			# shellcheck disable=SC2207
			COMPREPLY=($(compgen -f -- "$cur"))
		fi
		;;
	esac
}
complete -F _ogpu_fwsign ogpu-fwsign
