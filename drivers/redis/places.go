package redis

import (
	"slices"
	"time"
)

// briefly is how long a consumer waits at first for messages of some shards while it has no room to wait for those of all. A server that
// has nothing else to do may take until its next tick to notice that the time is over, but notices when a message comes, for whichever
// shard.
const briefly = 5 * time.Millisecond

// lull is how long a consumer waited last for messages of some shards, since it had one. Consumers of an idle topic would keep the server
// busy with looks if they did not wait longer each time.
type lull time.Duration

// longer is how long to wait now, at most as long as for all shards.
func (l *lull) longer(most time.Duration) time.Duration {
	*l = lull(min(max(2*time.Duration(*l), briefly), most))
	return time.Duration(*l)
}

// places are the room of a worker, which its goroutines take in turn. Without turns the goroutine of an empty shard, which waits for
// messages and then begins anew, would have the last place again before the one whose shard has messages is awake.
type places struct {
	// limit is how many messages may be held.
	limit int
	// shards is how many goroutines wait for messages, one for each shard. Numbers from it on are of those who only take what is there.
	shards int
	// reserved are the places for what is being taken, served how many shards have some.
	reserved, served int
	// queue are those who found no place, the first first.
	queue []int
	// vain counts looks in a row that brought nothing.
	vain int
	lull lull
}

// take reserves at most n places for who while so many messages are held. It returns none where there is no room or others are before who,
// who is in the queue then.
func (p *places) take(who, n, held int) int {
	room := p.limit - held - p.reserved
	if room < 1 || len(p.queue) > 0 && p.queue[0] != who {
		if !slices.Contains(p.queue, who) {
			p.queue = append(p.queue, who)
		}
		return 0
	}
	p.leave(who)
	n = min(n, room)
	p.reserved += n
	if who < p.shards {
		p.served++
	}
	return n
}

// free gives the n places back that who had, with which came messages were taken.
func (p *places) free(who, n, came int) {
	p.reserved -= n
	if who < p.shards {
		p.served--
	}
	if p.vain++; came > 0 {
		p.vain, p.lull = 0, 0
	}
}

// patience is how long who has places may wait for messages of its shard, at most most, while so many are held. Where the last place is
// taken and not every shard has one, nobody is to wait for one shard while another has messages: so it only looks, until all have been
// looked at in vain, and then waits briefly, and longer each time.
func (p *places) patience(held int, most time.Duration) time.Duration {
	switch {
	case p.served == p.shards && len(p.queue) == 0, held+p.reserved < p.limit:
		return most
	case p.vain < p.shards:
		return 0
	default:
		p.vain = 0
		return p.lull.longer(most)
	}
}

// leave takes who out of the queue.
func (p *places) leave(who int) {
	p.queue = slices.DeleteFunc(p.queue, func(other int) bool { return other == who })
}

// next tells whose turn it is, where there is room and somebody waits.
func (p *places) next(held int) (who int, there bool) {
	if len(p.queue) == 0 || p.limit-held-p.reserved < 1 {
		return 0, false
	}
	return p.queue[0], true
}
