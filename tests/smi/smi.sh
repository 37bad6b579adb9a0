#!/bin/sh
# SPDX-License-Identifier: GPL-2.0 OR MIT
#
# ogpu-smi against a fake sysfs tree: verdicts, a card that hangs, formats, exit codes. Prints TAP.
# Usage: smi.sh PROGRAM
set -u
LC_ALL=C
export LC_ALL
HERE=$(cd "$(dirname "$0")" && pwd)
SMI=$1
WORK=$(mktemp -d) || exit 1
trap 'rm -rf "$WORK"' EXIT
chmod 755 "$WORK" && cd "$WORK" || exit 1
SYS=$WORK/sys
LIMIT=$((60 * ${TEST_SCALE:-1}))
# Nothing that can be read is late, however busy the host is.
PATIENT=$((20 * ${TEST_SCALE:-1}))

# shellcheck source=tests/vm/guest/tap
. "$HERE/../vm/guest/tap"
explain() {
	sed 's/^/out: /' out
	sed 's/^/err: /' err
}

# run NAME EXIT-CODE ARGUMENT...
run() {
	name=$1
	code=$2
	shift 2
	timeout $LIMIT "$SMI" --read-timeout=$PATIENT --sysfs-root="$SYS" --proc-root="$WORK/proc" \
		--run-root="$WORK/run" --dev-root="$WORK/dev" "$@" >out 2>err
	got=$?
	[ $got -eq "$code" ] || echo "# exit code $got, expected $code"
	[ $got -eq "$code" ]
	result $? "$name"
}

expect() {
	grep -q -- "$2" "${3:-out}"
	result $? "$1"
}

attr() {
	echo "$3" >"$SYS/bus/pci/devices/$1/$2"
}

