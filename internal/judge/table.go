package judge

const blockSize = 64

// table is an array that takes memory only for the blocks in use: a producer may have a million lanes, of which few are ever used. The zero
// value is an empty table.
type table[T any] struct{ blocks []*[blockSize]T }

// at returns the element, making it if need be.
func (t *table[T]) at(i uint32) *T {
	if b := int(i / blockSize); b < len(t.blocks) && t.blocks[b] != nil {
		return &t.blocks[b][i%blockSize]
	}
	return t.grow(i)
}

func (t *table[T]) grow(i uint32) *T {
	b := int(i / blockSize)
	if b >= len(t.blocks) {
		blocks := make([]*[blockSize]T, max(b+1, 2*len(t.blocks)))
		copy(blocks, t.blocks)
		t.blocks = blocks
	}
	t.blocks[b] = new([blockSize]T)
	return &t.blocks[b][i%blockSize]
}

// peek returns the element, or nil where its block was never used.
func (t *table[T]) peek(i uint32) *T {
	if b := int(i / blockSize); b < len(t.blocks) && t.blocks[b] != nil {
		return &t.blocks[b][i%blockSize]
	}
	return nil
}

// each calls visit for the elements of all blocks in use.
func (t *table[T]) each(visit func(i uint32, element *T)) {
	for b, block := range t.blocks {
		if block == nil {
			continue
		}
		for i := range block {
			visit(uint32(b*blockSize+i), &block[i])
		}
	}
}
