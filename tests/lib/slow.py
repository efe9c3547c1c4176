# SPDX-License-Identifier: Apache-2.0
"""slow.py INPUT OUTPUT COMMAND...: the command writes to a reader that stops after the input's records, until
the command waits for it.  It must write the same as OUTPUT, in little more memory than to a fast one."""
import os
import subprocess
import sys
import time

records = sum(1 for _ in open(sys.argv[1]))


def start(stdout):
    return subprocess.Popen(sys.argv[3:], stdin=open(sys.argv[1]), stdout=stdout, bufsize=0)


def look(pid):  # state, and CPU ticks so far
    fields = open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()
    return fields[0], fields[11:13]


enough = os.wait4(start(subprocess.DEVNULL).pid, 0)[2].ru_maxrss
slow, got, lines = start(subprocess.PIPE), [], 0
while lines < records:
    got.append(slow.stdout.read(1 << 16))
    lines += got[-1].count(b"\n")
while True:
    before = look(slow.pid)
    time.sleep(0.1)
    if before[0] == "S" and look(slow.pid) == before:
        break  # it waits
status = open(f"/proc/{slow.pid}/status").read()
while got[-1]:
    got.append(slow.stdout.read(1 << 16))
assert slow.wait() == 0
assert b"".join(got) == open(sys.argv[2], "rb").read()
peak = int(status.partition("VmHWM:")[2].split()[0])
assert peak < enough * 1.4, (enough, peak)
