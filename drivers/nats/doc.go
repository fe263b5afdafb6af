// Package nats drives NATS: JetStream for logs and queues, core NATS for broadcasts and for the guarantee "sent".
//
// What an ack means, by guarantee:
//
//	sent        a PONG that came after the message: the server has read it        core publish
//	accepted    a PubAck of a stream with one replica                             JetStream, R1
//	replicated  a PubAck of a stream with three or five: a majority has it        JetStream, R3
//	durable     the same, with file storage and the server's sync_interval set to always
//
// A topic is a stream of its name with the subjects <topic>.<shard>; a group is a durable pull consumer of its name. A log keeps its
// messages (limits retention, no limits); a queue drops them when they are acknowledged (work-queue retention, one group). A broadcast is
// no more than the subjects: a group is a queue group of core subscriptions, so that its members share one copy.
//
// # What it does not leave to the client library
//
//   - Nothing reconnects: any disconnect ends the session, its producers and its consumers. Gossip about other servers is ignored, so
//     that a client stays where a fault was meant to hit it.
//   - Messages go over connections of the driver's own, one for each producer and consumer (see wire): the goroutine that sends or receives
//     makes the system call itself, and a delivery's body lies where the kernel put it. What is asked now and then goes by the library.
//   - A JetStream publish under way has a reply subject of its own, in one inbox, at about a third of the client CPU of PublishMsgAsync;
//     what follows has the same again (see flight). Nothing is sent twice. Acks wait up to 5 ms for others, for the next pull request, or
//     for room that the server may be waiting for, and are one write then: what was acknowledged less than that before a crash comes again.
//   - Consuming has pull requests of its own, at most the prefetch outstanding or unacknowledged for one member, with heartbeats; a
//     request that went silent, as after the loss of the consumer's leader, is asked again.
//   - A consumer that does not receive for a while leaves what is sent to it in the server: of a broadcast the server keeps max_pending,
//     64 MiB, and hangs up on a client that takes nothing for write_deadline, 10 s.
//
// # Limits
//
//   - Members of one group compete, which keeps no order; Promise says so. Keys do not travel.
//   - A member that vanishes leaves what it had to the others only after ack_wait. A polite Close gives it back at once.
//   - Acks on arrival (AckBefore) are a consumer without acks for a log; a work queue must have them, so the driver sends one as a message
//     arrives.
package nats
