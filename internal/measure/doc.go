// Package measure times things without disturbing them: one histogram set per goroutine, swapped by epoch, no lock and no allocation on the
// hot path; a series of seconds; longest gaps; a meter of hiccups.
//
// Samples belong to the phase of their message's intended time, and to the second in which they were taken:
//
//	Recorder ──set of one second and phase──► Collector ──when it is complete──► log, series, totals by phase
//	Counter ◄──read at each Rotate────────────┘
package measure
