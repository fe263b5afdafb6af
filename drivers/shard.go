package drivers

// ShardOf gives the shard of a message that leaves it open (AnyShard) and has a key, for brokers that know no partitioner of their own:
// FNV-1a of the key, 32 bit, modulo shards. One key always has one shard as long as their number stays.
func ShardOf(key []byte, shards int) int32 {
	const offset, prime = 2166136261, 16777619 // http://www.isthe.com/chongo/tech/comp/fnv, section "FNV-1a"
	hash := uint32(offset)
	for _, b := range key {
		hash = (hash ^ uint32(b)) * prime
	}
	return int32(hash % uint32(shards))
}
