package judge

// marks are how far one stream of deliveries has come: per producer and lane, and per producer and shard, the youngest message so far.
//
// A mark packs the incarnation into the upper 16 bits and the number plus one into the lower 48, so that one comparison tells whether a
// message is younger than all before it, and the zero value stands for none.
type marks struct {
	lanes  []table[uint64] // by producer ID - 1
	shards [][]uint64      // by producer ID - 1, then shard; for producers whose lanes are keys
}

func pack(incarnation uint16, n uint64) uint64 { return uint64(incarnation)<<48 | (n + 1) }

// pass moves a mark on, and returns by how much it is ahead of the message.
func pass(mark *uint64, packed uint64) uint64 {
	if packed > *mark {
		*mark = packed
		return 0
	}
	return ahead(*mark, packed)
}

// ahead is by how much a mark is ahead of a message: 0 unless both are of one incarnation.
func ahead(mark, packed uint64) uint64 {
	if packed > mark || packed>>48 != mark>>48 {
		return 0
	}
	return mark - packed
}

func newMarks(producers int) *marks {
	return &marks{lanes: make([]table[uint64], producers), shards: make([][]uint64, producers)}
}

func (m *marks) lane(producer int, lane uint32) *uint64 { return m.lanes[producer].at(lane) }

func (m *marks) shard(producer int, shard, shards int32) *uint64 {
	if m.shards[producer] == nil {
		m.shards[producer] = make([]uint64, shards)
	}
	return &m.shards[producer][shard]
}

// reset forgets everything and keeps the memory.
func (m *marks) reset() {
	for p := range m.lanes {
		for _, block := range m.lanes[p].blocks {
			if block != nil {
				*block = [blockSize]uint64{}
			}
		}
		clear(m.shards[p])
	}
}
