package scenarios

import (
	"time"

	"ordeal/drivers"
	"ordeal/internal/gate"
)

// Version is the version of the file format that this package reads and writes.
const Version = 1

// The fields of the types in this file and in producer.go, consumer.go and phase.go are the file format. Their tags are its only declaration: the
// loader, Marshal, Schema and Reference are all made from them.
//
//	key      the key in the file; "-" for the name of an entry, which stands before the colon
//	about    what it means, for the reference and for editors
//	default  the value where the key is absent, written as in a file; "none" where absence itself means something
//	min, max bounds of a whole number
//
// A field with neither a default nor the word optional must be given.

// Scenario is a script: what is sent where, what goes wrong meanwhile, and what must hold. The zero value is not valid; Load and Read make
// valid ones with every default filled in.
type Scenario struct {
	Version int    `key:"version" min:"1" max:"1" about:"Version of the file format: 1."`
	Name    string `key:"name" about:"Names the run and its folder. Letters, digits, - and _."`
	About   string `key:"about" default:"\"\"" about:"What the scenario is there to find out, in a sentence or two."`
	// The entries of the maps stand in the order of the file.
	Topics    []Topic    `key:"topics" about:"The destinations, by name."`
	Producers []Producer `key:"producers" about:"Who sends, by name."`
	Consumers []Consumer `key:"consumers" default:"{}" about:"Who receives, by name. Each entry is a group: its consumers share one copy of the topic."`
	Phases    []Phase    `key:"phases" about:"The stretches of the run, in order. Each is measured on its own."`
	Drain     Drain      `key:"drain" default:"{}" about:"How the run reads what is left once sending has ended."`
	Checks    []Check    `key:"checks" default:"[no-loss, no-phantom, no-corruption]" about:"The rules about messages, as names or as {name: parameters}."`
	// Gates are parsed; gate.Gate.String gives the expression as written.
	Gates []*gate.Gate `key:"gates" default:"[]" about:"Thresholds on measured figures, such as \"steady.end_to_end.p99 < 20ms\"."`
	// Options are per driver, in the order of the file; see DriverOptions.
	Options []DriverOptions `key:"options" default:"{}" about:"Settings that only one broker has, by driver. Other drivers ignore them."`
}

// Topic is a destination.
type Topic struct {
	Name     string        `key:"-"`
	Model    drivers.Model `key:"model" default:"log" about:"A log keeps its messages and every group reads all; a queue has one copy for which consumers compete; a broadcast reaches who listens now."`
	Shards   int           `key:"shards" default:"1" min:"1" max:"1024" about:"Units of order: partitions, queues, subjects or stream keys."`
	Replicas int           `key:"replicas" default:"1" min:"1" max:"9" about:"Nodes that hold a copy."`
}

// Drain is the reading after the last phase. It ends when the broker says that everything was read, when nothing came for Idle where the broker
// cannot say, or at Timeout, which leaves the run inconclusive.
type Drain struct {
	Idle    time.Duration `key:"idle" default:"1s" about:"How long nothing may come before a group counts as done, where the broker cannot tell its own end."`
	Timeout time.Duration `key:"timeout" default:"30s" about:"How long it may take in all. A drain that is not done by then leaves the run inconclusive."`
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
