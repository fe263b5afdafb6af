package measure

import (
	"io"
	"slices"
	"sync"
	"sync/atomic"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
)

// second is the length of an epoch in ns.
const second = 1_000_000_000

// Collector gathers the samples and the counts of a whole worker.
//
// Samples come in sets, each of one recorder, one second and one phase. The sets of a second are merged while it is open: until it is
// over and no recorder holds a set of it any more. A recorder that falls idle keeps its second open, however long, so every second is
// summed up exactly once, complete, and the memory for samples grows with the number of recorders, not with the length of the run.
//
// Locks: gate guards what recorders touch once a second and is never held for long; work guards the rest. work is taken before gate.
type Collector struct {
	clock  Clock
	phases []Span
	epoch  atomic.Int64 // the current second since the clock's epoch

	gate      sync.Mutex
	recorders []*Recorder
	handed    []*set
	blanks    []*set   // spare sets, empty
	spare     []*chunk // clean
	tallies   tallies

	work     sync.Mutex
	open     map[int64]interval
	totals   [][metricCount]*hdr.Histogram // by phase
	scratch  *hdr.Histogram                // for one figure at a time
	seconds  []latencies
	overflow int64
	negative int64
	live     Live
	log      *intervalLog
}

// NewCollector makes a collector. Samples are of messages that belong to phases, by their intended time; without any phase given there
// is a single one called "run".
func NewCollector(clock Clock, phases []Span) *Collector {
	if len(phases) == 0 {
		phases = []Span{{Name: "run", End: 1<<63 - 1, Recorded: true}}
	}
	c := &Collector{clock: clock, phases: slices.Clone(phases), open: map[int64]interval{}}
	c.totals = make([][metricCount]*hdr.Histogram, len(phases))
	c.scratch = newHistogram()
	c.epoch.Store(c.now() / second)
	c.tallies.snap(c.now())
	return c
}

// LogTo writes an HdrHistogram interval log of every second to w, a few seconds after each. It is called before the first sample. An error
// of w ends the log, not the run; Result.LogErr has it.
func (c *Collector) LogTo(w io.Writer) {
	c.work.Lock()
	defer c.work.Unlock()
	c.log = newIntervalLog(w, c.clock, c.phases)
}

// room is how many doublings of values a recorder finds room for at once: a spread of 1 to 1000.
const room = 10

// Recorder makes the recorder of one goroutine. Room is made now for the metrics named, for others when they come.
func (c *Collector) Recorder(metrics ...Metric) *Recorder {
	r := &Recorder{collector: c, epoch: &c.epoch}
	r.live = [2]*set{{second: none}, {second: none}}
	block := make([]chunk, 2*room*len(metrics)) // one set is written to while the one before is read
	c.gate.Lock()
	defer c.gate.Unlock()
	c.recorders = append(c.recorders, r)
	for i := range block {
		c.spare = append(c.spare, &block[i])
	}
	return r
}

// Counter makes a counter of one goroutine. Any number of them may bear the same name; their sum is what results show.
func (c *Collector) Counter(name string) *Counter {
	c.gate.Lock()
	defer c.gate.Unlock()
	return c.tallies.counter(name)
}

// Rotate begins the next second, when the clock says so, and sums up what is complete. The engine calls it at the border of each
// second. It may call it at other times too, such as the border of a phase: counts between two calls are exact. A call that comes late
// makes one long second of the ones missed, over which counts are spread evenly. The summing up takes the caller some ms.
func (c *Collector) Rotate() {
	c.advance(c.now())
	c.work.Lock()
	defer c.work.Unlock()
	c.collect()
}

func (c *Collector) now() int64 { return max(c.clock.Now(), 0) }

// advance moves the epoch to the second of now.
func (c *Collector) advance(now int64) {
	c.gate.Lock()
	defer c.gate.Unlock()
	if s := now / second; s > c.epoch.Load() {
		c.epoch.Store(s)
	}
	c.tallies.snap(now)
}

// exchange takes a recorder's full sets and gives it one for the current second and phase.
func (c *Collector) exchange(r *Recorder, phase int) *set {
	c.gate.Lock()
	defer c.gate.Unlock()
	now := c.epoch.Load() // not what the recorder read: that second may have been closed meanwhile
	for i, s := range r.live {
		if s.second != none && (s.second != now || i == phase&1 && s.phase != phase) {
			c.take(r, i)
		}
	}
	s := r.live[phase&1]
	if s.second == none {
		s.second, s.phase = now, phase
	}
	return s
}

// leave takes all of a recorder's sets and forgets the recorder.
func (c *Collector) leave(r *Recorder) {
	c.gate.Lock()
	defer c.gate.Unlock()
	for i, s := range r.live {
		if s.second != none {
			c.take(r, i)
		}
	}
	c.recorders = slices.DeleteFunc(c.recorders, func(other *Recorder) bool { return other == r })
}

// take moves a set from a recorder to the collector and leaves a blank. The gate is held.
func (c *Collector) take(r *Recorder, i int) {
	c.handed = append(c.handed, r.live[i])
	if n := len(c.blanks); n > 0 {
		r.live[i], c.blanks = c.blanks[n-1], c.blanks[:n-1]
	} else {
		r.live[i] = &set{second: none}
	}
}

// extend gives a set room for another doubling of values.
func (c *Collector) extend(s *set, m Metric, i int) *chunk {
	c.gate.Lock()
	defer c.gate.Unlock()
	if n := len(c.spare); n > 0 {
		s.metrics[m][i], c.spare = c.spare[n-1], c.spare[:n-1]
	} else {
		s.metrics[m][i] = &chunk{}
	}
	return s.metrics[m][i]
}

// recycle takes back what a second does not need any more.
func (c *Collector) recycle(spare []*chunk, blanks ...*set) {
	c.gate.Lock()
	defer c.gate.Unlock()
	c.spare = append(c.spare, spare...)
	c.blanks = append(c.blanks, blanks...)
}
