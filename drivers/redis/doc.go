// Package redis drives Redis 7.0 and newer: Streams with consumer groups for logs and queues, pub/sub for broadcasts.
//
// What an ack means, by guarantee:
//
//	sent        the reply to a PUBLISH; for a stream the reply to its XADD, which comes anyway
//	accepted    the reply to an XADD: the primary has it in memory
//	replicated  the XADD and a WAIT behind it: with the primary a majority of the topic's replicas has it in memory
//	durable     the XADD with appendfsync always, whose reply comes after the fsync; with replicas a WAITAOF behind it (7.2)
//
// A shard is a stream <topic>:<shard>; a group is a consumer group of its name in each of them, with a consumer m<member> for each member.
// What a stream cannot tell (the model, the number of shards, the groups' ack modes) is kept in the hash <topic>:settings. A log keeps its
// entries (no MAXLEN unless max_len says so). A queue has one group and deletes an entry together with its acknowledgement, in one
// transaction, so that what its streams hold is what is owed. A broadcast is no more than the channels <topic>:<shard>; the members of a
// group share the shards.
//
// With the option queue: list a shard of a queue is a list instead: RPUSH to send, LMOVE to a list of the member that takes a message, LREM
// to acknowledge it (see lists). What it cannot do: a list has no positions, so that no receipt and no delivery has one; keys and headers
// do not travel; nobody counts deliveries, and the only redeliveries that are marked are those that the driver itself took from what was
// given back or left behind. Two messages with the same body are the same to a list.
//
// # Sending
//
// Messages go over connections of the driver's own (wire, resp): Send writes in the caller's goroutine, behind whatever is on its way, and
// blocks only for the kernel's buffer; one goroutine reads the replies, which come in the same order, and settles all that one read
// brought. The engine's window bounds what is on its way. One WAIT or WAITAOF at a time is on its way, too, and answers for all messages
// before it (see confirm). A WAITAOF takes up to a second, because replicas tell once a second what they have synced.
//
// Everything else is asked by way of rueidis, whose own ways to help are switched off: no retries, no automatic pipelining, no reconnects
// (a connection is dialled once), no cache.
//
// # Receiving
//
// A member fetches with two XREADGROUPs in one write, each for all shards, and never holds more than the prefetch (see ask for why two).
// With room for fewer messages than there are shards it looks at some at a time, in turn, and waits only when all had nothing (see
// patience; a member of a list does likewise, see places).
// Receive reads the connection in the caller's goroutine, and bodies stay where they were read to. What the member gives back (Nack,
// Close, an earlier life of its member) goes to a consumer named "returned", and whoever sees it there claims it. What a member held that
// vanished is claimed by the others after claim_idle. See look for why that is not XAUTOCLAIM. An ack is sent with the next fetch, which
// Ack writes where none is under way, else at most 2 ms later: what a member acknowledged less than that before it was killed comes again.
// A log's acks are not answered, but for one a second (see hush).
//
// A broadcast's listener reads on while fewer than prefetch messages wait for Receive, so that a slow one meets the server's limits (see
// catch).
//
// # Which server
//
// Of several servers the primary is asked for anew with each session (see primary). A READONLY error ends the connection that met it, so
// that the engine comes back for the new primary; the message it was for is rejected. Redis Cluster is not spoken.
//
// # Limits
//
//   - Members of one group compete, which keeps no order; Promise says so.
//   - Reading positions and acknowledgements of a group reach the replicas later than the messages: a failover delivers some again.
//   - A group whose server lost its data is made again when a member joins, as applications do at their start.
package redis
