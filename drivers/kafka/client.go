package kafka

import (
	"context"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"ordeal/drivers"
)

const (
	// metadataMinAge is how soon metadata may be asked for again, as while leaders are elected.
	metadataMinAge = 50 * time.Millisecond
	// retryPause lies between two requests of the kind that the library may repeat.
	retryPause = 50 * time.Millisecond
)

// client is a client of the library with its connections.
type client struct {
	*kgo.Client
	admin *kadm.Client
	line  *line
	quota *throttle
	once  sync.Once
	done  chan struct{}
}

// newClient makes a client; nothing is dialled yet. lost is called when a connection of one of the vital requests is gone.
func newClient(cfg drivers.Config, env drivers.Env, set settings, lost func(error), vital []int16, more ...kgo.Opt) (*client, error) {
	c := &client{done: make(chan struct{}), quota: &throttle{logger: env.Logger}}
	c.line = &line{dial: env.Dial, tls: cfg.TLS, vital: vital, lost: lost, wires: make(map[*wire]struct{})}
	options := []kgo.Opt{
		kgo.SeedBrokers(cfg.Servers...), kgo.ClientID(env.Name), kgo.Dialer(c.line.Dial), kgo.DisableClientMetrics(),
		kgo.MetadataMinAge(metadataMinAge), kgo.RequestTimeoutOverhead(set.requestTimeout / 2), kgo.RetryTimeout(set.requestTimeout),
		kgo.RetryBackoffFn(func(int) time.Duration { return retryPause }), kgo.WithLogger(logger{env.Logger}),
		kgo.WithHooks(c.quota),
	}
	proof, err := mechanism(cfg.Auth)
	if err != nil {
		return nil, err
	}
	if proof != nil {
		options = append(options, kgo.SASL(proof))
	}
	if c.Client, err = kgo.NewClient(append(options, more...)...); err != nil {
		return nil, err
	}
	c.admin = kadm.NewClient(c.Client)
	return c, nil
}

// end cuts the connections and frees everything. It may be called from any goroutine that is not the library's.
func (c *client) end() {
	c.once.Do(func() {
		c.line.cut()
		c.CloseAllowingRebalance()
		c.quota.tell()
		close(c.done)
	})
	<-c.done
}

// cutAfter cuts the connections when ctx ends before release is called: the library does not always listen to a context.
func (c *client) cutAfter(ctx context.Context) (release func() bool) {
	return context.AfterFunc(ctx, c.line.cut)
}
