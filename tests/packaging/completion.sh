#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR MIT
#
# Completion offers each command and long option of a program's help, and no others. Prints TAP.
# Usage: completion.sh PROGRAM COMPLETION...
number=0
failed=0
while [ $# -gt 1 ]; do
	program=$1
	name=$(basename "$program")
	# shellcheck disable=SC1090
	. "$2"
	shift 2
	help=$("$program" --help)
	options=$(grep -oE -- '--[a-z][a-z-]+' <<<"$help" | sort -u | grep -vxE -- '--(sysfs|proc|run|dev)-root')
	# What the help lists below "Commands:", up to the empty line; else the words behind the program's name.
	commands=$(sed -n '/^Commands:/,/^$/p' <<<"$help" | grep -oE '^  [a-z][a-z-]+' | tr -d ' ' | sort)
	[ -n "$commands" ] ||
		commands=$(sed -nE "s/^(Usage:|      ) $name ([a-z]+) .*/\\2/p" <<<"$help" | sort)
	# One without commands has only options to offer.
	[ -n "$commands" ] || commands=$options
	for word in -- ''; do
		COMP_WORDS=("$name" "$word")
		COMP_CWORD=1
		COMPREPLY=()
		"_${name//-/_}"
		offered=$(printf '%s\n' "${COMPREPLY[@]}" | sort)
		wanted=$commands
		[ -z "$word" ] || wanted=$options
		number=$((number + 1))
		if [ -n "$wanted" ] && [ "$offered" = "$wanted" ]; then
			echo "ok $number - $name: ${word:-commands}"
		else
			failed=1
			echo "not ok $number - $name: ${word:-commands}"
			diff <(echo "$wanted") <(echo "$offered") | sed 's/^/# /'
		fi
	done
done
echo "1..$number"
exit $failed
