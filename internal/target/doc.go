// Package target reads target files: where a scenario runs, in more words than fit on a command line.
//
//	version: 1
//	driver: nats
//	nodes:
//	  n1: {address: "10.0.0.1:4222", commands: {kill: ssh 10.0.0.1 pkill -9 nats-server, start: ssh 10.0.0.1 systemctl start nats}}
//	auth: {user: ordeal, password: {env: NATS_PASSWORD}}
//	tls: {ca: ca.pem}
//
// They are read as strictly as scenarios: all mistakes at once, each with its place. A secret never stands in the file, which may be under
// version control, and never in an error. The reference is docs/targets.md.
package target
