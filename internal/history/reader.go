package history

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// ErrNotHistory tells that a file is no history, or not one that this version of ordeal reads.
var ErrNotHistory = errors.New("not a history of this version of ordeal")

// Cut tells whether and where a history is not whole. The zero value is a whole one.
type Cut struct {
	// Byte is the offset of the first block that is not whole, or the file's length.
	Byte int64
	// Why is what is wrong there, without a full stop; empty for a whole history.
	Why string
}

// String says it in words, such as "checksum mismatch at byte 131,092"; empty for a whole history.
func (c Cut) String() string {
	if c.Why == "" {
		return ""
	}
	return fmt.Sprintf("%s at byte %d", c.Why, c.Byte)
}

// Reader reads one history. It is used by one goroutine.
type Reader struct {
	file     io.ReaderAt
	close    func() error
	header   Header
	evidence json.RawMessage
	totals   Totals
	blocks   []blockRef
	cut      Cut
	bytes    int64
}

// blockRef is where a block of events lies.
type blockRef struct {
	head
	at int64 // of the payload
}

// Sink takes the events of a history. Pointers and slices are valid during the call only. A judge's book is one.
type Sink interface {
	Attempt(a *Attempt)
	Receipt(r *Receipt)
	Deliveries(group uint32, ds []Delivery)
}

// Open reads the header and goes through the whole file once to see how far it is sound. Only a file without a sound header is an error.
// The caller closes the reader.
func Open(path string) (*Reader, error) {
	f, err := os.Open(path) //nolint:gosec // the user names the file
	if err != nil {
		return nil, fmt.Errorf("open history: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open history: %w", err), f.Close())
	}
	r, err := newReader(f, info.Size())
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open history %s: %w", path, err), f.Close())
	}
	r.close = f.Close
	return r, nil
}

func newReader(f io.ReaderAt, size int64) (*Reader, error) {
	r := &Reader{file: f, close: func() error { return nil }, bytes: size}
	if err := r.scan(size); err != nil {
		return nil, err
	}
	return r, nil
}

// scan checks every block's checksum and notes where the blocks of events lie.
func (r *Reader) scan(size int64) error {
	in := bufio.NewReaderSize(io.NewSectionReader(r.file, 0, size), 1<<20)
	magic := make([]byte, len(fileMagic))
	if _, err := io.ReadFull(in, magic); err != nil || string(magic) != fileMagic && string(magic) != magicBefore {
		return ErrNotHistory
	}
	at, sum := int64(len(fileMagic)), uint32(0)
	var data []byte
	opened, ended := false, false
	for at < size {
		block, h, why := readBlock(in, data, size-at, sum)
		if why == "" && ended {
			why = "data after the footer"
		}
		if why == "" && opened == (h.kind == headerBlock) {
			why = "header out of place"
		}
		if why == "" {
			why = r.note(h, block[headSize:], at)
		}
		if why != "" {
			if !opened {
				return fmt.Errorf("%w: %s in its header", ErrNotHistory, why)
			}
			r.cut = Cut{Byte: at, Why: why}
			return nil
		}
		opened, ended = true, h.kind == footerBlock
		data, sum = block, h.sum
		at += int64(len(block))
	}
	if !opened {
		return fmt.Errorf("%w: it ends before its header", ErrNotHistory)
	}
	if !ended {
		r.cut = Cut{Byte: size, Why: "the footer is missing: the file ends"}
	}
	return nil
}

// readBlock reads one block into data, which it may replace, and says what is wrong with it.
func readBlock(in io.Reader, data []byte, left int64, before uint32) (block []byte, h head, why string) {
	const short = "the file ends within a block that begins"
	if left < headSize {
		return data, h, short
	}
	data = append(data[:0], make([]byte, headSize)...)
	if _, err := io.ReadFull(in, data); err != nil {
		return data, h, "read error (" + err.Error() + ")"
	}
	h, ok := parseHead(data)
	if !ok {
		return data, h, "damaged block"
	}
	if int64(h.length) > left-headSize {
		return data, h, short
	}
	if need := headSize + int(h.length); cap(data) < need {
		data = append(make([]byte, 0, need), data...)
	}
	data = data[:headSize+int(h.length)]
	if _, err := io.ReadFull(in, data[headSize:]); err != nil {
		return data, h, "read error (" + err.Error() + ")"
	}
	if blockSum(data, before) != h.sum {
		return data, h, "checksum mismatch"
	}
	return data, h, ""
}

// note takes over what a sound block says, and says what is wrong with it all the same.
func (r *Reader) note(h head, payload []byte, at int64) (why string) {
	switch h.kind {
	case headerBlock:
		if json.Unmarshal(payload, &r.header) != nil {
			return "unreadable header"
		}
	case footerBlock:
		var last footer
		if json.Unmarshal(payload, &last) != nil {
			return "unreadable footer"
		}
		r.evidence = last.Evidence
		if last.Trouble != "" {
			return "the recording broke off (" + last.Trouble + ")"
		}
		if last.Totals != r.totals {
			return fmt.Sprintf("%d events are missing", last.Totals.Events()-r.totals.Events())
		}
	default:
		r.totals.add(h.kind, int64(h.events))
		r.blocks = append(r.blocks, blockRef{head: h, at: at + headSize})
	}
	return ""
}

// Header is what was known before the run.
func (r *Reader) Header() Header { return r.header }

// Evidence is what was given to Writer.Close; nil where the file has no footer.
func (r *Reader) Evidence() []byte { return r.evidence }

// Totals count the events that can be read.
func (r *Reader) Totals() Totals { return r.totals }

// Bytes is the file's length.
func (r *Reader) Bytes() int64 { return r.bytes }

// Cut tells how far the file is sound, as far as is known: decoding may find more.
func (r *Reader) Cut() Cut { return r.cut }

// Close frees the file.
func (r *Reader) Close() error { return r.close() }
