package worker

import (
	"math"
	"strconv"
)

// Keys describes how messages pick their keys. Producers of one entry share it; it is read-only.
type Keys struct {
	count uint64
	// threshold and alias are the tables of Walker's method (1977; Vose 1991): column k keeps k with probability threshold[k], else it
	// stands for alias[k]. Both are nil for uniform keys.
	threshold []float32
	alias     []uint32
}

// UniformKeys picks every key equally often.
func UniformKeys(count int) *Keys { return &Keys{count: uint64(count)} }

// ZipfKeys picks key k with a probability proportional to 1/(k+1)^0.99, the exponent of the YCSB benchmark.
func ZipfKeys(count int) *Keys {
	const exponent = 0.99
	weight := make([]float64, count)
	total := 0.0
	for k := range weight {
		weight[k] = math.Pow(float64(k+1), -exponent)
		total += weight[k]
	}
	keys := &Keys{count: uint64(count), threshold: make([]float32, count), alias: make([]uint32, count)}
	var small, large []uint32
	for k := range weight {
		weight[k] *= float64(count) / total
		if weight[k] < 1 {
			small = append(small, uint32(k))
		} else {
			large = append(large, uint32(k))
		}
	}
	for len(small) > 0 && len(large) > 0 {
		s, l := small[len(small)-1], large[len(large)-1]
		small = small[:len(small)-1]
		keys.threshold[s], keys.alias[s] = float32(weight[s]), l
		if weight[l] -= 1 - weight[s]; weight[l] < 1 {
			large = large[:len(large)-1]
			small = append(small, l)
		}
	}
	for _, k := range append(small, large...) {
		keys.threshold[k], keys.alias[k] = 1, k
	}
	return keys
}

// pick chooses a key by the random bits r.
func (k *Keys) pick(r uint64) uint32 {
	column := uint32(((r >> 32) * k.count) >> 32)
	if k.alias == nil || float32(uint32(r))*0x1p-32 < k.threshold[column] {
		return column
	}
	return k.alias[column]
}

// appendKey writes the key's bytes.
func appendKey(dst []byte, key uint32) []byte {
	return strconv.AppendUint(append(dst, 'k'), uint64(key), 10)
}

// mix is the finaliser of splitmix64 (Steele, Lea and Flood 2014): a cheap function whose outputs pass for random.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// route says where message n of a producer goes.
type route struct {
	keys   *Keys
	seed   uint64
	shards uint32
}

// pick returns the lane, the shard and, with keys, the key's number. It is a pure function of the seed and n.
func (r *route) pick(n uint64) (lane uint32, shard int32) {
	switch {
	case r.keys != nil:
	case r.shards == 1:
		return 0, 0
	default:
		s := uint32(n % uint64(r.shards))
		return s, int32(s)
	}
	key := r.keys.pick(mix(r.seed ^ mix(n)))
	return key, int32(mix(uint64(key)) % uint64(r.shards))
}
