//go:build !unix

package redis

// There is no redis-server for this platform to pause.
func (k *node) pause()  { k.Skip("processes cannot be paused here") }
func (k *node) resume() {}
