package history

import (
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
)

// fileMagic begins every history; its character before the last is the version of the format. Version 1 had no runs, and is read as well.
const (
	fileMagic   = "ordeal history 2\n"
	magicBefore = "ordeal history 1\n"
)

// blockKind tells what a block holds.
type blockKind uint8

const (
	headerBlock blockKind = iota + 1
	attemptBlock
	receiptBlock
	deliveryBlock
	footerBlock
)

const (
	headSize = 20
	// fullBlock is the size at which a block of events is handed over; eventMax is more than one coded event takes.
	fullBlock = 64 << 10
	eventMax  = 128
	// blockEvents is how many events a block has at most: what is not handed over is lost with a process that is killed.
	blockEvents = 64 << 10
	// blockMax bounds what a reader believes. Headers and footers hold a plan and evidence, which may be long.
	blockMax = 64 << 20
)

// head is what precedes a block's payload.
type head struct {
	kind   blockKind
	id     uint32
	length uint32
	events uint32
	sum    uint32
}

// seal writes the head into the first headSize bytes of block and returns the checksum, which the next block's is chained to.
func seal(block []byte, h head, before uint32) uint32 {
	block[0], block[1], block[2], block[3] = byte(h.kind), 0, 0, 0
	binary.LittleEndian.PutUint32(block[4:], h.id)
	binary.LittleEndian.PutUint32(block[8:], uint32(len(block)-headSize))
	binary.LittleEndian.PutUint32(block[12:], h.events)
	sum := blockSum(block, before)
	binary.LittleEndian.PutUint32(block[16:], sum)
	return sum
}

func blockSum(block []byte, before uint32) uint32 {
	table := crc32.MakeTable(crc32.Castagnoli)
	sum := crc32.Update(before, table, block[:headSize-4])
	return crc32.Update(sum, table, block[headSize:])
}

func parseHead(b []byte) (h head, ok bool) {
	h = head{
		kind: blockKind(b[0]), id: binary.LittleEndian.Uint32(b[4:]), length: binary.LittleEndian.Uint32(b[8:]),
		events: binary.LittleEndian.Uint32(b[12:]), sum: binary.LittleEndian.Uint32(b[16:]),
	}
	ok = h.kind >= headerBlock && h.kind <= footerBlock && b[1]|b[2]|b[3] == 0 && h.length <= blockMax && h.events <= blockEvents
	return h, ok
}

// Header opens a history. It holds what is known before the run.
type Header struct {
	// Run is the run's id.
	Run string `json:"run"`
	// Plan is the judge's plan; this package does not look into it.
	Plan json.RawMessage `json:"plan,omitempty"`
	// Phases are the run's, for people who read the file.
	Phases []Phase `json:"phases,omitempty"`
}

// Phase is one stretch of a run, in ns since the epoch.
type Phase struct {
	Name  string `json:"name"`
	Start int64  `json:"start"`
	End   int64  `json:"end"`
}

// Totals count the events of a history.
type Totals struct {
	Attempts   int64 `json:"attempts"`
	Receipts   int64 `json:"receipts"`
	Deliveries int64 `json:"deliveries"`
}

// Events is how many there are of all kinds.
func (t Totals) Events() int64 { return t.Attempts + t.Receipts + t.Deliveries }

// footer closes a history. It holds what is known after the run.
type footer struct {
	Totals Totals `json:"totals"`
	// Trouble says why events are missing, where some could not be written.
	Trouble string `json:"trouble,omitempty"`
	// Evidence is what the judge needs to know besides; this package does not look into it.
	Evidence json.RawMessage `json:"evidence,omitempty"`
}
