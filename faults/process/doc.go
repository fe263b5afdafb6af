// Package process holds the faults done to broker processes: kill, pause and stop. Each acts upon the nodes that a selector chooses (n1,
// any, all, leader(topic), follower(topic)), and brings them back after the fault's time, on the same port and data.
//
//	fault := process.Kill().New(faults.Spec{Target: "leader(orders)", For: 5 * time.Second})
//	record := guard.Run(ctx, spec, fault, target)
package process
