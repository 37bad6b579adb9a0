# SPDX-License-Identifier: GPL-2.0 OR MIT
"""Collects measurements: from test machines, from the virtual GPU's own benchmark and from its
process. Nothing here is a test: figures depend on the host, ratios and counts less so."""

import json
import os
import re
import subprocess

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BENCH = "/ogpu/bench/ogpu-bench"


def machine(command, *options):
    """Runs a command in a test machine; its lines, and the folder of the run."""
    done = subprocess.run([f"{TOP}/tests/vm/run", "--verbose", "--timeout", "240", *options, "--",
                           command], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          check=False)
    if done.returncode:
        raise SystemExit(f"bench: the test machine failed:\n{done.stdout}{done.stderr}")
    run_dir = re.search(r"s in all, (\S+)", done.stderr)[1]
    return done.stdout.splitlines(), f"{TOP}/{run_dir}"


def results(lines):
    return [json.loads(line) for line in lines if line.startswith('{"name"')]


def entry(name, value, unit, note):
    return {"name": name, "value": value, "unit": unit, "note": note}


def card_memory(run_dir):
    """Private memory of the card's process after a demo: VRAM and guest memory are shared."""
    with open(f"{run_dir}/card0.status", encoding="ascii") as f:
        fields = dict(line.split(":", 1) for line in f if ":" in line)
    kib = sum(int(fields[name].split()[0]) for name in ("RssAnon", "RssFile"))
    return entry("vgpu_resident_bytes", kib * 1024, "B",
                 "resident memory of ogpu-vgpu beyond VRAM and guest memory, after the demo")


def compute_units():
    """The virtual GPU's own benchmark of one host thread: fastest variant for each kernel."""
    done = subprocess.run(["make", "--no-print-directory", "-s", "-C", f"{TOP}/tests/vgpu",
                           f"VGPU={TOP}/build/vgpu", "bench"], capture_output=True, text=True,
                          check=False)
    if done.returncode:
        raise SystemExit(f"bench: tests/vgpu failed:\n{done.stdout}{done.stderr}")
    best = {}
    for line in done.stdout.splitlines():
        match = re.match(r"^(\S+)\s+(\S+)\s+(\d+) M lane-instructions/s", line)
        if match and int(match[3]) > best.get(match[2], (0, ""))[0]:
            best[match[2]] = (int(match[3]), match[1])
    found = [entry(f"vgpu_lane_instructions_per_second_{kernel}", rate * 1e6, "1/s",
                   f"one host core, {variant} lanes") for kernel, (rate, variant) in best.items()]
    if "matmul" in best:
        found.insert(0, entry("vgpu_lane_instructions_per_second", best["matmul"][0] * 1e6, "1/s",
                              "one host core, matrix product; target 1e9, later 5e9"))
    return found


def main():
    print("Measuring; this takes about two minutes.", flush=True)
    lines, _ = machine(f"{BENCH} load && {BENCH} aperture && {BENCH} queues", "--no-module")
    found = results(lines)
    lines, run_dir = machine("/ogpu/demo/ogpu-demo >&2")
    found.append(card_memory(run_dir))
    lines, _ = machine(f"{BENCH} instructions", "--icount")
    found += results(lines)
    found += compute_units()

    path = f"{TOP}/build/bench.json"
    with open(path + ".tmp", "w", encoding="utf-8") as f:
        json.dump(found, f, indent=1)
        f.write("\n")
    os.rename(path + ".tmp", path)
    for item in found:
        print(f"{item['name']:<50} {item['value']:>14.6g} {item['unit']:<13} {item['note']}")


if __name__ == "__main__":
    main()
