package history

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
)

// queueBlocks is how many full blocks may wait for the disk before those who produce more have to wait too: 16 MiB.
const queueBlocks = 256

// Writer writes one history. Its methods may be called from any goroutine; those of the logs it hands out may not.
//
// An error of the disk does not stop the run: it is remembered, what comes after it is dropped, and Err and Close tell.
type Writer struct {
	file  file
	queue chan block
	free  chan []byte
	done  chan struct{}

	mu        sync.Mutex
	producers map[uint32]*ProducerLog
	groups    map[uint32]*GroupLog
	closed    bool

	failure atomic.Pointer[error]

	// What follows belongs to the goroutine that writes, and to Close once that has ended.
	sum    uint32
	size   int64
	totals Totals
}

// file is what the writer asks of a file; tests put a full disk in its place.
type file interface {
	io.WriteCloser
	Truncate(size int64) error
	Seek(offset int64, whence int) (int64, error)
}

// block is a full block on its way to the disk; data begins with headSize bytes for the head.
type block struct {
	kind   blockKind
	id     uint32
	events uint32
	data   []byte
}

// Create makes the file and writes the header. The caller closes the writer.
func Create(path string, header Header) (*Writer, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644) //nolint:gosec // a record for people to read
	if err != nil {
		return nil, fmt.Errorf("create history: %w", err)
	}
	w, err := newWriter(f, header)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("create history %s: %w", path, err), f.Close())
	}
	return w, nil
}

func newWriter(f file, header Header) (*Writer, error) {
	w := &Writer{
		file: f, queue: make(chan block, queueBlocks), free: make(chan []byte, queueBlocks), done: make(chan struct{}),
		producers: map[uint32]*ProducerLog{}, groups: map[uint32]*GroupLog{},
	}
	payload, err := json.Marshal(header)
	if err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	if _, err := f.Write([]byte(fileMagic)); err != nil {
		return nil, err
	}
	w.size = int64(len(fileMagic))
	if err := w.write(block{kind: headerBlock, data: append(make([]byte, headSize), payload...)}); err != nil {
		return nil, err
	}
	go w.loop()
	return w, nil
}

// loop writes what is queued until the queue is closed. After an error it drops everything.
func (w *Writer) loop() {
	defer close(w.done)
	for b := range w.queue {
		w.totals.add(b.kind, int64(b.events))
		if w.Err() == nil {
			if err := w.write(b); err != nil {
				err = fmt.Errorf("write history: %w", err)
				w.failure.Store(&err)
			}
		}
		select {
		case w.free <- b.data[:0]:
		default:
		}
	}
}

func (t *Totals) add(kind blockKind, events int64) {
	switch kind {
	case attemptBlock:
		t.Attempts += events
	case receiptBlock:
		t.Receipts += events
	case deliveryBlock:
		t.Deliveries += events
	default:
	}
}

func (w *Writer) write(b block) error {
	sum := seal(b.data, head{kind: b.kind, id: b.id, events: b.events}, w.sum)
	if _, err := w.file.Write(b.data); err != nil {
		return err
	}
	w.sum = sum
	w.size += int64(len(b.data))
	return nil
}

// Err returns the first error of the disk, or nil.
func (w *Writer) Err() error {
	if err := w.failure.Load(); err != nil {
		return *err
	}
	return nil
}

// buffer returns an empty buffer with room for a block's head.
func (w *Writer) buffer() []byte {
	select {
	case b := <-w.free:
		return append(b, make([]byte, headSize)...)
	default:
		return make([]byte, headSize, fullBlock+eventMax)
	}
}

// Producer returns the log of one producer; the same one for the same id.
func (w *Writer) Producer(id uint32) *ProducerLog {
	w.mu.Lock()
	defer w.mu.Unlock()
	p, ok := w.producers[id]
	if !ok {
		p = &ProducerLog{
			attempts: attemptLog{stream: stream{w: w, kind: attemptBlock, id: id, again: again(attemptBlock)}, coder: newAttemptCoder(id)},
			receipts: receiptLog{stream: stream{w: w, kind: receiptBlock, id: id, again: again(receiptBlock)}, coder: newReceiptCoder(id)},
		}
		w.producers[id] = p
	}
	return p
}

// Group returns the log of one group; the same one for the same id.
func (w *Writer) Group(id uint32) *GroupLog {
	w.mu.Lock()
	defer w.mu.Unlock()
	g, ok := w.groups[id]
	if !ok {
		g = &GroupLog{stream: stream{w: w, kind: deliveryBlock, id: id, again: again(deliveryBlock)}, coder: newDeliveryCoder(id)}
		w.groups[id] = g
	}
	return g
}

// Summary tells what became of a history.
type Summary struct {
	// Totals count the events that were handed in, also those that could not be written.
	Totals Totals
	// Bytes is the file's length.
	Bytes int64
}

// Close writes what is left and the footer with evidence, which must be JSON or nil, and closes the file. All logs must have come to
// rest. After an error of the disk the file ends in its last whole block and, if there is room, in a footer that tells how much is
// missing.
func (w *Writer) Close(evidence []byte) (Summary, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return Summary{}, errors.New("close history: closed before")
	}
	w.closed = true
	for _, p := range w.producers {
		p.attempts.flush()
		p.receipts.flush()
	}
	for _, g := range w.groups {
		g.flush()
	}
	close(w.queue)
	<-w.done
	err := w.Err()
	last := footer{Totals: w.totals, Evidence: evidence}
	if err != nil {
		last.Trouble = err.Error()
		err = errors.Join(err, w.cutBack())
	}
	payload, bad := json.Marshal(last)
	if bad != nil {
		return Summary{}, errors.Join(err, fmt.Errorf("close history: evidence: %w", bad), w.file.Close())
	}
	if e := w.write(block{kind: footerBlock, data: append(make([]byte, headSize), payload...)}); e != nil {
		err = errors.Join(err, fmt.Errorf("close history: footer: %w", e), w.cutBack())
	}
	if e := w.file.Close(); e != nil {
		err = errors.Join(err, fmt.Errorf("close history: %w", e))
	}
	return Summary{Totals: w.totals, Bytes: w.size}, err
}

// cutBack removes what a failed write may have left behind the last whole block.
func (w *Writer) cutBack() error {
	if err := w.file.Truncate(w.size); err != nil {
		return fmt.Errorf("close history: cut back to the last whole block: %w", err)
	}
	_, err := w.file.Seek(w.size, io.SeekStart)
	return err
}
