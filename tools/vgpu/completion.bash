# SPDX-License-Identifier: GPL-2.0 OR MIT
#
# Completion of ogpu-vgpu for bash.
_ogpu_vgpu() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}

	case $prev in
	--socket | --root-key | --state | --control | --trace)
		# shellcheck disable=SC2207
		COMPREPLY=($(compgen -f -- "$cur"))
		return
		;;
	esac
	# shellcheck disable=SC2207
	COMPREPLY=($(compgen -W "--socket --root-key --state --control --trace --once --version --help --vram --aperture --cus --fused --compute-slots --copy-slots --doorbells --job-ms --board-id --hw-rev --fuse-svn --revoke-key --uuid --threads --strict" -- "$cur"))
}
complete -F _ogpu_vgpu ogpu-vgpu
