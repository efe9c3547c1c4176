# SPDX-License-Identifier: Apache-2.0
"""services.py N [assigned [EVENTS [full]]]: a snapshot of N LoadBalancer Services as an API server has
them, and a pool of a /15 (of a /8 for more); every kind is complete at the end.  With `assigned` all
have an address; then come EVENTS more Services, for which there are addresses, unless `full`."""
import ipaddress
import json
import sys

n, assigned = int(sys.argv[1]), len(sys.argv) > 2
events, full = int(sys.argv[3]) if len(sys.argv) > 3 else 0, len(sys.argv) > 4
# the /15 for benchmarks of RFC 2544
first = ipaddress.ip_address("198.18.0.0" if n + events <= 131072 else "10.0.0.0")
addresses = "198.18.0.0/15" if n + events <= 131072 else "10.0.0.0/8"
if full:
    addresses = f"{first}-{first + n - 1}"


def add(kind, what):
    print(json.dumps({"type": kind, "object": what}, separators=(",", ":")))


add("ADDED", {"kind": "IPAddressPool", "apiVersion": "metallb.io/v1beta1",
              "metadata": {"name": "big", "namespace": "metallb-system"}, "spec": {"addresses": [addresses]}})

def service(i, assigned):
    name = f"service-{i:06}"
    cluster = f"127.{i >> 16}.{i >> 8 & 255}.{i & 255}"
    meta = {"name": name, "namespace": f"team-{i % 50}", "uid": f"{i:08x}-0000-4000-8000-000000000000",
            "resourceVersion": str(1000 + i), "creationTimestamp": f"2024-01-{i // 4000 % 28 + 1:02}T{i // 60 % 24:02}:{i % 60:02}:00Z",
            "labels": {"app.kubernetes.io/name": name, "tier": "web"}}
    status = {"loadBalancer": {}}
    if assigned:
        meta["annotations"] = {"metallb.io/ip-allocated-from-pool": "big"}
        status = {"loadBalancer": {"ingress": [{"ip": str(first + i), "ipMode": "VIP"}]}}
    add("ADDED", {"kind": "Service", "apiVersion": "v1", "metadata": meta,
                  "spec": {"ports": [{"name": "http", "protocol": "TCP", "port": 80, "targetPort": 8080, "nodePort": 30000 + i % 2768}],
                           "selector": {"app.kubernetes.io/name": name}, "clusterIP": cluster, "clusterIPs": [cluster],
                           "type": "LoadBalancer", "sessionAffinity": "None", "externalTrafficPolicy": "Cluster",
                           "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack", "allocateLoadBalancerNodePorts": True,
                           "internalTrafficPolicy": "Cluster"},
                  "status": status})


for i in range(n):
    service(i, assigned)
for kind, version in (("Service", "v1"), ("Namespace", "v1"), ("ConfigMap", "v1"), ("IPAddressPool", "metallb.io/v1beta1"), ("AddressPool", "metallb.io/v1beta1")):
    add("BOOKMARK", {"kind": kind, "apiVersion": version,
                     "metadata": {"annotations": {"k8s.io/initial-events-end": "true"}}})
for i in range(n, n + events):
    service(i, False)
