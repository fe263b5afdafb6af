// Package judge says what a run proved about its messages: what was lost, invented, damaged, delivered again or out of order.
//
// # One book
//
// A [Book] is told of every attempt, receipt and delivery, live by the goroutines that cause them or later from a saved history, and
// keeps what is needed to classify them. After everything has stopped, [Book.Findings] sums up. A [Check] is a pure function from
// findings to a [Verdict]. So all checks share one set of facts, nothing is called through an interface while messages flow, and a
// saved run is judged by the same code as a live one. (The first design had an observer per check; see docs/adr/0004-one-book.md.)
//
// Events that follow one another directly may come as one, a streak (see streak.go); they are judged as if they came one by one.
//
// # What is kept
//
// Per producer and lane: how many were attempted, the set of the acked, the sets of the rejected. The outcome of all others is unknown.
// Per group, producer and lane: the set of the seen, and only where something was odd the sets of those seen twice, claimed by a damaged
// body, or reordered. A set is a watermark plus what deviates from it, so memory follows the anomalies and not the messages (see set.go).
//
// # What is compared
//
// Lost: acked, and never delivered whole or damaged to a group of the topic, although the drain of the group was complete. Without a
// complete drain the same message is unseen. Unknown sends may appear or not.
//
// Phantom: a body that this run did not stamp; a producer, lane or topic that the group does not read; a sequence number never attempted; a
// rejected send that was delivered all the same. Where ordeal sent a message again, the receipt of a rejected first try comes before the
// final one, and the stamp tells what came of that try from what came of later ones: it is a phantom though one of these was acked. Later
// tries are alike, and what came of them is a phantom only if all were rejected.
//
// Duplicated: every delivery of a message to a group after its first. It is in the log where the broker did not flag it and its position is
// above everything the group had been given from that shard; unexplained where it is neither flagged nor has a position; else redelivered.
//
// Reordered, on first appearances in the group that the broker did not flag as redelivered, messages of one producer, one incarnation
// of it, and one key (per-key) or one shard (per-shard) only:
//
//   - within one session of one member, arrival order decides: a message that arrives after a younger one is reordered;
//   - across members and sessions, positions decide: a message that lies behind a younger one in the log is reordered. For this the
//     deliveries of a group with several members are put into the order of their positions, as far as they arrive within some
//     thousand deliveries of each other (see logorder.go); later ones are left unjudged, and a check that finds nothing else is
//     inconclusive where they are more than one in a hundred.
//
// So a lost connection alone gives 1 2 3 2 3 4, which has duplicates and no reordering. A flagged first appearance behind a younger
// message is counted as displaced and not judged. Messages of different incarnations of a producer are not compared, nor is a message
// of an older incarnation that arrives after one of a newer. What ordeal itself sent again (a scenario's retry), and probes, are of no
// incarnation (message.Unordered): nothing is said about their order.
//
// # Merging
//
// Books of several workers merge. The sets are united, so loss, phantoms, corruption and duplicates come out the same however the
// events were split. Order is judged within each part; a message that is reordered in one part and was seen in another is taken as
// redelivered.
package judge
