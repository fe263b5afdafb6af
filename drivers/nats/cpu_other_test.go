//go:build !unix

package nats

import "time"

// measureCPU cannot tell here.
func measureCPU() func() time.Duration { return func() time.Duration { return 0 } }
