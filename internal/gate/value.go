package gate

import (
	"fmt"
	"math"
	"time"

	"ordeal/scenarios/unit"
)

// Unit is what a figure is measured in. Figures of different units cannot be compared.
type Unit uint8

const (
	// Count is a number of things. It is the zero value.
	Count Unit = iota
	// Duration is in nanoseconds.
	Duration
	// Rate is in messages per second.
	Rate
	// Share is a part of a whole, from 0 to 1.
	Share
	// Bytes is an amount of memory.
	Bytes
)

// String names the unit with an example, as error messages use it.
func (u Unit) String() string {
	switch u {
	case Duration:
		return "a duration such as 20ms"
	case Rate:
		return "a rate such as 20k/s"
	case Share:
		return "a share such as 95%"
	case Bytes:
		return "a size such as 512MiB"
	default:
		return "a count such as 0 or 20k"
	}
}

// marked lists the units that a value shows by itself; a bare number is a count, or another unit forgotten.
func marked() []Unit { return []Unit{Rate, Share, Bytes, Duration} }

// parse reads a value of the unit.
func (u Unit) parse(text string) (float64, error) {
	switch u {
	case Duration:
		d, err := unit.ParseDuration(text)
		return float64(d), err
	case Rate:
		return unit.ParseRate(text)
	case Share:
		return unit.ParseShare(text)
	case Bytes:
		n, err := unit.ParseSize(text)
		return float64(n), err
	default:
		return unit.ParseCount(text)
	}
}

// Format writes a value of the unit as it would stand in a gate, with no more digits than a reader can use.
func (u Unit) Format(value float64) string {
	if math.IsNaN(value) || math.IsInf(value, 0) {
		return "?"
	}
	switch u {
	case Duration:
		d := time.Duration(value)
		for _, step := range []time.Duration{time.Second, time.Millisecond, time.Microsecond} {
			if d >= step {
				return unit.FormatDuration(d.Round(step / 1000))
			}
		}
		return unit.FormatDuration(d)
	case Rate:
		return short(value) + "/s"
	case Share:
		return short(value*100) + "%"
	case Bytes:
		for _, m := range []struct {
			word  string
			bytes float64
		}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
			if value >= m.bytes {
				return short(value/m.bytes) + m.word
			}
		}
		return short(value) + "B"
	default:
		return short(value)
	}
}

// short writes a number with a tenth where it is small, and whole where it is large.
func short(value float64) string {
	switch {
	case value == math.Trunc(value):
		return fmt.Sprintf("%.0f", value)
	case value < 10:
		return fmt.Sprintf("%.2f", value)
	case value < 1000:
		return fmt.Sprintf("%.1f", value)
	default:
		return fmt.Sprintf("%.0f", value)
	}
}
