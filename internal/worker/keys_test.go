package worker

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestZipfKeysFollowTheirLaw(t *testing.T) {
	const count, draws = 100, 400_000
	keys, seen := ZipfKeys(count), make([]int, count)
	for n := range uint64(draws) {
		seen[keys.pick(mix(n))]++
	}
	total := 0.0
	for k := range count {
		total += math.Pow(float64(k+1), -0.99)
	}
	for _, k := range []int{0, 1, 5, 20, 99} {
		want := draws * math.Pow(float64(k+1), -0.99) / total
		if got := float64(seen[k]); math.Abs(got-want) > 5*math.Sqrt(want) {
			t.Errorf("key %d was drawn %.0f times, expected about %.0f", k, got, want)
		}
	}
}

func TestUniformKeysAreEven(t *testing.T) {
	const count, draws = 64, 320_000
	keys, seen := UniformKeys(count), make([]int, count)
	for n := range uint64(draws) {
		seen[keys.pick(mix(n))]++
	}
	chi := 0.0
	for _, n := range seen {
		chi += math.Pow(float64(n)-draws/count, 2) / (draws / count)
	}
	if chi > 120 { // 63 degrees of freedom: beyond 120 in one of 100,000 tries
		t.Errorf("chi square %.1f for %d keys", chi, count)
	}
}

func TestRouteIsAFunctionOfTheSeed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed, shards := rapid.Uint64().Draw(t, "seed"), rapid.Uint32Range(1, 64).Draw(t, "shards")
		var keys *Keys
		if n := rapid.IntRange(0, 50).Draw(t, "keys"); n > 0 {
			keys = ZipfKeys(n)
		}
		r := route{keys: keys, seed: seed, shards: shards}
		shardOf := map[uint32]int32{}
		for _, n := range rapid.SliceOfN(rapid.Uint64(), 1, 100).Draw(t, "messages") {
			lane, shard := r.pick(n)
			if shard < 0 || uint32(shard) >= shards {
				t.Fatalf("message %d goes to shard %d of %d", n, shard, shards)
			}
			if again, _ := r.pick(n); again != lane {
				t.Fatalf("message %d goes to lane %d, then to %d", n, lane, again)
			}
			if before, ok := shardOf[lane]; ok && before != shard {
				t.Fatalf("lane %d is in shards %d and %d", lane, before, shard)
			}
			shardOf[lane] = shard
		}
	})
}
