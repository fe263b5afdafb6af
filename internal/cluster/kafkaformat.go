package cluster

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// bootstrap is the file with a new cluster's first metadata; it is the same for every node.
const bootstrap = "bootstrap.checkpoint"

// kafkaID makes what Kafka calls a UUID: 16 random bytes in URL-safe base64. One that began with '-' would pass for a flag.
func kafkaID() string {
	var raw [16]byte
	for {
		_, _ = rand.Read(raw[:]) // it never fails: crypto/rand ends the program instead
		if id := base64.RawURLEncoding.EncodeToString(raw[:]); !strings.HasPrefix(id, "-") {
			return id
		}
	}
}

// format prepares the data folders. Kafka's own tool does so for the first node, which takes a second of a JVM; the others need the same
// bootstrap metadata and four lines of their own.
func (c *kafka) format(ctx context.Context) error {
	first := c.nodes[0]
	args := append(c.java(first.home), "kafka.tools.StorageTool", "format", "--cluster-id", c.id, "--config", first.conf)
	said, err := c.spawner.run(exec.CommandContext(ctx, args[0], args[1:]...))
	if ctx.Err() != nil {
		return fmt.Errorf("format %s for node %s: %w", first.store, first.name, ctx.Err())
	}
	if err != nil {
		why := strings.TrimSpace(string(said))
		return fmt.Errorf("format %s for node %s, see options.kafka.server: %w\n%s", first.store, first.name, err, why)
	}
	metadata, err := os.ReadFile(filepath.Join(first.store, bootstrap))
	if err != nil {
		return err
	}
	for i, n := range c.nodes[1:] {
		if err := writeSynced(filepath.Join(n.store, bootstrap), metadata); err != nil {
			return err
		}
		text := fmt.Sprintf("version=1\nnode.id=%d\ndirectory.id=%s\ncluster.id=%s\n", i+2, kafkaID(), c.id)
		if err := writeSynced(filepath.Join(n.store, "meta.properties"), []byte(text)); err != nil {
			return err
		}
	}
	return nil
}

// writeSynced makes sure that a fault of the disk cannot take what a node cannot start without.
func writeSynced(path string, content []byte) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}
