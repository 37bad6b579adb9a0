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
	timeout $((240 * ${TEST_SCALE:-1})) $libexec/ggml/test-backend-ops test -b OGPU0 -o "$op" -p "$pattern" >/tmp/out 2>&1
	status=$?
	sed 's/\x1b\[[0-9;]*m//g' /tmp/out >/tmp/lines
	passed=$(grep -c "^ *$op(.*: OK" /tmp/lines)
	failed=$(grep -c "^ *$op(.*FAIL" /tmp/lines)
	[ $status = 0 ] && [ "$failed" = 0 ] && [ "$passed" = "$expected" ]
	result $? "$op: $passed of $expected cases pass" /tmp/lines
done </job/cases

cd /tmp || exit 1
# models ARCHITECTURE KIND...: the program sometimes loses its last lines at its end, with status 0, on
# the CPU too; then it is asked once more. What it says is wrong stays wrong.
models() {
	arch=$1
	shift
	for _ in 1 2 3; do
		timeout $((240 * ${TEST_SCALE:-1})) $libexec/llama.cpp-tests/test-llama-archs -a "$arch" -b OGPU0 >/tmp/out 2>&1
		status=$?
		sed 's/\x1b\[[0-9;]*m//g' /tmp/out >/tmp/lines
		good=$(grep -cE "^\| +$arch\|[^|]*\| +(Dense|MoE)\| +OK [^|]*\| +OK\| +OK [^|]*\|$" /tmp/lines)
		[ $status = 0 ] && [ "$good" != "$1" ] && ! grep -q FAIL /tmp/lines || break
	done
	[ $status = 0 ] && [ "$good" = "$1" ]
	result $? "$good of $1 models of $arch's kind compute as on the CPU" /tmp/lines
}
models llama 2
models qwen3moe 1
models gemma2 1

# text FILE MODEL TOKENS [DEVICE]: what the CPU chooses too; prints nothing.
text() {
	to=$1
	name=$2
	shift 2
	timeout $((240 * ${TEST_SCALE:-1})) /job/generate "/job/$name.gguf" "$1" "la mo" ${2:+"$2"} >"$to" 2>&1 &&
		grep -q '^EQUAL: ' "$to"
}
text /tmp/reference q4_K 40 OGPU0
result $? "a text" /tmp/reference
text /tmp/lines f32 12
result $? "a text, the model split over two cards" /tmp/lines
text /tmp/lines f32 12 OGPU1
result $? "a text on a card with 32 MiB" /tmp/lines
text /tmp/other f32 20 OGPU0 &
text /tmp/lines q4_K 20 OGPU0
status=$?
wait $! || status=1
cat /tmp/other >>/tmp/lines
result $status "two programs on one card" /tmp/lines

timeout $((100 * ${TEST_SCALE:-1})) /job/async >/tmp/lines 2>&1
[ $? = 0 ] && [ "$(grep -c '^right' /tmp/lines)" = 15 ] &&
	grep -q '^ggml-ogpu: OGPU0: no host buffer of .*; the CPU has it' /tmp/lines
result $? "host buffers, asynchronous copies and events" /tmp/lines

/job/fault >/tmp/lines 2>&1
[ $? = 134 ] && grep -q 'OGPU0: .*; operation MUL, address 0xdead.*, kernel binary+0x[0-9a-f]* at .*kernels\.c:[0-9]' /tmp/lines &&
	! grep -q '^status' /tmp/lines
result $? "a fault in the middle of a graph ends the program, with operation and place" /tmp/lines
for way in behind between record; do
	/job/fault $way >/tmp/lines 2>&1
	[ $? = 134 ] && ! grep -q '^end' /tmp/lines &&
		grep -q "^ggml-ogpu: OGPU0: work of another backend is missing: " /tmp/lines
	result $? "a fault ends a program that waits for another backend: $way" /tmp/lines
done

# The beginning of what the card wrote, behind what it was given.
written() {
	sed -n 's/^card: la mo//p' "$1" | head -n 1
}
card=$(find /sys/bus/pci/drivers/ogpu/ -name '0000:*' | sort | head -n 1)
/job/generate /job/q4_K.gguf 2000 "la mo" OGPU0 >/tmp/out 2>/tmp/lines &
tries=0
while [ "$(written /tmp/out | wc -c)" -lt 20 ] && [ $tries -lt $((2400 * ${TEST_SCALE:-1})) ]; do
	sleep 0.1
	tries=$((tries + 1))
done
echo 1 >"$card/reset"
wait $!
status=$?
got=$(written /tmp/out)
expected=$(written /tmp/reference)
case $expected in
"$got"*) right=0 ;;
*) case $got in
	"$expected"*) right=0 ;;
	*) right=1 ;;
	esac ;;
esac
[ $status != 0 ] && [ ${#got} -ge 19 ] && [ $right = 0 ] && grep -q '^ggml-ogpu: OGPU0: ' /tmp/lines &&
	! grep -q '^EQUAL' /tmp/out
result $? "a reset in the middle of a text ends it with the reason, and nothing wrong (status $status)" /tmp/lines
text /tmp/lines q4_K 8 OGPU0
result $? "a text after the reset" /tmp/lines
echo "1..$number"
