package engine

import (
	"maps"

	"ordeal/drivers"
	"ordeal/internal/cluster"
)

// serverSettings are those of a cluster that is about to be started: what the guarantee needs, overruled by what the scenario says.
func (x *execution) serverSettings() map[string]string {
	settings := map[string]string{}
	if p, ok := x.Driver.(drivers.Provisioner); ok {
		maps.Copy(settings, p.ServerSettings(x.plan.guarantee))
	}
	maps.Copy(settings, x.Scenario.DriverOptions(x.Driver.Name()).Server)
	return settings
}

// know takes the driver's options that only whoever started the cluster can tell, and nobody has set.
func (p *plan) know(c cluster.Cluster) {
	if o, ok := c.(cluster.Optioner); ok {
		options := drivers.Options(o.DriverOptions())
		maps.Copy(options, p.config.Options)
		p.config.Options = options
	}
}
