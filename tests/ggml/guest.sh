#!/bin/sh
# SPDX-License-Identifier: GPL-2.0 OR MIT
#
# In the test machine: ggml's test-backend-ops compares each operation of the card with the CPU's, for
# the cases of a list, and test-llama-archs the numbers that whole models give. Prints TAP.
export GGML_BACKEND_PATH=/job/libggml-ogpu.so
libexec=/usr/libexec/x86_64-linux-gnu
number=0

# result STATUS NAME [FILE]: lines of FILE explain a failure.
result() {
	number=$((number + 1))
	if [ "$1" = 0 ]; then
		echo "ok $number - $2"
	else
		echo "not ok $number - $2"
		[ -z "${3:-}" ] || grep -v ': .*OK' "$3" | tail -n 15 | sed 's/^/# /'
	fi
}

# A list's line: operation, cases that must pass, and a pattern of the parameters to test.
while read -r op expected pattern; do
	case $op in
	'' | '#'*) continue ;;
	esac
	timeout 100 $libexec/ggml/test-backend-ops test -b OGPU0 -o "$op" -p "$pattern" >/tmp/out 2>&1
	status=$?
	sed 's/\x1b\[[0-9;]*m//g' /tmp/out >/tmp/lines
	passed=$(grep -c "^ *$op(.*: OK" /tmp/lines)
	failed=$(grep -c "^ *$op(.*FAIL" /tmp/lines)
	[ $status = 0 ] && [ "$failed" = 0 ] && [ "$passed" = "$expected" ]
	result $? "$op: $passed of $expected cases pass" /tmp/lines
done </job/cases

cd /tmp || exit 1
$libexec/llama.cpp-tests/test-llama-archs -a llama -b OGPU0 >/tmp/out 2>&1
status=$?
sed 's/\x1b\[[0-9;]*m//g' /tmp/out >/tmp/lines
models=$(grep -cE '^\| +llama\|[^|]*\| +(Dense|MoE)\| +OK [^|]*\| +OK\| +OK [^|]*\|$' /tmp/lines)
[ $status = 0 ] && [ "$models" = 2 ]
result $? "$models of 2 models of llama's kind, dense and with experts, compute as on the CPU" /tmp/lines
echo "1..$number"
