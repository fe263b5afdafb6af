package memory

import "slices"

// OnRebalance has f told the member's shards at once and, within Receive, after each member that came or went.
func (s sharer) OnRebalance(f func(shards []int32)) {
	s.topic.mu.Lock()
	s.assigned = f
	s.told = s.shards()
	told := slices.Clone(s.told)
	s.topic.mu.Unlock()
	f(told)
}

// shards are those that the member reads. The topic is locked.
func (m *member) shards() []int32 {
	out := []int32{}
	for i := range m.group.cursors {
		if m.owns(i) {
			out = append(out, int32(i))
		}
	}
	return out
}

// rebalanced returns the member's shards where they are others than it was told, and nil where they are not or nobody asks. The topic is
// locked.
func (m *member) rebalanced() []int32 {
	if m.assigned == nil {
		return nil
	}
	now := m.shards()
	if slices.Equal(now, m.told) {
		return nil
	}
	m.told = now
	return slices.Clone(now)
}
