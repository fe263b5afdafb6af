package engine

import (
	"fmt"
	"slices"
	"strings"

	"ordeal/drivers"
)

// authenticate refuses what the driver has no way to do, before anything is connected. The error names what there is. Whether a mechanism
// without a secret can do without a user is the driver's to know: a client certificate may say who it is.
func authenticate(d drivers.Driver, a drivers.Auth) error {
	var known []drivers.Mechanism
	if can, ok := d.(drivers.Authenticator); ok {
		known = can.Mechanisms()
	}
	if a.Mechanism == "" {
		if a.Secret != "" {
			return fmt.Errorf("auth: a secret was given without a mechanism that takes it; %s", mechanisms(d, known, true))
		}
		return nil
	}
	i := slices.IndexFunc(known, func(m drivers.Mechanism) bool { return m.Name == a.Mechanism })
	switch {
	case i < 0:
		return fmt.Errorf("auth: driver %s has no mechanism %q; %s", d.Name(), a.Mechanism, mechanisms(d, known, false))
	case known[i].Secret && a.Secret == "":
		return fmt.Errorf("auth: mechanism %s takes a secret, which a target file gives: auth: {mechanism: %[1]s, secret: {env: NAME}}",
			a.Mechanism)
	case known[i].Secret && (a.User != "" || a.Password != ""):
		return fmt.Errorf("auth: mechanism %s takes a secret alone; leave out user and password", a.Mechanism)
	case !known[i].Secret && a.Secret != "":
		return fmt.Errorf("auth: mechanism %s takes no secret; leave it out", a.Mechanism)
	default:
		return nil
	}
}

// mechanisms says what there is to choose from.
func mechanisms(d drivers.Driver, known []drivers.Mechanism, secret bool) string {
	var names []string
	for _, m := range known {
		if m.Secret || !secret {
			names = append(names, m.Name)
		}
	}
	if len(names) == 0 {
		return fmt.Sprintf("%s has none to choose from: leave it out", d.Name())
	}
	return "there are " + strings.Join(names, ", ")
}
