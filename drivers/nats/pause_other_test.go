//go:build !unix

package nats

func (k *node) pause() { k.Skip("processes cannot be paused here") }

func (k *node) resume() {}
