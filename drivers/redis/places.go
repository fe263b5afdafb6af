package redis

import (
	"slices"
	"time"
)

// briefly is how long a consumer waits for messages of some shards while it has no room to wait for those of all. A server that has nothing
// else to do may take until its next tick to notice that the time is over, but notices when a message comes, for whichever shard.
const briefly = 5 * time.Millisecond

// places are the room of a worker, which its goroutines take in turn. Without turns the goroutine of an empty shard, which waits for
// messages and then begins anew, would have the last place again before the one whose shard has messages is awake.
type places struct {
	// limit is how many messages may be held.
	limit int
	// reserved are the places for what is being taken.
	reserved int
	// queue are those who found no place, the first first.
	queue []int
	// vain counts looks in a row that brought nothing.
	vain int
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
	return n
}

// free gives n places back, with which came messages were taken.
func (p *places) free(n, came int) {
	p.reserved -= n
	if p.vain++; came > 0 {
		p.vain = 0
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
