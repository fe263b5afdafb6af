package unit_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"ordeal/scenarios/unit"
)

func TestParseRate(t *testing.T) {
	for text, want := range map[string]float64{
		"20k/s": 20_000, "1.5M/s": 1.5e6, "500/min": 500.0 / 60, "36/h": 0.01, "7 / s": 7, "0/s": 0, "0.1/s": 0.1, "1000M/s": 1e9,
	} {
		got, err := unit.ParseRate(text)
		if err != nil || got != want {
			t.Errorf("ParseRate(%q) = %v, %v, want %v", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"20000":   "write 20000/s",
		"20k":     "write 20k/s",
		"20k/m":   `"m" is none of s, min, h`,
		"fast":    "such as 20k/s",
		"-1/s":    "such as 20k/s",
		"1e9/s":   "such as 20k/s",
		"NaN/s":   "such as 20k/s",
		"/s":      "such as 20k/s",
		"":        "such as 20k/s",
		"2000M/s": "highest rate",
		"20K/s":   "such as 20k/s",
	} {
		if got, err := unit.ParseRate(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseRate(%q) = %v, %v, want an error with %q", text, got, err, want)
		}
	}
}

func TestFormatRate(t *testing.T) {
	for rate, want := range map[float64]string{
		20_000: "20k/s", 1.5e6: "1.5M/s", 999: "999/s", 500.0 / 60: "500/min", 0: "0/s",
		12_345: "12.345k/s", 1_234_567: "1234.567k/s", 0.01: "0.01/s",
	} {
		if got := unit.FormatRate(rate); got != want {
			t.Errorf("FormatRate(%v) = %q, want %q", rate, got, want)
		}
	}
}

func TestParseSize(t *testing.T) {
	for text, want := range map[string]int64{
		"100B": 100, "1KiB": 1024, "1KB": 1000, "1kB": 1000, "1.5MiB": 1.5 * (1 << 20), "2 MB": 2e6, "0B": 0, "1GiB": 1 << 30,
	} {
		got, err := unit.ParseSize(text)
		if err != nil || got != want {
			t.Errorf("ParseSize(%q) = %v, %v, want %v", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"100": "write 100B", "1K": "such as 100B", "-1B": "such as 100B",
		"1.5B": "whole number", "9000GiB": "below 2TiB", "": "such as", "1e3B": "such as",
	} {
		if got, err := unit.ParseSize(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseSize(%q) = %v, %v, want an error with %q", text, got, err, want)
		}
	}
}

func TestParseDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"200ms": 200 * time.Millisecond, "1m30s": 90 * time.Second, "0s": 0, "5s": 5 * time.Second, "1.5s": 1500 * time.Millisecond,
	} {
		got, err := unit.ParseDuration(text)
		if err != nil || got != want {
			t.Errorf("ParseDuration(%q) = %v, %v, want %v", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"5": "write 5s or 5ms", "0": "write 0s", "2min": "written 2m", "-1s": "not negative",
		"soon": "such as 200ms", "": "such as", "5 s": "such as",
	} {
		if got, err := unit.ParseDuration(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseDuration(%q) = %v, %v, want an error with %q", text, got, err, want)
		}
	}
}

func TestFormatDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		time.Minute: "1m", time.Hour: "1h", 65 * time.Minute: "1h5m", time.Hour + 5*time.Second: "1h0m5s", 10 * time.Minute: "10m", 0: "0s",
		100 * time.Minute: "1h40m", 1500 * time.Microsecond: "1.5ms",
	} {
		if got := unit.FormatDuration(d); got != want {
			t.Errorf("FormatDuration(%s) = %q, want %q", d, got, want)
		}
	}
}

func TestParseShareAndCount(t *testing.T) {
	for text, want := range map[string]float64{"95%": 0.95, "0.5 %": 0.005, "0%": 0, "150%": 1.5, "99.9%": 0.99900000000000011} {
		if got, err := unit.ParseShare(text); err != nil || math.Abs(got-want) > 1e-12 {
			t.Errorf("ParseShare(%q) = %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"95", "%", "-1%", "NaN%", "Inf%", ""} {
		if got, err := unit.ParseShare(text); err == nil {
			t.Errorf("ParseShare(%q) = %v, want an error", text, got)
		}
	}
	for text, want := range map[string]float64{"0": 0, "1500": 1500, "20k": 20_000, "1.5k": 1500} {
		if got, err := unit.ParseCount(text); err != nil || got != want {
			t.Errorf("ParseCount(%q) = %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"1.5", "-1", "x", "", "1e3"} {
		if got, err := unit.ParseCount(text); err == nil {
			t.Errorf("ParseCount(%q) = %v, want an error", text, got)
		}
	}
}

// What Format writes, Parse reads back to the very same value.
func TestFormatParse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rate := rapid.OneOf(rapid.Float64Range(0, unit.MaxRate), rapid.Map(rapid.IntRange(0, 1e9), func(i int) float64 { return float64(i) }),
			rapid.Map(rapid.IntRange(0, 1e6), func(i int) float64 { return float64(i) / 60 })).Draw(t, "rate")
		if back, err := unit.ParseRate(unit.FormatRate(rate)); err != nil || back != rate {
			t.Fatalf("rate %v is written %q and read %v, %v", rate, unit.FormatRate(rate), back, err)
		}
		size := rapid.Int64Range(0, math.MaxInt32*1024).Draw(t, "size")
		if back, err := unit.ParseSize(unit.FormatSize(size)); err != nil || back != size {
			t.Fatalf("size %d is written %q and read %d, %v", size, unit.FormatSize(size), back, err)
		}
		d := time.Duration(rapid.Int64Min(0).Draw(t, "duration"))
		if back, err := unit.ParseDuration(unit.FormatDuration(d)); err != nil || back != d {
			t.Fatalf("duration %d is written %q and read %d, %v", d, unit.FormatDuration(d), back, err)
		}
		share := float64(rapid.IntRange(0, 200_000).Draw(t, "share")) / 1000 / 100
		if back, err := unit.ParseShare(unit.FormatShare(share)); err != nil || math.Abs(back-share) > 1e-12 {
			t.Fatalf("share %v is written %q and read %v, %v", share, unit.FormatShare(share), back, err)
		}
		count := float64(rapid.Int64Range(0, 1<<50).Draw(t, "count"))
		if back, err := unit.ParseCount(unit.FormatCount(count)); err != nil || back != count {
			t.Fatalf("count %v is written %q and read %v, %v", count, unit.FormatCount(count), back, err)
		}
	})
}
