#!/bin/sh
# SPDX-License-Identifier: MIT
#
# In the test machine, for make llama: each model of /share on the card and on the CPU, first its text,
# then its speed. guest.sh TOKENS; the status is 0 if all texts agree.
backend=/job/libggml-ogpu.so
tokens=$1
cpus=$(nproc)
status=0

# speed JSONL WHAT: tokens per second of a prompt (p) or of what is generated (g).
speed() {
	sed -n "s/.*\"n_prompt\": \([0-9]*\), \"n_gen\": \([0-9]*\),.*\"avg_ts\": \([0-9.]*\).*/\1 \2 \3/p" "$1" |
		awk -v what="$2" '(what == "p") == ($1 > 0) { print $3 }'
}

# bench WHERE ARGS...
bench() {
	where=$1
	shift
	echo "llama-bench on the $where ..."
	llama-bench -m "$model" -p 32 -n 8 -r 2 -lm none -o jsonl "$@" >"/tmp/$where" 2>/tmp/err || {
		grep -v '^load_backend' /tmp/err | tail -n 3
		return 1
	}
}

for model in /share/*.gguf; do
	name=$(basename "$model" .gguf)
	echo
	echo "=== $name"
	GGML_BACKEND_PATH=$backend /job/generate "$model" "$tokens" "$(cat /share/prompt)"
	result=$?
	[ $result = 0 ] || status=$result
	[ $result != 2 ] || continue
	GGML_BACKEND_PATH=$backend bench card -t 1 -ngl 999 && bench CPU -t "$cpus" || {
		status=2
		continue
	}
	for what in p g; do
		echo "$what $(speed /tmp/card $what) $(speed /tmp/CPU $what)"
	done | awk -v name="$name" -v cpus="$cpus" '
		NF != 3 || !$3 { bad = 1; exit }
		{
			long = $1 == "p" ? "prompt of 32" : "8 generated"
			short = $1 == "p" ? "pp" : "tg"
			printf "%-13s card %8.2f tokens/s, %d CPUs %8.2f: llama_vs_guest_cpu_%s_%s = %.2f\n",
				long, $2, cpus, $3, short, name, $2 / $3
		}
		END { exit bad }' | tee -a /share/result || status=2
done
exit $status
