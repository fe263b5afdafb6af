package nats

import "ordeal/drivers"

var _ drivers.Provisioner = Driver{}

// ServerSettings has the server sync every write before it acknowledges, where that is asked for; by itself it syncs every two minutes.
func (Driver) ServerSettings(g drivers.Guarantee) map[string]string {
	if g < drivers.Durable {
		return nil
	}
	return map[string]string{"sync_interval": "always"}
}
