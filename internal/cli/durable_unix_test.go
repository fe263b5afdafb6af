//go:build unix

package cli

import (
	"strings"
	"testing"

	"ordeal/internal/cluster/clustertest"
	"ordeal/reports"
)

// A broker that ordeal starts is started so that it can give what is asked for, and the audit has the broker's own word for it. A setting of
// the scenario that stands in the way is refused, with what to do.
func TestDurableOnABrokerThatOrdealStarts(t *testing.T) {
	long(t)
	for _, test := range []struct {
		driver, target, contrary, says string
	}{
		{"nats", "nats", "sync_interval=2m", "sync_interval"},
		{"nats", "nats:3", "jetstream.sync_interval=2m", "sync_interval"},
		{"redis", "redis", "appendfsync=everysec", "appendfsync"},
		{"redis", "redis:2", "", ""},
	} {
		t.Run(test.target, func(t *testing.T) {
			clustertest.Need(t, test.driver)
			args := []string{
				"run", scenario(t, "  - {name: steady, for: 1s}"), "--on", test.target, "--report", "none", "--set", "producers.checkout.guarantee=durable",
				"--set", "producers.checkout.rate=50/s",
			}
			c := start(t, args...)
			c.ends(0)
			if target := c.report().Target; target.GuaranteeVerdict != reports.Pass {
				t.Errorf("the guarantee is %s: %+v", target.GuaranteeVerdict, target.Audit)
			}
			if test.contrary == "" {
				return
			}
			c = start(t, append(args, "--set", "options."+test.driver+".server."+test.contrary)...)
			c.ends(4)
			if !strings.Contains(c.stderr()+c.stdout.String(), test.says) {
				t.Errorf("it does not name %s", test.says)
			}
		})
	}
}
