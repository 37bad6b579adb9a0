# SPDX-License-Identifier: GPL-2.0 OR MIT
"""Collects measurements: from test machines, from the card model's own benchmarks and from its
process. Nothing here is a test: figures depend on the host, ratios and counts less so."""

import glob
import json
import os
import re
import shutil
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BENCH = "/ogpu/bench/ogpu-bench"
BEFORE = "5e405ac"	# the last commit of the first edition of the contract
ROUNDS = 3		# of what is compared with it

# What a figure should be at most, or at least.
TARGETS = {
    "submit_kernel_null_ratio": ("at most", 3),
    "submit_context_switches": ("at most", 0),
    "submit_kernel_batch64_null_ratio": ("at most", 0.7),
    "complete_irq_to_waiter_instructions": ("at most", 3000),
    "submit_scale_1024_ratio": ("at most", 1.2),
    "submit_1000_buffers_ratio": ("at most", 1.2),
    "bind_tlb_invalidations_per_ioctl": ("at most", 1),
    "bind_scale_ratio": ("at most", 1.2),
    "module_bytes_per_queue": ("at most", 16384),
    "submit_user_instructions": ("at most", 100),
    "submit_user_syscalls": ("at most", 0),
    "queue_state_null_ratio": ("at most", 1.5),
    "kill_endless_ms": ("at most", 50),
    "fault_neighbour_lost_jobs": ("at most", 0),
    "unit_share_victim_ms": ("at most", 50),
    "unit_share_high_ms": ("at most", 10),
    "unit_share_error": ("at most", 0.05),
    "priority_share_error": ("at most", 0.05),
    "priority_low_unit_ms": ("at least", 1),
    "priority_low_ratio": ("at most", 0.5),
    "preempt_inside_ms": ("at most", 10),
    "wait_1000_host_core_percent": ("at most", 2),
    "wait_1000_victim_ms": ("at most", 50),
    "idle_host_core_percent": ("at most", 0.1),
    "invalidate_worst_ms": ("at most", 5),
    "bo_create_close_4k_instructions": ("at most", 8000),
    "evict_restore_copy_ratio": ("at least", 0.8),
    "evict_stall_copy_ratio": ("at most", 3),
    "vgpu_sgemm_ratio": ("at least", 3),
    "vgpu_saxpy_ratio": ("at least", 2),
    "dispatch_1group_ns": ("at most", 3000),
    "local_gather_vram_ratio": ("at most", 1.0),
    "aperture_copy_ratio": ("at least", 0.8),
    "vgpu_lane_instructions_per_second": ("at least", 1e9),
}


def machine(command, *options, line=None):
    """
    Runs a command in a test machine; its lines, and the folder of the run. Each line is also
    handed to a function as it comes, with the process of the machine.
    """
    with open(f"{TOP}/build/bench/machine.log", "w+", encoding="utf-8") as log, subprocess.Popen(
            [f"{TOP}/tests/vm/run", "--verbose", "--no-strict", "--timeout", "240", *options, "--",
             command],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True) as process:
        lines = []
        for text in process.stdout:
            lines.append(text.rstrip("\n"))
            if line:
                line(lines[-1], process)
        status = process.wait()
        log.seek(0)
        said = log.read()
    if status:
        raise SystemExit("bench: the test machine failed:\n" + "\n".join(lines) + f"\n{said}")
    run_dir = re.search(r"s in all, (\S+)", said)[1]
    return lines, f"{TOP}/{run_dir}"


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


def card_process(pid):
    """The process of the card among a process and its descendants, or None."""
    with open(f"/proc/{pid}/comm", encoding="ascii") as f:
        if f.read().strip() == "ogpu-vgpu":
            return pid
    for path in glob.glob(f"/proc/{pid}/task/*/children"):
        with open(path, encoding="ascii") as f:
            for child in f.read().split():
                found = card_process(int(child))
                if found:
                    return found
    return None


def processor_ns(pid):
    """Time on a processor of all threads that a process has."""
    total = 0
    for path in glob.glob(f"/proc/{pid}/task/*/schedstat"):
        with open(path, encoding="ascii") as f:
            total += int(f.read().split()[0])
    return total


def waiting():
    """What the card's process costs while nothing happens, and while a thousand queues wait."""
    samples = []

    def sample(text, process):
        if text.startswith('{"phase"'):
            samples.append((json.loads(text)["phase"], os.times().elapsed,
                            processor_ns(card_process(process.pid))))

    lines, _ = machine(f"{BENCH} wait", "--vgpu-args", "--doorbells 1024", line=sample)
    percent = {}
    for (name, began, first), (_, ended, last) in zip(samples, samples[1:]):
        percent[name] = (last - first) / 1e7 / (ended - began)
    return results(lines) + [
        entry("idle_host_core_percent", percent["idle"], "%",
              "of a host core for the card's process, driver and firmware at rest"),
        entry("wait_1000_host_core_percent", percent["waiting"], "%",
              "the same with the queues of wait_queues in a WAIT that does not hold")]


def run(command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"bench: {command[0]} failed:\n{done.stdout}{done.stderr}")
    return done.stdout.splitlines()


def build_model(top, out, *programs):
    """Builds programs of tests/vgpu, with the card model of their tree; the path of the first."""
    make = ["make", "--no-print-directory", "-s", f"-j{os.cpu_count()}", "-C"]
    paths = [f"{out}/tests/{program}" for program in programs]
    run([*make, f"{top}/tools/vgpu", f"O={out}", f"{out}/libvgpu.a"])
    run([*make, f"{top}/tests/vgpu", f"VGPU={out}", f"O={out}/tests", *paths])
    return paths[0]


