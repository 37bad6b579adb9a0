# SPDX-License-Identifier: GPL-2.0 OR MIT
"""
Compares docs/hardware.md with driver/abi: each register, opcode, error and event of the headers
stands in the contract, with the same number, and nothing stands there that they do not have.
"""

import re
import sys

ABI = "driver/abi/"
# Heading of the contract, prefix of the names, header.
REGISTERS = (
    ("### GLB", "OGPU_GLB_", "regs.h"),
    ("### BOOT", "OGPU_BOOT_", "regs.h"),
    ("### MBOX", "OGPU_MBOX_", "regs.h"),
    ("### EVENT", "OGPU_EVENT_", "regs.h"),
    ("### EVENT", "OGPU_SIGNAL_", "regs.h"),
    ("### MMU", "OGPU_MMU_", "regs.h"),
    ("## 6.", "OGPU_SLOT_", "mc.h"),
    ("## 9.", "OGPU_MC_", "mc.h"),
    ("## 11.", "OGPU_MC_", "mc.h"),
)
# Sizes of blocks, and what the contract has as a formula.
NO_REGISTERS = ("OGPU_GLB_SIZE", "OGPU_MC_WINDOW_LO", "OGPU_MC_WINDOW_HI", "OGPU_MC_SLOT")
# Heading, first words of the table's head, prefix, header.
NUMBERS = (
    ("## 3.", "| type | body", "OGPU_DISC_", "discovery.h"),
    ("## 4.", "| code | reason", "OGPU_FAULT_", "addr.h"),
    ("## 5.", "| op | packet", "OGPU_OP_", "packet.h"),
    ("## 5.", "| code | error", "OGPU_QERR_", "queue.h"),
    ("## 7.", "| type | value0", "OGPU_EVENT_", "event.h"),
    ("## 9.", "| code | error", "OGPU_BOOT_ERR_", "regs.h"),
)


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def sections(text):
    """Heading -> what stands below it, up to the next one of the same or a higher level."""
    found = {}
    lines = text.splitlines()
    for at, line in enumerate(lines):
        if not line.startswith("##"):
            continue
        level = len(line.split()[0])
        end = at + 1
        while end < len(lines) and not (lines[end].startswith("##") and
                                        len(lines[end].split()[0]) <= level):
            end += 1
        found[line] = lines[at + 1:end]
    return found


def below(found, heading):
    for name, lines in found.items():
        if name.startswith(heading):
            return lines
    return []


def cells(line):
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def header_registers(header, prefix):
    """Name without prefix -> offset. Fields are masks, so numbers of two digits are registers."""
    found = {}
    for match in re.finditer(rf"^#define\s+{prefix}(\w+)(?:\(\w\))?\s+\(?(0x[0-9a-f]{{2,4}})\b",
                             read(ABI + header), re.M):
        if prefix + match[1] not in NO_REGISTERS and match[1] != "REGS_SIZE":
            found[match[1]] = int(match[2], 16)
    return found


def names(text):
    """The registers that a cell of the contract names: A_LO/HI, A0/1, A(n), "A, B"."""
    for part in re.split(r",\s*|\s+and\s+", text):
        part = re.sub(r"\(\w+\)|\s.*", "", part)
        match = re.match(r"^(\w*?)(LO|\d)/(HI|\d)$", part)
        if match:
            yield match[1] + match[2]
            yield match[1] + match[3]
        elif part:
            yield part


def contract_registers(lines):
    """Name -> offset as the tables have them; a name with two offsets is a pair of _LO and _HI."""
    found = {}
    for line in lines:
        row = cells(line)
        if not line.startswith("| 0x") or len(row) < 3:
            continue
        offsets = [int(text, 16) for text in re.findall(r"0x[0-9a-f]+", row[0])]
        named = list(names(row[1]))
        if not all(name[0].isupper() for name in named):
            continue
        if len(offsets) == 2 and len(named) == 1:
            named = [named[0] + "_LO", named[0] + "_HI"]
        if len(named) == 2 and len(offsets) == 1:
            offsets.append(offsets[0] + 4)
        found.update(zip(named, offsets))
    return found


def compare_registers(found, problems):
    documented = {}
    for heading, prefix, header in REGISTERS:
        documented.setdefault((prefix, header), {}).update(
            contract_registers(below(found, heading)))
    for (prefix, header), text in documented.items():
        registers = header_registers(header, prefix)
        for name, offset in registers.items():
            plain = [text[key] for key in (prefix[5:] + name, name) if key in text]
            if not plain:
                problems.append(f"{prefix}{name} ({offset:#x}) is not in the contract")
            elif plain[0] != offset:
                problems.append(f"{prefix}{name} is {offset:#x}, the contract says {plain[0]:#x}")
        for name, offset in text.items():
            if offset not in registers.values() and prefix not in ("OGPU_SIGNAL_", "OGPU_EVENT_"):
                problems.append(f"{name} ({offset:#x}) of the contract is not in {header}")


def enum_values(header, prefix):
    return {match[1]: int(match[2], 0) for match in re.finditer(
        rf"^\s(?:{prefix})([A-Z0-9_]+)\s*=\s*(0x[0-9a-f]+|\d+)", read(ABI + header), re.M)}


def compare_numbers(found, problems):
    for heading, head, prefix, header in NUMBERS:
        rows = {}
        lines = below(found, heading)
        start = next((n for n, line in enumerate(lines) if line.startswith(head)), None)
        if start is None:
            problems.append(f"{heading} has no table \"{head} ...\"")
            continue
        for line in lines[start + 2:]:
            if not line.startswith("|"):
                break
            for number, word in re.findall(r"(\d+)(?: (\w+))?", cells(line)[0]):
                rows[int(number)] = word or cells(line)[1].split(" ")[0]
        values = enum_values(header, prefix)
        for name, value in values.items():
            if value and value not in rows:
                problems.append(f"{prefix}{name} ({value}) is not in the table \"{head}\"")
            elif prefix == "OGPU_OP_" and rows[value] != name:
                problems.append(f"opcode {value} is {name}, the contract says {rows[value]}")
        for value, name in rows.items():
            if value not in values.values():
                problems.append(f"{value} {name} of \"{head}\" is not in {header}")


def main():
    found = sections(read("docs/hardware.md"))
    problems = []
    compare_registers(found, problems)
    compare_numbers(found, problems)
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
