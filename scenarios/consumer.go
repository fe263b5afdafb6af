package scenarios

import (
	"time"

	"ordeal/drivers"
)

// Consumer is an entry of consumers that are alike: one group, named as the entry.
type Consumer struct {
	Name     string `key:"-"`
	From     string `key:"from" takes:"the name of a topic"`
	Count    int    `key:"count" default:"1" min:"1" max:"10000"`
	Ack      Ack    `key:"ack" default:"after"`
	Prefetch int    `key:"prefetch" default:"500" min:"1" max:"1000000"`
	Work     Work   `key:"work" default:"{}"`
}

// Ack is when a consumer acknowledges.
type Ack struct {
	Mode drivers.AckMode
	// Batch is how many deliveries are acknowledged together; 0 leaves it to the way they arrive. With a batch the mode is AckAfter.
	Batch int
}

// Work is what a consumer does with a message.
type Work struct {
	Time time.Duration `key:"time" default:"0s"`
}
