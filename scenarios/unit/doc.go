// Package unit reads and writes the quantities of scenarios and gates: rates such as 20k/s, sizes such as 1KiB, durations such as 200ms,
// and shares such as 95%. What Format writes, Parse reads back to the same value.
package unit
