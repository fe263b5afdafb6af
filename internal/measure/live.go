package measure

// Snapshot is what is known in the middle of a run, for progress lines. Counts and rates are by the names of the counters.
type Snapshot struct {
	// At is when it was taken, in ns since the clock's epoch.
	At     int64
	Totals map[string]int64
	// Rates are of the last second that was rotated, in events per second.
	Rates    map[string]float64
	EndToEnd Live
}

// Live is the end-to-end latency, in ns, of the newest second of which samples have come in: usually the last one that is over. Where two
// phases share that second it is of the one with more samples. With Count 0 there was none yet.
type Live struct {
	Second int64 `json:"second"`
	P50    int64 `json:"p50"`
	P99    int64 `json:"p99"`
	Max    int64 `json:"max"`
	Count  int64 `json:"count"`
}

// Snapshot may be called from any goroutine, some times a second; it does work that Rotate would otherwise do.
func (c *Collector) Snapshot() Snapshot {
	c.work.Lock()
	c.collect()
	s := Snapshot{At: c.now(), EndToEnd: c.live, Totals: map[string]int64{}, Rates: map[string]float64{}}
	c.work.Unlock()

	c.gate.Lock()
	defer c.gate.Unlock()
	for i, name := range c.tallies.names {
		for _, counter := range c.tallies.counters[i] {
			s.Totals[name] += counter.n.Load()
		}
	}
	end := c.tallies.last().at
	begin := max(end-second, c.tallies.readings[0].at)
	for name, n := range c.tallies.between(begin, end) {
		if end > begin {
			s.Rates[name] = n * second / float64(end-begin)
		}
	}
	return s
}
