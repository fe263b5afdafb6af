// Package cluster starts real brokers on this machine as child processes of ordeal, and makes sure that everything it started is gone when
// ordeal is gone: after Close, after a cancelled Start, and after a SIGKILL of ordeal itself.
//
//	c, err := cluster.Start(ctx, cluster.Spec{Kind: "nats", Nodes: 3, Dir: dir, Logger: logger})
//	defer c.Close(context.WithoutCancel(ctx))
//	err = c.Nodes()[0].Signal(ctx, faults.Kill) // n1 is gone
//	err = c.Nodes()[0].Start(ctx)               // and back on the same port and data
//
// A Process is any child that is a node; a kind of broker adds its configuration and how to ask whether it serves (see nats.go). Each
// node has a folder of its own below Spec.Dir: configuration, data, and a log that is appended to over restarts.
//
// nats-server needs no installation: it is a library in ordeal's own binary, which runs itself again with the hidden command
// "node nats-server" (NATSMain). The test binary of a package that starts clusters must do the same first thing in TestMain (Serve).
package cluster
