# SPDX-License-Identifier: Apache-2.0
# announce.py FIFO MODE N: writes Announcements into lbctl announce's input and waits for the frames, on
# eth0.  MODE one: N, one after the other; prints p50 and p99 of the time from the record to its first
# frame, in us.  MODE all: N at once; prints the time to the first frame of the last one, in ms.
import socket
import sys
import time

FIRST = 198 << 24 | 19 << 16


def announcement(i):
    ip = socket.inet_ntoa((FIRST + i).to_bytes(4, "big"))
    return ('{"type":"ADDED","object":{"kind":"Announcement","apiVersion":"lbctl.dev/v1","metadata":{"namespace":'
            f'"default","name":"n{i}"}},"spec":{{"node":"node-a","addresses":["{ip}"]}}}}}}\n').encode()


def main():
    fifo, mode, n = open(sys.argv[1], "wb", buffering=0), sys.argv[2], int(sys.argv[3])
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0806))
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 20)
    s.bind(("eth0", 0x0806))
    s.settimeout(10)

    def first_frame_of(i):
        ip = (FIRST + i).to_bytes(4, "big")
        while s.recv(100)[28:32] != ip:
            pass

    if mode == "one":
        took = []
        for i in range(n):
            start = time.perf_counter()
            fifo.write(announcement(i))
            first_frame_of(i)
            took.append((time.perf_counter() - start) * 1e6)
            time.sleep(0.01)
        took.sort()
        print(round(took[n // 2]), round(took[n * 99 // 100]))
        return
    wanted = {(FIRST + i).to_bytes(4, "big") for i in range(n)}
    records = b"".join(announcement(i) for i in range(n))
    start = time.perf_counter()
    fifo.write(records)
    while wanted:
        wanted.discard(s.recv(100)[28:32])
    print(round((time.perf_counter() - start) * 1000, 1))


main()
