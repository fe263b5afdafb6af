package scenarios

import (
	"time"

	"ordeal/drivers"
	"ordeal/internal/gate"
)

// Version is the version of the file format that this package reads and writes.
const Version = 1

// The fields of the types in this file and in producer.go, consumer.go and phase.go are the file format. Their tags, with the words of
// about.go, are its only declaration: the loader, Marshal, Schema and Reference are all made from them.
//
//	key      the key in the file; "-" for the name of an entry, which stands before the colon
//	default  the value where the key is absent, written as in a file; a field without it must be given
//	min, max bounds of a whole number
//	takes    what a text stands for

// Scenario is a script: what is sent where, what goes wrong meanwhile, and what must hold. The zero value is not valid; Load and Read make
// valid ones with every default filled in.
type Scenario struct {
	Version int    `key:"version" min:"1" max:"1"`
	Name    string `key:"name" takes:"a name"`
	About   string `key:"about" default:"\"\""`
	// The entries of the maps stand in the order of the file.
	Topics    []Topic    `key:"topics"`
	Producers []Producer `key:"producers"`
	Consumers []Consumer `key:"consumers" default:"{}"`
	Phases    []Phase    `key:"phases"`
	Drain     Drain      `key:"drain" default:"{}"`
	Checks    []Check    `key:"checks" default:"[no-loss, no-phantom, no-corruption]"`
	// Gates are parsed; gate.Gate.String gives the expression as written.
	Gates []*gate.Gate `key:"gates" default:"[]"`
	// Options are per driver, in the order of the file; see DriverOptions.
	Options []DriverOptions `key:"options" default:"{}"`
}

// Topic is a destination.
type Topic struct {
	Name     string        `key:"-"`
	Model    drivers.Model `key:"model" default:"log"`
	Shards   int           `key:"shards" default:"1" min:"1" max:"1024"`
	Replicas int           `key:"replicas" default:"1" min:"1" max:"9"`
}

// Drain is the reading after the last phase. It ends when the broker says that everything was read, when nothing came for Idle where the
// broker cannot say, or at Timeout, which leaves the run inconclusive.
type Drain struct {
	Idle    time.Duration `key:"idle" default:"1s"`
	Timeout time.Duration `key:"timeout" default:"30s"`
}

// Check asks for one rule about messages.
type Check struct {
	Name string
	// Params are complete: every parameter of the check's declaration has its value.
	Params drivers.Options
}

// DriverOptions are the settings of one driver.
type DriverOptions struct {
	Driver string `key:"-"`
	// Values are the driver's own: those given, and the defaults of the others.
	Values drivers.Options
	// Server are settings of the broker itself, in the broker's own words; nil where there are none.
	Server map[string]string
}

// Length is how long the phases take together; the drain comes on top.
func (s *Scenario) Length() time.Duration {
	var sum time.Duration
	for _, p := range s.Phases {
		sum += p.For
	}
	return sum
}

// DriverOptions returns the settings for one driver; without any the zero value with Driver set.
func (s *Scenario) DriverOptions(driver string) DriverOptions {
	for _, o := range s.Options {
		if o.Driver == driver {
			return o
		}
	}
	return DriverOptions{Driver: driver}
}

// Topic returns the topic of that name.
func (s *Scenario) Topic(name string) (Topic, bool) {
	for _, t := range s.Topics {
		if t.Name == name {
			return t, true
		}
	}
	return Topic{}, false
}
