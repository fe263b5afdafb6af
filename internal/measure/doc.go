// Package measure times things without disturbing them: one histogram set per goroutine, swapped by epoch, no lock and no allocation on the
// hot path; a series of seconds; longest gaps; a meter of hiccups.
package measure
