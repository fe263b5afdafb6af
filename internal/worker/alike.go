package worker

import "ordeal/internal/measure"

// alike records the samples of one metric, those of equal value that come one after another together: at full speed whole batches were sent
// at one time and answered at another. What it was given is recorded once it was told to flush, or before.
type alike struct {
	recorder *measure.Recorder
	metric   measure.Metric
	phase    int
	ns, n    int64
}

func (a *alike) add(phase int, ns int64) {
	if ns == a.ns && phase == a.phase && a.n > 0 {
		a.n++
		return
	}
	a.begin(phase, ns)
}

func (a *alike) begin(phase int, ns int64) {
	a.flush()
	a.phase, a.ns, a.n = phase, ns, 1
}

func (a *alike) flush() {
	if a.n > 0 {
		a.recorder.RecordAlike(a.metric, a.phase, a.ns, a.n)
		a.n = 0
	}
}
