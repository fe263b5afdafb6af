// Package gate reads thresholds on measured figures and tells whether they were met.
//
//	steady.end_to_end.p99 < 20ms
//	steady.sent_rate >= 99% of steady.offered_rate
//	harness.cpu_share < 80%
//
// A gate is a figure, one of < <= > >= ==, and a limit: a value of the figure's unit, or a share of another figure of that unit. Figures
// are of a phase, which stands before the first dot, or of the harness, which is ordeal itself; Figures lists them all. A figure that
// was not measured never meets a gate and never misses one: the gate is inconclusive.
package gate
