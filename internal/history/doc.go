// Package history keeps a record of every event of a run in a file of a few bytes per event or less, and reads it back.
//
// # The file
//
// history.bin is a magic line followed by blocks. All numbers of a block's head are little endian:
//
//	0  kind (8 bit)   1 zero (24 bit)   4 id of the stream (32 bit)   8 length of the payload (32 bit)   12 events in it (32 bit)
//	16 CRC32C of the head without this field, the payload, and the checksum of the block before (32 bit)   20 payload
//
// Because the checksums are chained, a block that is missing, repeated or out of its place is found like a flipped bit. The first block is
// the header (JSON), the last the footer (JSON), which counts the events of the whole file. A file that does not end in a footer, or whose
// footer counts other than the blocks, is cut.
//
// # The streams
//
// Each producer has two streams, attempts and receipts, each written by one goroutine; each group has one, written under the group's
// lock. A stream fills a block of its own; only full blocks meet, in the queue of the goroutine that writes the file. So producers
// share no lock, and an event costs some tens of nanoseconds and no allocation.
//
// # The code
//
// An event is a byte of flags, followed by the values that are not as the coder expects them (see predict.go): sequence numbers are
// dense per lane, lanes take turns, positions rise in steps, times move little. Where one byte is a whole event, and the same byte comes
// again and again, a mark and a number stand for all but the first of them: at full speed nearly all events are of that kind. Times are
// kept in µs, rounded down, so that their order stays.
package history
