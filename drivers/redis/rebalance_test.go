package redis

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"ordeal/drivers"
)

// TestRebalance: the members of a broadcast's group are told how its shards are divided, as others come, go and vanish.
func TestRebalance(t *testing.T) {
	k := startNode(t)
	topic := drivers.Topic{Name: "news", Model: drivers.Broadcast, Shards: 4, Replicas: 1, Groups: []drivers.Group{{Name: "g", Members: 3}}}
	var mu sync.Mutex
	told := make([][]int32, 3)
	calls := make([]int, 3)
	join := func(member int) *listener {
		t.Helper()
		c, err := connect(t, drivers.Config{Servers: []string{k.address}}).Consumer(t.Context(), drivers.ConsumerSpec{
			Topic: topic, Group: topic.Groups[0], Member: member,
		})
		if err != nil {
			t.Fatal(err)
		}
		c.(drivers.Rebalancer).OnRebalance(func(shards []int32) {
			mu.Lock()
			defer mu.Unlock()
			told[member] = shards
			calls[member]++
		})
		return c.(*listener)
	}
	expect := func(want ...[]int32) {
		t.Helper()
		eventually(t, func() error {
			mu.Lock()
			defer mu.Unlock()
			for i := range want {
				if !slices.Equal(told[i], want[i]) {
					return fmt.Errorf("told %v, want %v", told, want)
				}
			}
			return nil
		})
	}
	join(0)
	expect([]int32{0, 1, 2, 3})
	second := join(1)
	expect([]int32{0, 2}, []int32{1, 3})
	third := join(2)
	expect([]int32{0, 3}, []int32{1}, []int32{2})
	if err := second.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	after := calls[1]
	mu.Unlock()
	third.line.cut() // it vanishes without a word
	expect([]int32{0, 1, 2, 3})
	mu.Lock()
	left := told[1]
	mu.Unlock()
	expect([]int32{0, 1, 2, 3}, left, nil)
	mu.Lock()
	defer mu.Unlock()
	if calls[1] != after {
		t.Errorf("a member was told %d times after Close", calls[1]-after)
	}
}
