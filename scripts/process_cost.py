"""What a process tree has cost so far: CPU seconds and proportional memory, read from /proc. Used by scripts/bench.

CPU counts every thread of the processes under the given ids that still run. Memory is PSS: pages shared by several
processes are counted once in all, so that a program of many processes is neither flattered nor charged twice.
"""
import os
import pathlib

TICKS = os.sysconf("SC_CLK_TCK")
PROC = pathlib.Path("/proc")


def _stat(pid):
    """(parent's id, CPU seconds) of one process, or None when it has ended."""
    try:
        text = (PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    # The name, in brackets, may hold spaces and brackets of its own.
    fields = text[text.rindex(")") + 2:].split()
    return int(fields[1]), (int(fields[11]) + int(fields[12])) / TICKS


def tree(*roots):
    """The processes at and under the roots, as {id: CPU seconds}."""
    known = {int(p.name): _stat(int(p.name)) for p in PROC.iterdir() if p.name.isdigit()}
    known = {pid: stat for pid, stat in known.items() if stat}
    found, edge = {}, set(roots) & known.keys()
    while edge:
        found.update({pid: known[pid][1] for pid in edge})
        edge = {pid for pid, (parent, _) in known.items() if parent in edge and pid not in found}
    return found


def cpu_seconds(*roots):
    return sum(tree(*roots).values())


def memory_mib(*roots):
    kib = 0
    for pid in tree(*roots):
        try:
            lines = (PROC / str(pid) / "smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        kib += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return kib / 1024


def machine_busy_seconds():
    """CPU seconds that all processes of the machine have used, on all cores together."""
    user, nice, system, _idle, _wait, irq, softirq, *_ = (
        int(n) for n in (PROC / "stat").read_text().splitlines()[0].split()[1:]
    )
    return (user + nice + system + irq + softirq) / TICKS
