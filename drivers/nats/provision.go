package nats

import "ordeal/drivers"

var _ drivers.Provisioner = Driver{}

// ServerSettings has the server sync every write before it acknowledges, where that is asked for; by itself it syncs every two minutes. A
// scenario may write the setting in two ways, sync_interval and this one: whichever it has is written after this and stands.
func (Driver) ServerSettings(g drivers.Guarantee) map[string]string {
	if g < drivers.Durable {
		return nil
	}
	return map[string]string{"jetstream.sync_interval": "always"}
}
