package measure

import "math"

// Heat is a heat map of end-to-end latency: Cells[i][j] is the number of samples of the i-th second that lie below Bounds[j], in ns, and
// not below the bound before.
type Heat struct {
	Bounds []int64
	Cells  [][]int64
}

// heatBounds are 1, 2 and 5 in each decade from 10 µs to 100 s, and at last what no sample reaches.
func heatBounds() []int64 {
	var bounds []int64
	for decade := int64(10_000); decade < 100_000_000_000; decade *= 10 {
		bounds = append(bounds, decade, 2*decade, 5*decade)
	}
	return append(bounds, 100_000_000_000, math.MaxInt64)
}

// heatRow sorts the samples of h into the bounds.
func heatRow(h *counts) []int64 {
	bounds := heatBounds()
	row, cell := make([]int64, len(bounds)), 0
	for v, n := range h.all() { // in rising order
		for v >= bounds[cell] {
			cell++
		}
		row[cell] += n
	}
	return row
}
