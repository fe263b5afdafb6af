// Package memory is a broker in this process: correct by default, and a liar on request.
//
// It is there for three reasons. Engine and checks are tested against it, because it needs nothing and is fast. It is the first
// target a new user can try. And it is the known answer behind every check: told to lose three messages it loses exactly three,
// chosen by a seed, each acked before, and keeps a log of them (Driver.Lies), so that a check must report those three and nothing else.
//
//	driver := memory.New()
//	cfg.Options, err = drivers.Resolve(driver.Options(), map[string]string{"lose": "3"})
//	session, err := driver.Open(ctx, cfg, env)
//
// All sessions opened from one Driver share its broker, and the first of them settles how it lies. Topics live until they are deleted.
//
// # What it does
//
//   - Log: every group reads all. A shard belongs to one member of a group at a time, so that a group sees each shard in order.
//   - Queue: one copy; members compete for each message.
//   - Broadcast: a group with members gets everything sent from then on, and its members compete; who is away gets nothing.
//   - Positions count from 1 in each shard. A message that no group needs any more is freed, in a log only when the topic holds more than
//     the option retain says, so that it can be replayed.
//   - Members of a log's group are told their shards whenever one of them comes or goes, within Receive.
//   - What a member has not acknowledged when it or its session closes, or what it nacks, is delivered again, flagged and counted,
//     before anything newer of its shard.
//   - Send waits while the unread part of a topic is larger than the option backlog says.
//
// There are no connections: Env.Dial is never called, so no network fault can reach it, and an abandoned session must be closed.
//
// # How it lies
//
// Lies are told where a message is stored, so all groups see the same ones. Each hits a message of its own, and a kind that is due waits
// for the next message that suits it. What was asked for and not told for want of messages is in Driver.Untold, and logged when the last
// session closes.
//
//   - lose: acked with a position, never stored. It leaves a hole in the positions; Ender does not count it.
//   - duplicate: stored at two neighbouring positions, neither flagged.
//   - reorder: acked without a position, and stored behind the next message of the same producer, shard and key. When the producer
//     is flushed or closed before such a message comes, it is stored in its place and the lie is told later.
//   - corrupt: one bit of the stored body is flipped. Empty bodies are spared.
//   - phantom: random bytes of the size of the message before them, which nobody sent.
//   - resurrect: rejected, and stored all the same.
//   - withhold: acked and stored, and passed over by every group; only a replay finds it. When the producer is flushed or closed before
//     another message of its shard comes, it is delivered and the lie is told later.
package memory
