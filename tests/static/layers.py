# SPDX-License-Identifier: GPL-2.0 OR MIT
"""Checks that the files of driver/ include each other in the order of tests/static/layers.

Fails for a file in no layer or in two, a name without a file, a header of a higher layer, and files of
one layer that include each other in a circle. It first checks itself with trees that it must refuse.
"""

import pathlib
import re
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s+"ogpu_(\w+)\.h"', re.M)


def read_table(text):
    """Returns (layer of each name, thing of each name, faults of the table)."""
    layer, thing, faults = {}, {}, []
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    for height, line in enumerate(lines):
        title, _, rest = line.partition(":")
        for joined in rest.split():
            for name in joined.split("+"):
                if name in layer:
                    faults.append(f"{name} is in two layers")
                layer[name] = (height, title)
                thing[name] = joined
    return layer, thing, faults


def circle(edges):
    """Returns the things of one circle in a graph, or nothing."""
    done = set()

    def walk(at, way):
        if at in way:
            return way[way.index(at):] + [at]
        if at in done:
            return None
        for to in sorted(edges.get(at, ())):
            found = walk(to, way + [at])
            if found:
                return found
        done.add(at)
        return None

    for start in sorted(edges):
        found = walk(start, [])
        if found:
            return found
    return None


def check(table, sources):
    """Returns what is wrong. sources: text of each file by its name."""
    layer, thing, faults = read_table(table)
    edges = {}
    present = set()
    for file in sorted(sources):
        name = re.fullmatch(r"ogpu_(\w+)\.[ch]", file)
        if not name or name[1] not in layer:
            faults.append(f"{file} is in no layer")
            continue
        present.add(name[1])
        for other in INCLUDE.findall(sources[file]):
            if other not in layer:
                faults.append(f"{file} includes ogpu_{other}.h, which is in no layer")
            elif layer[other][0] > layer[name[1]][0]:
                faults.append(f"{file} ({layer[name[1]][1]}) includes ogpu_{other}.h, which is "
                              f"higher ({layer[other][1]})")
            elif thing[other] != thing[name[1]]:
                edges.setdefault(thing[name[1]], set()).add(thing[other])
    faults += [f"{name} is in the table, but there is no such file"
               for name in layer if name not in present]
    found = circle(edges)
    if found:
        faults.append("a circle: " + " includes ".join(found))
    return faults


def check_itself():
    """Each fault must be found, and a good tree must not be refused."""
    table = "low: a b+b2\nhigh: c\n"
    good = {"ogpu_a.c": '#include "ogpu_b.h"\n', "ogpu_b.h": '#include "ogpu_b2.h"\n',
            "ogpu_b2.h": '#include "ogpu_b.h"\n', "ogpu_c.c": '#include "ogpu_a.h"\n'}
    bad = [
        (table, {**good, "ogpu_d.c": ""}, "in no layer"),
        (table, {**good, "ogpu_b.c": '# include "ogpu_c.h"\n'}, "higher"),
        (table, {**good, "ogpu_b.c": '#include "ogpu_a.h"\n'}, "a circle: a includes b+b2"),
        (table, {**good, "ogpu_a.h": '#include "ogpu_d.h"\n'}, "in no layer"),
        (table + "top: e\n", good, "no such file"),
        (table + "top: a\n", good, "two layers"),
    ]
    assert not check(table, good), check(table, good)
    for tree_table, tree, fault in bad:
        assert any(fault in found for found in check(tree_table, tree)), fault


def main():
    check_itself()
    top = pathlib.Path(__file__).resolve().parents[2]
    faults = check((top / "tests/static/layers").read_text(),
                   {path.name: path.read_text() for path in (top / "driver").glob("*.[ch]")})
    print("\n".join(faults))
    sys.exit(bool(faults))


main()
