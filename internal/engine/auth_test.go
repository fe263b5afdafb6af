package engine

import (
	"errors"
	"testing"

	"ordeal/drivers"
	"ordeal/drivers/memory"
)

// locked is a driver with ways to authenticate.
type locked struct{ drivers.Driver }

func (locked) Name() string { return "locked" }
func (locked) Mechanisms() []drivers.Mechanism {
	return []drivers.Mechanism{{Name: "plain"}, {Name: "token", Secret: true}}
}

func TestMechanismsAreRefusedBeforeAnythingIsConnected(t *testing.T) {
	tests := []struct {
		driver drivers.Driver
		auth   drivers.Auth
		want   string
	}{
		{locked{}, drivers.Auth{}, ""},
		{locked{}, drivers.Auth{User: "u", Password: "hidden"}, ""},
		{locked{}, drivers.Auth{Mechanism: "plain", User: "u", Password: "hidden"}, ""},
		{locked{}, drivers.Auth{Mechanism: "token", Secret: "hidden"}, ""},
		{locked{}, drivers.Auth{Mechanism: "plain"}, ""}, // the certificate may say who it is
		{memory.New(), drivers.Auth{}, ""},
		{locked{}, drivers.Auth{Mechanism: "kerberos", User: "u"}, `no mechanism "kerberos"; there are plain, token`},
		{locked{}, drivers.Auth{Mechanism: "token"}, "secret: {env: NAME}"},
		{locked{}, drivers.Auth{Mechanism: "token", Secret: "hidden", User: "u"}, "leave out user and password"},
		{locked{}, drivers.Auth{Mechanism: "plain", User: "u", Secret: "hidden"}, "takes no secret"},
		{locked{}, drivers.Auth{Secret: "hidden"}, "without a mechanism that takes it; there are token"},
		{memory.New(), drivers.Auth{Mechanism: "plain", User: "u"}, "memory has none to choose from"},
	}
	for _, test := range tests {
		err := authenticate(test.driver, test.auth)
		if test.want == "" {
			if err != nil {
				t.Errorf("%s with %s: %v", test.driver.Name(), test.auth, err)
			}
			continue
		}
		if err == nil {
			t.Errorf("%s with %s is allowed, expected an error with %q", test.driver.Name(), test.auth, test.want)
			continue
		}
		says(t, err.Error(), test.want)
	}
}

func TestUnknownMechanismIsAUsageError(t *testing.T) {
	o := options(t, memory.New(), "memory", "steady", short()...)
	o.Target.Auth.Mechanism = "kerberos"
	_, err := Run(t.Context(), o)
	if e, ok := errors.AsType[*Error](err); !ok || e.Exit != ExitUsage {
		t.Fatalf("%v, expected a usage error", err)
	}
	says(t, err.Error(), "kerberos", "target memory")
}
