"""exhaust-memory.py FOLDER PID: takes the memory of a control group until the kernel ends the process PID, which is in it.

The kernel ends whoever is worth most to it: the process's own memory, and as much as the whole group may have, by its
score; what is taken here is shared by two processes, so that neither is worth as much.
"""

import os
import sys

MEBIBYTE = 1 << 20


def runs(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def main():
    folder, pid = sys.argv[1:]
    with open(f"/proc/{pid}/oom_score_adj", "w") as score:
        score.write("1000")
    with open(f"{folder}/cgroup.procs", "w") as processes:
        processes.write("0")
    child = os.fork()
    taken = []
    while runs(pid):
        taken.append(b"\1" * MEBIBYTE)
    if child:
        os.waitpid(child, 0)


main()
