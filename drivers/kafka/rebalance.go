package kafka

import (
	"maps"
	"slices"

	"ordeal/drivers"
)

var (
	_ drivers.Rebalancer = (*member)(nil)
	_ drivers.Rebalancer = audience{}
)

// OnRebalance tells f what the group's callbacks give and take, by any way of sharing out: with the eager ones a member first loses all.
// A member whose connection is lost has no shards from the moment that its client is closed; its group may take longer to notice.
func (m *member) OnRebalance(f func(shards []int32)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.watch = f
	m.changed()
}

// changed tells of the shards as they are now. m.mu is held, which keeps the words in order.
func (m *member) changed() {
	if m.watch != nil {
		m.watch(slices.Sorted(maps.Keys(m.shards)))
	}
}

// bereft is the end of a member: it has no shards, and nothing is told any more.
func (m *member) bereft() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for shard, p := range m.shards {
		p.revoked = true
		delete(m.shards, shard)
		if len(m.shards) == 0 {
			m.changed()
		}
	}
	m.watch = nil
}
