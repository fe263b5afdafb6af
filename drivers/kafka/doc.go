// Package kafka drives Apache Kafka by franz-go.
//
// What an ack means, by guarantee:
//
//	sent        the message was written to the socket                              acks=0
//	accepted    the leader has it                                                  acks=1
//	replicated  a majority has it: RF 3, min.insync.replicas 2, unclean off        acks=all
//	durable     the same, each message synced by each of them (flush.messages=1)   acks=all
//
// A topic is a topic of its name with a partition for each shard; nothing is ever dropped from it. A group is a consumer group
// called <topic>.<group>, because groups of Kafka are not a topic's own. Declare commits the beginning of the log for it, with a
// note of model and ack mode beside the offsets, so that a group is owed everything from then on and the broker's count of what is
// left is exact. A queue is a log with one group: what competes is shards, not messages, and more members than shards leave some
// without work. A broadcast is a log whose listeners begin at its end: by itself where a group has one member, else as a group of
// Kafka's that commits what arrives. Positions are offsets as Kafka shows them, from 0. Shards are shared out by the group
// protocol.
//
// # Acks
//
// Kafka remembers one offset for a group and partition, not messages. The driver commits how far everything before is done, never
// past a delivery that is open; one commit is under way at a time, at most ten a second, and tells all that was acknowledged since
// the last. Acks before the work are commits that the broker has confirmed before Receive returns. Nack with requeue delivers again
// from this client's memory, marked as redelivered; the broker marks nothing, and after a crash or a rebalance everything since the
// last commit comes again unmarked.
//
// # What it does not leave to the client library
//
//   - Nothing is sent again. franz-go replaces lost connections and repeats what was in flight; with idempotence its own switches
//     for that do not always hold. So the driver watches the connections: when one that carries messages goes, all of the client's
//     are closed before the library learns of it, and new ones are refused. What was in flight is unknown, and the producer or
//     consumer is over. A connection that is idle is watched, too.
//   - A broker's answer that the library would retry ends the message instead (RecordRetries 0), and makes the library look for the
//     new leader. So that no message is called rejected because of another one's answer, messages that are not numbered are sent in
//     one request at a time to each broker. With transactions there is an exception: what a broker says that it may or may not have
//     (REQUEST_TIMED_OUT, NOT_ENOUGH_REPLICAS_AFTER_APPEND) the library sends again under its number, and cannot be told not to. After
//     three times request_timeout without another answer it is unknown, and the producer is over.
//   - Offsets are committed by the engine's acks alone.
//   - Messages are fetched by the driver, which asks for the next while it unpacks the last. The library shares out the group's shards
//     and says where they begin; it is told of no offset, so it fetches nothing.
//   - A consumer does not jump. Where the log no longer has what comes next, ends before it, or has got a leader whose log parts from
//     what was read, the consumer says what is missing and is over; the group goes on with what is there.
//
// What is left to it: connections that ask for metadata, coordinators and producer ids are replaced and their requests repeated,
// which no message depends on; messages to a partition without a leader wait in the client, unsent, for at most twice
// request_timeout; batches are cut by the library. With retry: client none of the above holds: the library reconnects and sends
// again in its own way.
//
// # Limits
//
//   - Idempotence takes acks=all: with sent and accepted nothing is numbered. Without retries the numbers only show.
//   - With transactions every batch is one, and Send returns once the broker has confirmed its end; End knows no positions then,
//     because the last offset of a log is that of a marker. The next one begins when the coordinator has told the shards of that end.
//     What was committed behind one that is open cannot be read before that ends: it counts as left to be read. One whose Send is
//     interrupted is aborted by Close, and one whose producer vanishes by the next incarnation, or by the broker in its time.
//   - A member that vanishes leaves its shards to the others after session_timeout; one that comes back under its own name takes
//     them over at once (static_members). With balancer broker the broker has a time-out of its own, and keeps the name for who had it;
//     Close tells it of a member that lost its connections that it comes back (see release).
//   - Kafka tells no version: the fact is the release that speaks the requests it offers. By these a broker that is too old is
//     refused (see needed).
//   - A message waits for others (linger) unless the producer's window is full, in which case nobody would come.
//   - What a quota costs is told and is no error.
package kafka
