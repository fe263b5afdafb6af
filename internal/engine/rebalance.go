package engine

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// rebalances follows which shards the consumers are told to read. Its method told may be called from any goroutine.
type rebalances struct {
	events *events

	mu    sync.Mutex
	last  map[string][]int32
	ended bool
	// count is how often a consumer was given other shards than before while the load or the drain went on.
	count int64
}

func newRebalances(e *events) *rebalances { return &rebalances{events: e, last: map[string][]int32{}} }

// told notes that consumer reads shards. What it reads first is no change, and nor is what happens when the run takes leave.
func (r *rebalances) told(consumer string, shards []int32) {
	r.mu.Lock()
	before, known := r.last[consumer]
	changed := !r.ended && (!known || !slices.Equal(before, shards))
	if changed {
		r.last[consumer] = slices.Clone(shards)
	}
	if changed && known && r.events.now() > 0 {
		r.count++
	}
	r.mu.Unlock()
	if changed && (known || len(shards) > 0) {
		r.events.add("rebalance", "%s reads %s", consumer, shardsText(shards))
	}
}

// end stops the counting and returns what was counted.
func (r *rebalances) end() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = true
	return r.count
}

// shardsText names shards, neighbours together: "the shards 0-3, 7".
func shardsText(shards []int32) string {
	if len(shards) == 0 {
		return "no shard"
	}
	var parts []string
	for i := 0; i < len(shards); {
		j := i
		for j+1 < len(shards) && shards[j+1] == shards[j]+1 {
			j++
		}
		if j > i {
			parts = append(parts, fmt.Sprintf("%d-%d", shards[i], shards[j]))
		} else {
			parts = append(parts, strconv.Itoa(int(shards[i])))
		}
		i = j + 1
	}
	if len(shards) == 1 {
		return "shard " + parts[0]
	}
	return "the shards " + strings.Join(parts, ", ")
}