# card ADDRESS STATE: as the driver shows it
card() {
	dir=$SYS/bus/pci/devices/$1
	bus=${1#0000:}
	bus=${bus%:00.0}
	mkdir -p "$dir/hwmon/hwmon0" "$dir/drm/renderD128" "$SYS/bus/pci/drivers/ogpu" \
		"$SYS/class/firmware/ogpu-$1"
	ln -s ../../drivers/ogpu "$dir/driver"
	while read -r name value; do
		attr "$1" "$name" "$value"
	done <<-END
	vendor 0x1234
	device 0x0601
	state $2
	board_id 0x4f470001
	hw_rev 1
	min_svn 3
	driver_abi 1
	firmware_abi_range 2-2
	firmware_version 1.2.3
	firmware_build_id abc
	firmware_hash 00ff
	firmware_key aa55
	firmware_svn 4
	uuid 6f677075-0000-4000-8000-0000000000$bus
	reset_count 2
	memory_errors corrected 7 uncorrected 1
	bad_pages in_use 0 replaced 1 lost 0
	throttle none
	numa_node -1
	local_cpulist 0-3
	END
	attr "$1" last_error ""
	for pair in temp1_input=45000 temp2_input=40000 power1_average=12500000 power1_cap=75000000 \
		power1_cap_min=15000000 power1_cap_max=75000000 energy1_input=99000000 fan1_input=800 \
		freq1_input=1000000000; do
		echo "${pair#*=}" >"$dir/hwmon/hwmon0/${pair%=*}"
	done
	echo idle >"$SYS/class/firmware/ogpu-$1/status"
}

json() {
	python3 -c "import json, sys; d = json.load(open('out')); sys.exit(0 if ($2) else 1)"
	result $? "$1"
}

mkdir -p "$SYS/bus/pci/devices" "$SYS/module/ogpu" proc run dev/dri
echo 0.1.0 >"$SYS/module/ogpu/version"
run "no card" 0 list
run "no card is no health" 3 doctor

card 0000:01:00.0 running
run "one that works" 0 doctor
expect "it is said" '0000:01:00.0: ok: works$'
run "quietly" 0 doctor --quiet
[ ! -s out ]
result $? "quiet is quiet"
run "list is the default" 0
expect "list" '^0000:01:00.0 .*running .*ok .*1.2.3 .*45.0 C .*12.5 W$'
run "show" 0 show
expect "show tells the key" 'key  *aa55$'
expect "nothing slows it down" 'slowed down by  *none$'
run "topology" 0 topology
run "manifest" 0 manifest
expect "manifest tells hash and key" 'hash 00ff key aa55 svn 4 min_svn 3$'
run "manifest as JSON" 0 manifest --json
json "it tells the driver" "d['cards'][0]['driver'] == '0.1.0'"

# Each verdict, on a card of its own.
card 0000:02:00.0 awaiting-firmware
attr 0000:02:00.0 last_error "boot ROM: signature does not match"
card 0000:03:00.0 wedged
attr 0000:03:00.0 last_error "firmware started but was silent"
card 0000:04:00.0 gone
card 0000:05:00.0 resetting
attr 0000:05:00.0 throttle "thermal power"
card 0000:06:00.0 running
attr 0000:06:00.0 bad_pages "in_use 0 replaced 64 lost 1"
card 0000:07:00.0 running
rm "$SYS/bus/pci/devices/0000:07:00.0/hwmon/hwmon0/temp1_input"
card 0000:08:00.0 running
rm "$SYS/bus/pci/devices/0000:08:00.0/driver"
verdict() {
	run "verdict of $1" "$2" doctor --device="$1"
	expect "$1: $3" "^$1: $3: .*; next: "
}
verdict 0000:02:00.0 24 needs-firmware
expect "the driver's reason is told" 'signature does not match; next: ogpu-fwload load --device=0000:02'
verdict 0000:03:00.0 25 needs-reset
verdict 0000:04:00.0 26 needs-power-cycle
verdict 0000:05:00.0 21 starting
verdict 0000:06:00.0 27 replace
verdict 0000:07:00.0 22 degraded
verdict 0000:08:00.0 23 needs-driver
run "all: the worst one counts" 27 doctor
run "doctor as JSON" 27 doctor --json
json "JSON tells all" "d['worst'] == 'replace' and [c['verdict'] for c in d['cards']] == ['ok', \
	'needs-firmware', 'needs-reset', 'needs-power-cycle', 'starting', 'replace', 'degraded', 'needs-driver']"
json "what slows a card down is told" "d['cards'][0]['throttle'] == 'none' and \
	d['cards'][4]['throttle'] == 'thermal power'"
json "numbers are numbers" "d['cards'][0]['temp_gpu_mdeg'] == 45000 and d['cards'][6]['temp_gpu_mdeg'] is None"

# A read that never ends: the others are there, and so is what was read before.
rm "$SYS/bus/pci/devices/0000:05:00.0/min_svn"
mkfifo "$SYS/bus/pci/devices/0000:05:00.0/min_svn"
run "a card that hangs" 0 list --json --read-timeout=3
json "its state counts" "d['cards'][4]['verdict'] == 'starting' and d['cards'][4]['late'] == 'min_svn'"
json "what came before is told" "d['cards'][4]['state'] == 'resetting' and d['cards'][4]['resets'] == 2"
json "the others are told" "d['cards'][0]['verdict'] == 'ok'"
mv "$SYS/bus/pci/devices/0000:05:00.0/state" state
mkfifo "$SYS/bus/pci/devices/0000:05:00.0/state"
run "a card that does not even tell its state" 25 doctor -d 0000:05:00.0 --read-timeout=1
"$SMI" --sysfs-root="$SYS" --read-timeout=3 doctor -d 0000:05:00.0 >out 2>err &
smi=$!
# The reader has nothing open that somebody else may wait for.
timeout $LIMIT sh -c "until reader=\$(pgrep -P $smi) && [ \"\$(readlink /proc/\$reader/fd/1)\" = /dev/null ]; do :; done"
result $? "who hangs keeps no output open"
wait $smi
rm "$SYS/bus/pci/devices/0000:05:00.0/state"
attr 0000:05:00.0 state unknown
run "a card that is being bound" 21 doctor -d 0000:05:00.0
attr 0000:05:00.0 state running
rm "$SYS/bus/pci/devices/0000:05:00.0/min_svn"
attr 0000:05:00.0 min_svn 3
mv "$SYS/bus/pci/devices/0000:05:00.0/hwmon" hwmon
run "a kernel without hwmon" 0 doctor -d 0000:05:00.0
mv hwmon "$SYS/bus/pci/devices/0000:05:00.0/hwmon"
mkfifo "$SYS/bus/pci/devices/0000:01:00.0/hwmon/hwmon0/pipe"
mv "$SYS/bus/pci/devices/0000:01:00.0/hwmon/hwmon0/temp1_input" temp
mv "$SYS/bus/pci/devices/0000:01:00.0/hwmon/hwmon0/pipe" "$SYS/bus/pci/devices/0000:01:00.0/hwmon/hwmon0/temp1_input"
run "firmware that does not answer" 22 doctor -d 0000:01:00.0 --read-timeout=3
expect "it is said" "degraded: nothing came back in time when 'temp1_input'"
mv temp "$SYS/bus/pci/devices/0000:01:00.0/hwmon/hwmon0/temp1_input"
rm "$SYS/bus/pci/devices/0000:05:00.0/min_svn"
attr 0000:05:00.0 min_svn 3

run "metrics" 0 metrics
python3 - <<'END'
import re, sys
seen, typed = set(), set()
for line in open("out", encoding="utf-8"):
    line = line.rstrip("\n")
    if line.startswith("# TYPE "):
        name, kind = line.split()[2:]
        assert name not in typed and kind in ("gauge", "counter"), line
        typed.add(name)
        continue
    if line.startswith("# HELP "):
        continue
    m = re.fullmatch(r'([a-z_]+)(\{([a-z]+="[^"\\]*",?)*\})? (-?[0-9.e+]+)', line)
    assert m, line
    assert m[1] in typed, line
    assert line.rsplit(" ", 1)[0] not in seen, line
    seen.add(line.rsplit(" ", 1)[0])
assert any(s.startswith('ogpu_verdict{card="0000:06:00.0"') and 'replace' in s for s in seen)
END
result $? "metrics are what Prometheus reads"
expect "energy in joules" '^ogpu_energy_joules_total{card="0000:01:00.0".* 99$'
run "metrics into a file" 0 metrics --output=metrics.prom
[ -s metrics.prom ]
result $? "it is there"

# Metrics over HTTP.
cat >http.py <<'END'
import socket, sys
where = sys.argv[1]
s = socket.socket(socket.AF_UNIX) if where.startswith("/") else socket.socket()
s.connect(where if where.startswith("/") else ("127.0.0.1", int(where)))
s.settimeout(60)
s.sendall(sys.argv[2].replace("|", "\r\n").encode())
data = b""
while True:
    more = s.recv(65536)
    if not more:
        break
    data += more
sys.stdout.buffer.write(data)
END
# get REQUEST, with | for the end of a line
get() {
	timeout $LIMIT python3 http.py "$WORK/socket" "$1" >out 2>err
}
"$SMI" --sysfs-root="$SYS" --read-timeout=$PATIENT metrics --listen="unix:$WORK/socket" 2>served &
smi=$!
timeout $LIMIT sh -c 'until [ -S socket ]; do sleep 0.1; done'
get 'GET /metrics HTTP/1.1|Host: x||'
result $? "metrics on a Unix socket"
expect "are metrics" '^ogpu_cards 8'
head -n 1 out | grep -q '^HTTP/1.0 200 OK' && grep -q "^Content-Length: $(sed '1,/^.$/d' out | wc -c)" out
result $? "with their length"
get 'GET /other HTTP/1.0||'
expect "nothing else is there" '^HTTP/1.0 404'
get 'POST /metrics HTTP/1.0||'
expect "nor can be written" '^HTTP/1.0 405'
get "$(printf '%5000s' x)"
[ ! -s out ]
result $? "a request without end gets no answer"
# Many that say nothing: who asks is still answered, and they are sent away.
timeout $LIMIT python3 - "$WORK/socket" >out 2>err <<'END'
import socket, sys
silent = [socket.socket(socket.AF_UNIX) for _ in range(40)]
for s in silent:
    s.connect(sys.argv[1])
one = socket.socket(socket.AF_UNIX)
one.connect(sys.argv[1])
one.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
assert one.recv(15) == b"HTTP/1.0 200 OK"
for s in silent:
    assert s.recv(1) == b""
END
result $? "those that are silent keep nobody out, and are sent away"
run "the socket of another one is not taken" 1 metrics --listen="unix:$WORK/socket" --timeout=1
kill $smi
wait $smi
run "a socket that was left behind is" 0 metrics --listen="unix:$WORK/socket" --timeout=1
[ ! -e socket ]
result $? "and not left behind once more"
echo x >socket
run "a file is no socket" 1 metrics --listen="unix:$WORK/socket" --timeout=1
[ "$(cat socket)" = x ]
result $? "and stays"
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$SMI" --sysfs-root="$SYS" --read-timeout=$PATIENT metrics --listen="127.0.0.1:$port" 2>served &
smi=$!
timeout $LIMIT sh -c "until python3 http.py $port 'GET /metrics HTTP/1.0||' >out 2>err; do sleep 0.1; done"
expect "metrics on a TCP socket" '^ogpu_cards 8'
kill $smi
wait $smi
run "no address" 64 metrics --listen=here
run "a name is no address" 64 metrics --listen=localhost:http
run "no such port" 64 metrics --listen=127.0.0.1:65537 --timeout=1
run "no path" 64 metrics --listen=unix: --timeout=1
run "both a file and a socket" 64 metrics --listen=127.0.0.1:1 --output=x
run "nothing to time" 64 metrics --timeout=1

# A card that hangs costs one process, however often it is read.
attr 0000:05:00.0 state running
rm "$SYS/bus/pci/devices/0000:05:00.0/min_svn"
mkfifo "$SYS/bus/pci/devices/0000:05:00.0/min_svn"
rm socket
"$SMI" --sysfs-root="$SYS" --read-timeout=3 metrics --listen="unix:$WORK/socket" 2>served &
smi=$!
timeout $LIMIT sh -c 'until [ -S socket ]; do sleep 0.1; done'
degraded() {
	get 'GET /metrics HTTP/1.0||' &&
		grep -q 'ogpu_verdict{card="0000:05:00.0",.*verdict="degraded"} 1$' out
}
# While a card is read for one client, the time of another one does not pass.
timeout $LIMIT python3 - "$WORK/socket" $smi >out 2>err <<'END'
import socket, subprocess, sys
slow, fast = [socket.socket(socket.AF_UNIX) for _ in range(2)]
slow.connect(sys.argv[1])
fast.connect(sys.argv[1])
fast.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
while subprocess.run(["ps", "--ppid", sys.argv[2]], stdout=subprocess.DEVNULL).returncode:
    pass
slow.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
assert fast.recv(15) == b"HTTP/1.0 200 OK"
assert slow.recv(15) == b"HTTP/1.0 200 OK"
END
result $? "a client that asks while a card is late is answered"
# Metrics of a second ago would do.
for time in first second third; do
	degraded
	result $? "metrics of a card that hangs, the $time time"
	sleep 1
done
ps --ppid $smi -o pid,stat,comm >out
[ "$(wc -l <out)" -le 2 ]
result $? "no more than one process of it is left"
# One that a debugger has hold of does not end when it is killed, as if it hung in the kernel.
cat >hold.py <<'END'
import ctypes, sys, time
PTRACE_SEIZE = 0x4206
libc = ctypes.CDLL(None, use_errno=True)
if libc.ptrace(PTRACE_SEIZE, int(sys.argv[1]), None, None):
    sys.exit("ptrace: errno %d" % ctypes.get_errno())
open("held", "w").close()
time.sleep(3600)
END
cat >find-reader <<'END'
until reader=$(ps --ppid $1 -o pid=,stat= | awk '$2 !~ /Z/ { print $1 }') && [ -n "$reader" ] &&
	[ "$(readlink /proc/$reader/fd/1)" = /dev/null ]; do :; done
echo $reader
END
degraded &
get=$!
reader=$(timeout $LIMIT sh find-reader $smi)
python3 hold.py "$reader" 2>err &
hold=$!
timeout $LIMIT sh -c "until [ -e held ]; do kill -0 $hold || exit 1; sleep 0.1; done"
result $? "one that cannot be killed"
wait $get
sleep 1
degraded
result $? "what it had read by then still counts"
ps --ppid $smi -o pid= | tr -d ' ' >out
[ "$(cat out)" = "$reader" ]
result $? "and it stays the only one"
kill $hold
wait $hold 2>err
rm "$SYS/bus/pci/devices/0000:05:00.0/min_svn"
attr 0000:05:00.0 min_svn 3
sleep 1
get 'GET /metrics HTTP/1.0||'
expect "once it has ended, the card is read anew" 'ogpu_verdict{card="0000:05:00.0",.*verdict="ok"} 1$'
kill $smi
wait $smi

mv "$SYS/bus/pci/devices/0000:01:00.0/drm" drm
run "CDI without the first card" 0 cdi
json "numbers of the others stay" "'0' not in {x['name'] for x in d['devices']} and '1' in {x['name'] for x in d['devices']}"
echo x >cdi.json
run "CDI of a card without render node" 0 cdi -d 0000:01:00.0 --output=cdi.json
[ ! -e cdi.json ]
result $? "no file is left, as one without devices is refused"
run "nor does that need one" 0 cdi -d 0000:01:00.0 --output=cdi.json
run "what is no file" 1 cdi -d 0000:01:00.0 --output=/dev/null
[ -c /dev/null ]
result $? "is not removed"
mv drm "$SYS/bus/pci/devices/0000:01:00.0/drm"
mv "$SYS/bus/pci/devices/0000:05:00.0/uuid" uuid
mkfifo "$SYS/bus/pci/devices/0000:05:00.0/uuid"
echo x >cdi.json
run "CDI while a card is late" 10 cdi --output=cdi.json --read-timeout=3
[ "$(cat cdi.json)" = x ]
result $? "what was known before stays"
rm "$SYS/bus/pci/devices/0000:05:00.0/uuid"
mv uuid "$SYS/bus/pci/devices/0000:05:00.0/uuid"
run "CDI of the second card" 0 cdi -d 0000:02:00.0
json "its number stays" "{x['name'] for x in d['devices']} >= {'1', 'all'}"
run "CDI" 0 cdi
json "cards by number and UUID, and all" "d['kind'] == 'ogpu.dev/gpu' and \
	{'0', 'all', '6f677075-0000-4000-8000-000000000001'} <= {x['name'] for x in d['devices']} and \
	d['devices'][0]['containerEdits']['deviceNodes'][0]['path'] == '/dev/dri/renderD128'"

# What the udev rule does for container engines.
mkdir bin
printf '#!/bin/sh\nexec "%s" --sysfs-root="%s" --run-root="%s" "$@"\n' "$SMI" "$SYS" "$WORK/run" >bin/ogpu-smi
chmod 755 bin/ogpu-smi
rule=$(sed -n "s|^KERNEL==\"renderD\*\", RUN+=\"/bin/sh -c '\(.*\)'\"\$|\1|p" "$HERE/../../tools/smi/72-ogpu-smi.rules" |
	sed "s|/run/|$WORK/run/|g")
rule() {
	(umask 022; PATH="$WORK/bin:$PATH" timeout $LIMIT sh -c "$1") >out 2>err
}
mkdir -p run/cdi
chmod 755 run/cdi
exec 8<run/cdi
flock 8
rule "$rule" && [ "$(stat -c %a run/cdi/ogpu.json)" = 644 ] && grep -q /dev/dri/renderD128 run/cdi/ogpu.json
result $? "the udev rule waits for nobody who can only read the folder"
exec 8<&-
[ "$(stat -c %a run/ogpu) $(stat -c %a run/ogpu/cdi.lock)" = "755 600" ]
result $? "its lock is root's"
rm run/cdi/ogpu.json
exec 8<run/ogpu/cdi.lock
flock 8
! rule "$(echo "$rule" | sed 's/flock -w 60/flock -w 1/')" && [ ! -e run/cdi/ogpu.json ]
result $? "nor is it waited for without a limit"
exec 8<&-

# A client with two descriptors of one file, and one of another driver.
mkdir -p proc/42/fd proc/42/fdinfo proc/1/fd
echo "a name" >proc/42/comm
for fd in 3 4 5; do
	ln -s /dev/dri/renderD128 proc/42/fd/$fd
	printf 'drm-driver:\togpu\ndrm-pdev:\t0000:01:00.0\ndrm-client-id:\t9\ndrm-engine-compute:\t5000000 ns\ndrm-resident-vram:\t64 KiB\n' >proc/42/fdinfo/$fd
done
sed -i 's/ogpu/other/' proc/42/fdinfo/5
ln -s /dev/null proc/42/fd/6
run "ps" 0 ps --json
json "one client" "len(d['processes']) == 1 and d['complete'] is True"
json "what it uses" "d['processes'][0]['compute_ns'] == 5000000 and d['processes'][0]['resident_vram_bytes'] == 65536 and d['processes'][0]['name'] == 'a name'"
run "ps of another card" 0 ps --json -d 0000:02:00.0
json "nobody" "d['processes'] == []"

run "watch" 0 watch --count=2
[ "$(grep -c VERDICT out)" = 2 ]
result $? "as often as asked for"
expect "a card" '^0000:01:00.0 .* 45 C  *12 W  *1000 MHz  ok$'
expect "one that is not ok, with the reason" '^  the driver could not recover it: firmware started but was silent$'
expect "a program" '^ *42 .* 0000:01:00.0 .* a name$'
! grep '^0000:01:00.0' out | grep -q '#'
result $? "which does nothing"
# Half a second of work between two views: in one of them it is half a second, or less of a longer time.
timeout $LIMIT "$SMI" --sysfs-root="$SYS" --proc-root="$WORK/proc" --read-timeout=$PATIENT watch >view 2>err &
smi=$!
timeout $LIMIT sh -c 'until grep -qs VERDICT view; do sleep 0.1; done'
sed -i 's/5000000 ns/505000000 ns/' proc/42/fdinfo/3 proc/42/fdinfo/4
timeout $LIMIT sh -c "until grep -q '^0000:01:00.0 .*#.*ok$' view; do sleep 0.1; done"
result $? "work is seen"
kill $smi
wait $smi
cp view out
grep '^0000:01:00.0' view | grep '#' | grep -qE '\] +([1-9]|[1-4][0-9]|50) %'
result $? "as much as it was"
! grep -q "$(printf '\033')" view
result $? "no codes for terminals in a file"
timeout $LIMIT "$SMI" --sysfs-root="$SYS" --proc-root="$WORK/proc" watch --count=1 >/dev/full 2>err
[ $? = 1 ] && grep -q 'standard output' err
result $? "a file that is full is an error"
script -qefc "stty rows 6 cols 40; $SMI --sysfs-root=$SYS watch --count=1" /dev/null >out 2>err </dev/null
result $? "watch on a terminal"
[ "$(grep -c . out)" -le 6 ] && ! grep -q '.\{60\}' out
result $? "which it does not overflow"

# A card that takes no new programs: the one above goes on.
node=dev/dri/renderD128
touch $node
chmod 660 $node
echo >"$SYS/bus/pci/devices/0000:01:00.0/drm/renderD128/uevent"
mode_is() {
	[ "$(stat -c %a $node)" = "$1" ]
	result $? "$2"
}
run "drain: which card" 64 drain
run "drain" 0 drain -d 0000:01:00.0
mode_is 0 "nobody may open it any more"
expect "what goes on is told" "^1 clients go on"
expect "it is told what it is, and what undoes it" "ok: works, and takes no new programs; next: ogpu-smi return -d 0000:01:00.0"
expect "udev is told" "^change$" "$SYS/bus/pci/devices/0000:01:00.0/drm/renderD128/uevent"
run "drain once more" 0 drain -d 0000:01:00.0
run "list of it" 0 list -d 0000:01:00.0 --json
json "JSON tells" "d['cards'][0]['drained'] is True"
run "another one" 0 list -d 0000:05:00.0 --json
json "is not drained" "d['cards'][0]['drained'] is False"
run "metrics of it" 0 metrics
expect "metrics tell" 'ogpu_drained{card="0000:01:00.0".*} 1$'
run "CDI of it" 0 cdi
json "containers do not get it" "'0' not in {x['name'] for x in d['devices']} and '1' in {x['name'] for x in d['devices']}"
run "programs do not end in time" 10 drain -d 0000:01:00.0 --timeout=1
expect "it is said" "drained, but 1 clients go on" err
run "as JSON" 10 drain -d 0000:01:00.0 --timeout=1 --json
json "the cards are told all the same" "d['cards'][0]['drained'] is True"
(sleep 1; rm proc/42/fd/3 proc/42/fd/4) &
run "they end" 0 drain -d 0000:01:00.0 --timeout=$PATIENT
wait
run "return" 0 return -d 0000:01:00.0
expect "nothing more is to be done" "ok: works$"
mode_is 660 "it may be opened as before"
[ ! -e run/ogpu/drained/0000:01:00.0 ]
result $? "nothing is left of that"
run "return of one that is not drained" 0 return -d 0000:01:00.0
mode_is 660 "changes nothing"
chmod 700 run/ogpu
rm -r run/ogpu/drained
(umask 077; "$SMI" --sysfs-root="$SYS" --run-root="$WORK/run" --dev-root="$WORK/dev" drain -q -d 0000:01:00.0)
[ "$(stat -c %a run/ogpu) $(stat -c %a run/ogpu/drained)" = "755 755" ]
result $? "everybody may know of it, whatever the umask"
echo >"$SYS/bus/pci/devices/0000:01:00.0/drm/renderD128/uevent"
rm $node
run "return of one whose device file is missing" 1 return -d 0000:01:00.0
expect "udev is told all the same" "^change$" "$SYS/bus/pci/devices/0000:01:00.0/drm/renderD128/uevent"
[ ! -e run/ogpu/drained/0000:01:00.0 ]
result $? "it is returned"
run "a device file that is missing" 1 drain -d 0000:02:00.0
expect "is named" "dev/dri/renderD128: No such file" err
touch $node
mkdir "$SYS/bus/pci/devices/0000:01:00.0/drm/renderD200"
run "drain all, and the first one cannot be" 1 drain --all
expect "it is named" "dev/dri/renderD200: No such file" err
[ ! -e run/ogpu/drained/0000:01:00.0 ] && [ -e run/ogpu/drained/0000:05:00.0 ]
result $? "the others are drained"
rmdir "$SYS/bus/pci/devices/0000:01:00.0/drm/renderD200"
run "return all" 0 return --all --quiet
[ -z "$(ls run/ogpu/drained)" ]
result $? "none is drained any more"

run "power cap" 0 power-cap 50 -d 0000:01:00.0
[ "$(cat "$SYS/bus/pci/devices/0000:01:00.0/hwmon/hwmon0/power1_cap")" = 50000000 ]
result $? "in microwatt"
run "power cap: too low" 64 power-cap 1 -d 0000:01:00.0
run "power cap: which card" 64 power-cap 50
run "power cap: no number" 64 power-cap much -d 0000:01:00.0

attr 0000:01:00.0 reset ""
run "reset" 0 reset -d 0000:01:00.0
[ "$(cat "$SYS/bus/pci/devices/0000:01:00.0/reset")" = 1 ]
result $? "a card that runs is reset"
: >"$SYS/bus/pci/drivers/ogpu/unbind"
: >"$SYS/bus/pci/drivers/ogpu/bind"
run "reset of a wedged card" 25 reset -d 0000:03:00.0
[ "$(cat "$SYS/bus/pci/drivers/ogpu/bind")" = 0000:03:00.0 ]
result $? "it is bound anew, and still judged"

run "output into a device" 1 metrics --output=/dev/null
[ -c /dev/null ]
result $? "which is still there"
run "bug report" 0 bug-report --output=report.txt
grep -q '=== cards' report.txt && grep -q needs-power-cycle report.txt && [ "$(stat -c %a report.txt)" = 600 ]
result $? "it has all cards, and is for its owner"
run "events: none comes" 10 events --count=1 --timeout=1

setpriv --reuid=65534 --clear-groups prlimit --nproc=1 "$SMI" --sysfs-root="$SYS" doctor >out 2>err
grep -q 'cannot have a process' err || ! setpriv --reuid=65534 --clear-groups true 2>/dev/null
result $? "no process can be started: no verdict on cards"
run "no such card" 3 list -d 0000:99:00.0
run "no such command" 64 fly
run "no time to read" 64 list --read-timeout=0
run "no such option" 64 list --fly
run "an option that means nothing" 64 list --all
run "an argument too many" 64 list x
run "help" 0 --help
run "version" 0 --version

# As many as fit into a machine.
i=10
while [ $i -lt 70 ]; do
	card "0000:$i:00.0" running
	i=$((i + 1))
done
run "68 cards" 27 doctor
[ "$(wc -l <out)" -eq 68 ]
result $? "each has a line"

tap_end