def build_before():
    """The same benchmark on the card model of the first edition; (path, None) or (None, why)."""
    tree = f"{TOP}/build/bench/{BEFORE}"
    if not os.path.exists(tree):
        archive = subprocess.run(["git", "-C", TOP, "archive", BEFORE, "tools/vgpu", "tests/vgpu",
                                  "driver"], capture_output=True, check=False)
        if archive.returncode:
            return None, f"the history has no {BEFORE}"
        shutil.rmtree(f"{tree}.new", ignore_errors=True)
        os.makedirs(f"{tree}.new")
        subprocess.run(["tar", "-x", "-C", f"{tree}.new"], input=archive.stdout, check=True)
        os.rename(f"{tree}.new", tree)
    for name in ("bench_model.c", "kernels/bench.h"):
        shutil.copyfile(f"{TOP}/tests/vgpu/{name}", f"{tree}/tests/vgpu/{name}")
    return build_model(tree, f"{tree}/build", "bench_model"), None


def model():
    """The card model alone, and how much faster it is than that of the first edition."""
    kernels = f"{TOP}/build/vgpu/tests/bench.elf"
    now = build_model(TOP, f"{TOP}/build/vgpu", "bench_model", "bench_tlbi", "bench.elf",
                      "kernels.elf")
    before, why = build_before()
    best = {}
    # One after the other on one processor, so that both meet the same host.
    cpu = str(max(os.sched_getaffinity(0)))
    for _ in range(ROUNDS):
        for program in (before, now) if before else (now,):
            for found in results(run(["taskset", "-c", cpu, program, kernels, "sgemm", "saxpy"])):
                key = (program, found["name"])
                if key not in best or found["value"] > best[key]["value"]:
                    best[key] = found
    found = []
    for (program, name), figure in best.items():
        if program != now:
            continue
        found.append(figure)
        if before:
            old = best[before, name]["value"]
            found.append(entry(re.sub("_per_core|_g[a-z]+ps", "", name) + "_ratio",
                               figure["value"] / old, "",
                               f"over that of {BEFORE} in the same run ({old:.3g} {figure['unit']})"))
        else:
            figure["note"] += f"; not compared: {why}"
    return found + results(run([now, kernels, "dispatch", "gather", "preempt"]) +
                           run([f"{TOP}/build/vgpu/tests/bench_tlbi"]))


def compute_units():
    """The virtual GPU's own benchmark of one host thread: fastest variant for each kernel."""
    program = build_model(TOP, f"{TOP}/build/vgpu", "bench_cu", "kernels.elf")
    best = {}
    for line in run([program]):
        match = re.match(r"^(\S+)\s+(\S+)\s+(\d+) M lane-instructions/s", line)
        if match and int(match[3]) > best.get(match[2], (0, ""))[0]:
            best[match[2]] = (int(match[3]), match[1])
    found = [entry(f"vgpu_lane_instructions_per_second_{kernel}", rate * 1e6, "1/s",
                   f"one host core, {variant} lanes") for kernel, (rate, variant) in best.items()]
    if "matmul" in best:
        found.insert(0, entry("vgpu_lane_instructions_per_second", best["matmul"][0] * 1e6, "1/s",
                              "one host core, matrix product"))
    return found


def judge(figure):
    """Adds the target of a figure, if it has one, and whether it is met."""
    if figure["name"] not in TARGETS:
        return ""
    how, value = TARGETS[figure["name"]]
    met = figure["value"] <= value if how == "at most" else figure["value"] >= value
    figure.update(target=f"{how} {value:g}", met=met)
    return f"{figure['target']}: {'met' if met else 'NOT met'}"


def load():
    return results(machine(f"{BENCH} load && {BENCH} aperture && {BENCH} queues",
                           "--no-module")[0])


def memory():
    return [card_memory(machine("/ogpu/demo/ogpu-demo >&2")[1])]


def share():
    return results(machine(f"{BENCH} share")[0])


def crowd():
    return results(machine(f"{BENCH} crowd")[0])


def answers():
    return results(machine(f"{BENCH} kill && {BENCH} fault")[0])


def evict():
    return results(machine(f"{BENCH} evict", "--vgpu-args", "--vram 64M")[0])


def instructions():
    parts = " && ".join(f"{BENCH} {part}" for part in
                        ("instructions", "user", "bind", "memory", "scale", "state"))
    return results(machine(parts, "--icount", "--vgpu-args", "--doorbells 2048")[0])


PARTS = (load, memory, share, crowd, waiting, answers, evict, instructions, model, compute_units)


def main():
    wanted = sys.argv[1:] or [part.__name__ for part in PARTS]
    if not set(wanted) <= {part.__name__ for part in PARTS}:
        raise SystemExit("usage: run [" + "|".join(part.__name__ for part in PARTS) + "]...")
    if not sys.argv[1:]:
        print("Measuring; this takes about four minutes.", flush=True)
    found, failures = [], []
    for part in PARTS:
        if part.__name__ in wanted:
            try:
                found += part()
            except SystemExit as failure:
                failures.append(str(failure))
    verdicts = {figure["name"]: judge(figure) for figure in found}
    for item in found:
        print(f"{item['name']:<46} {item['value']:>12.6g} {item['unit']:<13}"
              f"{verdicts[item['name']]:<26} {item['note']}")
    if failures:
        raise SystemExit("\n".join(failures))
    if sys.argv[1:]:
        return
    for name in TARGETS:
        if name not in verdicts:
            print(f"{name:<46} {'not measured':>12}")
    path = f"{TOP}/build/bench.json"
    with open(path + ".tmp", "w", encoding="utf-8") as f:
        json.dump(found, f, indent=1)
        f.write("\n")
    os.rename(path + ".tmp", path)


if __name__ == "__main__":
    main()
