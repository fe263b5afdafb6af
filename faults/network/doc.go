// Package network holds the faults done to the network between clients and broker: latency, blackhole and reset. They act in the
// connections that ordeal lends to drivers (faults.Links), so they need no rights and work on every platform and with every broker,
// also one that ordeal did not start. They do not touch the links between nodes.
//
// A selector chooses the connections: all, producers, consumers, a client (checkout-2) or all of an entry (checkout), node(n1), and with
// a target that knows its nodes leader(topic) and follower(topic). Admin connections are never touched.
package network
