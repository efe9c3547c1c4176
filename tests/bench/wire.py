#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""wire.py CONTROL CLIENT URL CLUSTER RUNS: creates Services through the API, as a user of namespace
CONTROL, and waits in namespace CLIENT for the first frame that speaks of an address not seen before:
the probe whether it is free, or else the gratuitous ARP; and for the first gratuitous ARP.  A
watch of its own tells what went before: the Service is there, and has its address.
Prints lines "WHAT P50 P99 MOST" in milliseconds, since the request was sent or since the one before."""
import ctypes
import http.client
import json
import os
import queue
import select
import socket
import ssl
import sys
import threading
import time
import urllib.parse

control, client, url, cluster, runs = sys.argv[1:5] + [int(sys.argv[5])]
libc = ctypes.CDLL(None, use_errno=True)


def enter(namespace):
    with open("/run/netns/" + namespace) as f:
        if libc.setns(f.fileno(), 0x40000000) < 0:
            raise OSError(ctypes.get_errno(), "setns")


def spoken_of(frame):
    """(address, gratuitous) of an announcement or a probe, or (None, False)."""
    arp = frame[14:42]
    if len(arp) != 28:
        return None, False
    sender, target = arp[14:18], arp[24:28]
    if sender == target:
        return sender, True
    return (target, False) if sender == bytes(4) else (None, False)


enter(client)
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0806))
wire.bind(("eth0", 0x0806))
enter(control)
context = ssl.create_default_context(cafile=cluster + "/ca.crt")
context.load_cert_chain(cluster + "/admin.crt", cluster + "/admin.key")
where = urllib.parse.urlparse(url)
services = "/api/v1/namespaces/default/services"


def connect():
    return http.client.HTTPSConnection(where.hostname, where.port, context=context)


def ask(api, method, path, body=None):
    api.request(method, path, json.dumps(body) if body else None, {"Content-Type": "application/json"})
    answer = api.getresponse()
    text = answer.read()
    if answer.status >= 300:
        sys.exit("%s: %d %s" % (path, answer.status, text[:200]))
    return json.loads(text)


def watch(version, seen):
    api = connect()
    api.request("GET", services + "?watch=1&resourceVersion=" + version)
    answer = api.getresponse()
    while line := answer.readline():
        now, event = time.monotonic(), json.loads(line)
        seen.put((now, event["object"]["metadata"]["name"],
                  bool(event["object"].get("status", {}).get("loadBalancer", {}).get("ingress"))))


def drain(seconds):
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if select.select([wire], [], [], left)[0]:
            known.add(spoken_of(wire.recv(2048))[0])


def frames():
    """When the first frame of a new address came, and the first gratuitous one."""
    first, address = None, None
    while True:
        if not select.select([wire], [], [], 10)[0]:
            sys.exit("no gratuitous ARP within 10 s")
        which, gratuitous = spoken_of(wire.recv(2048))
        if which in known or (address and which != address):
            continue
        first, address = first or time.monotonic(), which
        if gratuitous:
            known.add(address)
            return first, time.monotonic()


def told(name):
    """When the watch said that it is there, and that it has its address."""
    there = None
    while True:
        when, which, assigned = seen.get(timeout=10)
        if which == name:
            there = there or when
            if assigned:
                return there, when


api, seen, known = connect(), queue.Queue(), {None}
threading.Thread(target=watch, args=(ask(api, "GET", services + "?limit=1")["metadata"]["resourceVersion"], seen),
                 daemon=True).start()
took = {"whole": [], "there": [], "assigned": [], "frame": [], "gratuitous": []}
for i in range(runs):
    name = "wire-%d-%d" % (os.getpid(), i)
    ask(api, "POST", "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices", {
        "metadata": {"name": name, "labels": {"kubernetes.io/service-name": name}}, "addressType": "IPv4",
        "ports": [{"port": 80}],
        "endpoints": [{"addresses": ["198.51.100.1"], "nodeName": "node-a", "conditions": {"ready": True}}]})
    drain(0.3)  # what went before has its bursts; only an address not seen counts
    start = time.monotonic()
    ask(api, "POST", services, {
        "metadata": {"name": name},
        "spec": {"type": "LoadBalancer", "allocateLoadBalancerNodePorts": False, "ports": [{"port": 80}]}})
    first, gratuitous = frames()
    there, assigned = told(name)
    for what, since, until in (("there", start, there), ("assigned", there, assigned), ("frame", assigned, first),
                               ("whole", start, first), ("gratuitous", start, gratuitous)):
        took[what].append((until - since) * 1000)
for what, times in took.items():
    times.sort()
    print("%s %.1f %.1f %.1f" % (what, times[len(times) // 2], times[min(len(times) - 1, len(times) * 99 // 100)], times[-1]))
