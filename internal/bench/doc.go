// Package bench holds the performance claims that need a whole run on a real broker. Its benchmarks print ratios measured in one run, with
// both sides in turn, because the machines they run on are shared; `make bench` runs them.
package bench
