# SPDX-License-Identifier: Apache-2.0
"""sharing.py ports|wait|keys N: a pool of one address, and N Services with one sharing key that come and go in
turn: each with its own port, so that all have the address; or all with one port, so that one has it.
keys: a full pool of N addresses, for which N Services wait, each with a key of its own; then they become free in turn."""
import json
import sys

what, n = sys.argv[1], int(sys.argv[2])
own, keys = what == "ports", what == "keys"


def add(kind, what):
    print(json.dumps({"type": kind, "object": what}, separators=(",", ":")))


def service(kind, i, key="key"):
    cluster = f"127.0.{i >> 8}.{i & 255}"
    add(kind, {"kind": "Service", "apiVersion": "v1",
               "metadata": {"name": f"service-{i:05}", "namespace": "default", "uid": f"{i:08x}-0000-4000-8000-000000000000",
                            "creationTimestamp": f"2024-01-01T{i // 3600:02}:{i // 60 % 60:02}:{i % 60:02}Z",
                            "annotations": {"metallb.io/allow-shared-ip": key}},
               "spec": {"ports": [{"protocol": "TCP", "port": 1000 + i if own else 80}], "clusterIP": cluster, "clusterIPs": [cluster],
                        "type": "LoadBalancer", "externalTrafficPolicy": "Cluster", "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack"},
               "status": {"loadBalancer": {}}})


add("ADDED", {"kind": "IPAddressPool", "apiVersion": "metallb.io/v1beta1",
              "metadata": {"name": "one", "namespace": "metallb-system"}, "spec": {"addresses": [f"10.0.0.0-10.0.{n - 1 >> 8}.{n - 1 & 255}" if keys else "192.0.2.0/32"]}})
for kind, version in (("Service", "v1"), ("Namespace", "v1"), ("ConfigMap", "v1"), ("IPAddressPool", "metallb.io/v1beta1"), ("AddressPool", "metallb.io/v1beta1")):
    add("BOOKMARK", {"kind": kind, "apiVersion": version,
                     "metadata": {"annotations": {"k8s.io/initial-events-end": "true"}}})
for i in range(n):
    service("ADDED", i)
for i in range(n if keys else 0):
    service("ADDED", n + i, f"key-{i}")
for i in range(n):
    service("DELETED", i)
