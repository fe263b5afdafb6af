package cli

import "testing"

// The query of a target says with auth=… how clients authenticate, so no driver may have an option of that name.
func TestNoDriverHasAReservedOption(t *testing.T) {
	for _, d := range newWire().drivers {
		for _, o := range options(d) {
			if o.Name == "auth" {
				t.Errorf("driver %s has an option %q", d.Name(), o.Name)
			}
		}
	}
}
