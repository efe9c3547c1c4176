#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""wire.py CONTROL CLIENT URL CLUSTER RUNS: creates Services through the API, as a user of namespace
CONTROL, and waits in namespace CLIENT for the first gratuitous ARP of an address not seen before.
Prints the p50, p99 and the most of the milliseconds between."""
import ctypes
import http.client
import json
import os
import select
import socket
import ssl
import sys
import time
import urllib.parse

control, client, url, cluster, runs = sys.argv[1:5] + [int(sys.argv[5])]
libc = ctypes.CDLL(None, use_errno=True)


def enter(namespace):
    with open("/run/netns/" + namespace) as f:
        if libc.setns(f.fileno(), 0x40000000) < 0:
            raise OSError(ctypes.get_errno(), "setns")


def gratuitous(frame):
    """The address that the frame announces, or None."""
    arp = frame[14:42]
    return arp[14:18] if len(arp) == 28 and arp[14:18] == arp[24:28] else None


enter(client)
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0806))
wire.bind(("eth0", 0x0806))
enter(control)
context = ssl.create_default_context(cafile=cluster + "/ca.crt")
context.load_cert_chain(cluster + "/admin.crt", cluster + "/admin.key")
where = urllib.parse.urlparse(url)
api = http.client.HTTPSConnection(where.hostname, where.port, context=context)


def post(path, body):
    api.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
    answer = api.getresponse()
    text = answer.read()
    if answer.status >= 300:
        sys.exit("%s: %d %s" % (path, answer.status, text[:200]))


def drain(seconds):
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if select.select([wire], [], [], left)[0]:
            address = gratuitous(wire.recv(2048))
            if address:
                seen.add(address)


seen, took = set(), []
for i in range(runs):
    name = "wire-%d-%d" % (os.getpid(), i)
    post("/apis/discovery.k8s.io/v1/namespaces/default/endpointslices", {
        "metadata": {"name": name, "labels": {"kubernetes.io/service-name": name}}, "addressType": "IPv4",
        "ports": [{"port": 80}],
        "endpoints": [{"addresses": ["198.51.100.1"], "nodeName": "node-a", "conditions": {"ready": True}}]})
    drain(0.2)  # what went before has its bursts; only an address not seen counts
    start = time.monotonic()
    post("/api/v1/namespaces/default/services", {
        "metadata": {"name": name},
        "spec": {"type": "LoadBalancer", "allocateLoadBalancerNodePorts": False, "ports": [{"port": 80}]}})
    while True:
        if not select.select([wire], [], [], 10)[0]:
            sys.exit("no gratuitous ARP within 10 s")
        address = gratuitous(wire.recv(2048))
        if address and address not in seen:
            took.append((time.monotonic() - start) * 1000)
            seen.add(address)
            break
took.sort()
print("%.1f %.1f %.1f" % (took[len(took) // 2], took[min(len(took) - 1, len(took) * 99 // 100)], took[-1]))
