//go:build !unix

package rabbitmq

import "time"

// cpuTime cannot tell here.
func cpuTime() time.Duration { return 0 }
