package kafka

import (
	"testing"

	"pgregory.net/rapid"
)

// TestCommitsSkipNothing holds the progress against a list of all deliveries: what would be committed is never past one that is open,
// and always past those before it.
func TestCommitsSkipNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type delivery struct {
			offset int64
			tag    uint64
			done   bool
			marker bool
		}
		var all []delivery
		p := &progress{}
		offset := rapid.Int64Range(0, 1<<40).Draw(t, "start")
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			switch rapid.IntRange(0, 3).Draw(t, "what") {
			case 0, 1:
				all = append(all, delivery{offset: offset, tag: p.deliver(offset, 7)})
			case 2:
				p.skip(offset, 7)
				all = append(all, delivery{offset: offset, done: true, marker: true})
			default:
				if len(all) == 0 {
					continue
				}
				d := &all[rapid.IntRange(0, len(all)-1).Draw(t, "which")]
				if d.marker {
					continue
				}
				if fresh := p.finish(d.tag); fresh == d.done {
					t.Fatalf("offset %d: finished %v, was done %v", d.offset, fresh, d.done)
				}
				d.done = true
				continue
			}
			offset += 1 + rapid.Int64Range(0, 2).Draw(t, "gap") // compaction and markers leave gaps
		}
		want := int64(0)
		for _, d := range all {
			if !d.done {
				break
			}
			want = d.offset + 1
		}
		if p.done != want {
			t.Fatalf("%d would be committed; all is done before %d", p.done, want)
		}
	})
}
