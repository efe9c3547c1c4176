/* SPDX-License-Identifier: Apache-2.0 */
/* The codes of Decisions.  lbctl-stream(5) has the same table, and a test compares them. */
#include "pkg/record/record.h"

const struct record_code record_codes[] = {
	{ "AddressAssigned", "The Service was given an address." },
	{ "AddressAvoided", "The address that the Service asks for ends in .0 or .255, and its pool "
			    "has avoidBuggyIPs." },
	{ "AddressConflict",
	    "Another host on the network claims an address that the node announces; the "
	    "message has its MAC address and the interface." },
	{ "AddressInUse", "The address is another's: of a Service, who is there with the reason why "
			  "they can't share it, or of somebody else on the network, which puts it "
			  "in quarantine." },
	{ "AddressKept", "The Service keeps the address that is recorded in its status." },
	{ "AddressLost",
	    "Of --what-if: the Service would have no address any more; the message tells why." },
	{ "AddressMoved", "Of --what-if: the Service would have another address." },
	{ "AddressNotInPool", "The address that the Service asks for is in no pool, or its two "
			      "addresses are not of one pool." },
	{ "AddressReleased", "The Service needs its address no more; it went back to its pool." },
	{ "AddressResting", "The address that the Service asks for was another's a moment ago, and "
			    "--reuse-delay has not passed." },
	{ "AnnouncementEnded",
	    "The node does not answer for the addresses any more; the message tells who does." },
	{ "Announcing", "The node answers for the addresses, on the interfaces without a code." },
	{ "Applied", "What was wanted of the object was written; the message tells what." },
	{ "ApplyDropped", "The object is gone, so what was wanted of it was not written." },
	{ "ApplyFailed",
	    "The API server or the directory refused the write; the message is its reason." },
	{ "AutoAssignOff", "Of a pool: it is not assigned automatically, only to who asks for it." },
	{ "BackendDiffers", "Of a Service: an address is not shared with it, because "
			    "externalTrafficPolicy is Local and the Pods are others." },
	{ "ConfigurationInvalid", "The object is wrong; the message has every place, what is wrong "
				  "there and what would be right." },
	{ "ConfigurationValid", "Nothing is wrong with the object any more." },
	{ "DryRun", "What would have been written without --dry-run." },
	{ "Elected", "This node announces the Service's addresses." },
	{ "Fairness", "How the addresses are spread over the nodes, without and with a what-if." },
	{ "FamilyMismatch",
	    "The addresses that the Service asks for are not of the families of its cluster IPs." },
	{ "ForeignAddress", "The status of the Service is another controller's, so it is left alone." },
	{ "HeldByOther", "Of a Service: another controller serves it, so its address is not shared." },
	{ "InvalidAddress",
	    "An entry of the Service's ingress is no IP address, so nothing is announced." },
	{ "MemberDown", "Of a node: its speaker is down." },
	{ "NoAddress", "The Service has no address yet, so there is nothing to announce." },
	{ "NoAdvertisement",
	    "No L2Advertisement is for the pool and the Service, so nothing is announced." },
	{ "NoCandidate",
	    "No node may announce the Service's addresses; each is there with its reason." },
	{ "NoClusterIP", "The Service is headless, so nothing could forward to its address." },
	{ "NoEndpoints",
	    "None of the Service's endpoints is ready or serving, so nothing is announced." },
	{ "NoInterface", "No interface of the node fits, so the addresses are not announced." },
	{ "NoLocalEndpoint",
	    "Of a node: externalTrafficPolicy is Local, and no usable endpoint is on it." },
	{ "NoMember", "Of a node: no speaker on it is known." },
	{ "NoPool", "There is no pool that is valid." },
	{ "NoPoolForFamily", "No pool that takes the Service, or the pool itself, has addresses of the "
			     "families that it needs." },
	{ "NoPoolMatches", "No pool takes the Service; each is there with its reason." },
	{ "NodeDown", "Of a node: --down says to count it as dead." },
	{ "NodeDrained", "Of a node: --drain says that it is to announce nothing." },
	{ "NodeExcluded", "Of a node: its label excludes it from external load balancers." },
	{ "NodeMissing", "Of a node: its speaker is known, but there is no Node of that name." },
	{ "NodeNetworkUnavailable", "Of a node: its condition NetworkUnavailable is True." },
	{ "NodeNotReady",
	    "Of a node: it is not Ready, and there are no Members to tell who is alive." },
	{ "NodeNotSelected", "Of a node: no advertisement of the address selects it." },
	{ "NodeShare", "How many addresses the node announces, without and with a what-if." },
	{ "NodeWithoutInterface",
	    "Of a node: by its annotation lbctl.dev/links, none of its interfaces that the "
	    "advertisements are for is up." },
	{ "NotElected", "Another node announces the Service's addresses." },
	{ "NotEnoughClusterIPs", "The Service requires two families, but has one cluster IP." },
	{ "NotInPool", "No pool holds all of the Service's addresses, so nothing is announced." },
	{ "NotLoadBalancer", "The Service is no load balancer, or one of another class." },
	{ "NotShared", "Of a Service: it, or the one that asks, has no sharing key." },
	{ "OtherClass", "The Service's loadBalancerClass is not the one that is served." },
	{ "PoolExhausted", "No address that the Service could have is free, or none of the pool." },
	{ "PoolMismatch", "The Service asks for an address and for another pool than its own." },
	{ "PoolRefusesNamespace", "The pool is for other namespaces." },
	{ "PoolRefusesService", "The pool is for Services with other labels." },
	{ "PoolUnknown", "The pool that the Service asks for is not there." },
	{ "PortInUse", "Of a Service: an address is not shared with it, because both have one port." },
	{ "RequestInvalid", "What the Service asks for can't be understood." },
	{ "SecondAddressPending", "The Service has one address, and would like one of the other family "
				  "that its pool can't give now." },
	{ "ServiceDeleted", "The Service is gone, and what it had with it." },
	{ "ServiceInvalid", "The Service can't be read; what it has it keeps." },
	{ "SharedAddressElsewhere", "Of a node: another Service that shares the address can't be "
				    "announced there; of a Service: "
				    "no node may announce both." },
	{ "SharedAddressWithSelectors",
	    "The annotation allow-shared-ip and an L2Advertisement with serviceSelectors exclude each "
	    "other, so nothing is announced." },
	{ "SharingKeyDiffers", "Of a Service: its sharing key is another one." },
	{ "Standby", "Of a node: it would announce if those before it could not." },
	{ "StillRecorded",
	    "Of a Service: it gives the address up, but its status does not say so yet." },
	{ NULL, NULL },
};
