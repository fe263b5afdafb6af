package cli

import (
	"fmt"
	"strings"

	"ordeal/drivers"
	"ordeal/drivers/kafka"
	"ordeal/drivers/memory"
	"ordeal/drivers/nats"
	"ordeal/drivers/rabbitmq"
	"ordeal/drivers/redis"
	"ordeal/faults"
	"ordeal/faults/network"
	"ordeal/faults/process"
	"ordeal/internal/judge"
	"ordeal/reports"
	"ordeal/reports/html"
	"ordeal/reports/junit"
	"ordeal/reports/markdown"
	"ordeal/reports/text"
	"ordeal/scenarios"
)

// wire is everything concrete: the one list of drivers, faults, checks and reports. To add one, add a line.
type wire struct {
	drivers []drivers.Driver
	kinds   []faults.Kind
	checks  []judge.Check
	reports []reports.Renderer
}

func newWire() *wire {
	return &wire{
		drivers: []drivers.Driver{kafka.New(), memory.New(), nats.New(), rabbitmq.New(), redis.New()},
		kinds: []faults.Kind{
			process.Kill(), process.Pause(), process.Stop(),
			network.Latency(), network.Reset(), network.Blackhole(),
		},
		checks:  judge.Checks(),
		reports: []reports.Renderer{html.Renderer{}, markdown.Renderer{}, junit.Renderer{}, text.Renderer{}, reports.JSON{}, reports.CSV{}},
	}
}

// driver looks up a driver that ReadTarget knows.
func (w *wire) driver(name string) drivers.Driver {
	for _, d := range w.drivers {
		if d.Name() == name {
			return d
		}
	}
	return nil
}

// renderers looks up the reports for a run; "none" is for none.
func (w *wire) renderers(formats []string) ([]reports.Renderer, error) {
	var out []reports.Renderer
	for _, f := range formats {
		if f == "none" {
			continue
		}
		r, err := w.renderer(f)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

func (w *wire) renderer(format string) (reports.Renderer, error) {
	var known []string
	for _, r := range w.reports {
		if r.Format() == format {
			return r, nil
		}
		known = append(known, r.Format())
	}
	return nil, fmt.Errorf("there is no report %q; there are %s", format, strings.Join(known, ", "))
}

// vocabulary is what scenarios can talk about.
func (w *wire) vocabulary() scenarios.Vocabulary {
	v := scenarios.Vocabulary{Drivers: map[string][]drivers.Option{}, Faults: w.kinds, Checks: checkDecls()}
	for _, d := range w.drivers {
		v.Drivers[d.Name()] = options(d)
	}
	return v
}

func options(d drivers.Driver) []drivers.Option {
	if o, ok := d.(drivers.Optioner); ok {
		return o.Options()
	}
	return nil
}
