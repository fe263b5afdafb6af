package redis

import "ordeal/drivers"

var _ drivers.Provisioner = Driver{}

// ServerSettings has the server sync every write before it answers, where that is asked for; by itself it syncs once a second.
func (Driver) ServerSettings(g drivers.Guarantee) map[string]string {
	if g < drivers.Durable {
		return nil
	}
	return map[string]string{"appendfsync": "always"}
}
