// Package bench holds the performance claims that need a whole run on a real broker. Its benchmarks print ratios measured in one run, with
// both sides in turn, because the machines they run on are shared. `make bench` runs the small ones, `make bench-peers` holds ordeal
// against each broker's own load tool, `make soak` sends ten million messages through each broker; see docs/benchmarks.md.
//
// Everything is in files for tests: what it needs, such as other client libraries, is no part of ordeal.
package bench
