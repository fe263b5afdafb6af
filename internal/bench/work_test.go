package bench

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"ordeal/drivers"
	"ordeal/drivers/kafka"
	"ordeal/drivers/memory"
	"ordeal/drivers/nats"
	"ordeal/drivers/rabbitmq"
	"ordeal/drivers/redis"
)

// work is what both sides of a comparison do. It becomes a scenario for ordeal and the arguments of a plain loop.
type work struct {
	// Driver and Server are where: a driver's name and the host:port of a broker that runs already.
	Driver, Server string
	// Model and Guarantee are words of a scenario; the zero values are log and accepted.
	Model, Guarantee string
	// Options are the driver's own.
	Options map[string]string
	// Size of a body in bytes.
	Size int
	// Producers and Consumers are how many of each; Consumers may be 0. Shards and Replicas of 0 mean 1.
	Producers, Consumers, Shards, Replicas int
	// Window of one producer, Prefetch of one consumer.
	Window, Prefetch int
	// Rate is messages per second of all producers together; 0 for as many as the windows allow.
	Rate int
	// Tick is ordeal's producers.tick; 0 leaves it to ordeal.
	Tick time.Duration
	// Warm is not measured; Full is.
	Warm, Full time.Duration
	// Topic was filled with Messages before; both only where something is read that nobody sends meanwhile.
	Topic    string
	Messages int
	// Fault is put into the measured phase, as a scenario has it; only ordeal's side knows it.
	Fault string
}

// scenario writes the work as ordeal reads it.
func (w *work) scenario() string {
	var s strings.Builder
	rate := "max"
	if w.Rate > 0 {
		rate = fmt.Sprintf("%d/s", w.Rate)
	}
	fmt.Fprintf(&s, "version: 1\nname: peer\ntopics: {t: {model: %s, shards: %d, replicas: %d}}\n", w.model(), max(1, w.Shards), max(1, w.Replicas))
	fmt.Fprintf(&s, "producers: {p: {to: t, count: %d, rate: %s, size: %dB, guarantee: %s, window: %d, retry: none, tick: %s}}\n",
		w.Producers, rate, w.Size, w.guarantee(), w.Window, w.Tick)
	if w.Consumers > 0 {
		fmt.Fprintf(&s, "consumers: {c: {from: t, count: %d, ack: after, prefetch: %d}}\n", w.Consumers, w.Prefetch)
		s.WriteString("checks: [no-loss, no-phantom, no-corruption, {duplicates: {max: 0}}]\n")
	} else {
		s.WriteString("checks: []\n") // nobody receives
	}
	fmt.Fprintf(&s, "phases:\n  - {name: warm-up, for: %s, record: false}\n  - {name: full, for: %s%s}\n", w.Warm, w.Full, w.faults())
	s.WriteString("drain: {idle: 100ms, timeout: 120s}\n")
	return s.String()
}

func (w *work) faults() string {
	if w.Fault == "" {
		return ""
	}
	return ", faults: [" + w.Fault + "]"
}

func (w *work) model() string {
	if w.Model == "" {
		return drivers.Log.String()
	}
	return w.Model
}

func (w *work) guarantee() string {
	if w.Guarantee == "" {
		return drivers.Accepted.String()
	}
	return w.Guarantee
}

// target is how ordeal is told of the broker.
func (w *work) target() string {
	scheme, query := w.Driver, ""
	if scheme == "rabbitmq" {
		scheme = "amqp"
	}
	for name, value := range w.Options {
		query += "&" + name + "=" + value
	}
	if query != "" {
		query = "?" + query[1:]
	}
	return scheme + "://" + w.Server + query
}

// topic is the same for the driver.
func (w *work) topic(name string) drivers.Topic {
	t := drivers.Topic{Name: name, Shards: max(1, w.Shards), Replicas: max(1, w.Replicas)}
	for _, m := range []drivers.Model{drivers.Log, drivers.Queue, drivers.Broadcast} {
		if m.String() == w.model() {
			t.Model = m
		}
	}
	if w.Consumers > 0 {
		t.Groups = []drivers.Group{{Name: "c", Members: w.Consumers, Prefetch: w.Prefetch}}
	}
	return t
}

// config is the driver's, with every default filled in.
func (w *work) config() (drivers.Driver, drivers.Config, error) {
	for _, d := range []drivers.Driver{kafka.New(), memory.New(), nats.New(), rabbitmq.New(), redis.New()} {
		if d.Name() != w.Driver {
			continue
		}
		options, err := drivers.Resolve(d.(drivers.Optioner).Options(), w.Options)
		return d, drivers.Config{Servers: []string{w.Server}, Options: options, Guarantee: w.level()}, err
	}
	return nil, drivers.Config{}, fmt.Errorf("there is no driver %q", w.Driver)
}

func (w *work) level() drivers.Guarantee {
	for _, g := range []drivers.Guarantee{drivers.Sent, drivers.Accepted, drivers.Replicated, drivers.Durable} {
		if g.String() == w.guarantee() {
			return g
		}
	}
	return 0
}

// argument is the work as a plain loop's process gets it.
func (w *work) argument() string {
	text, err := json.Marshal(w)
	if err != nil {
		panic(err) // a struct of texts and numbers
	}
	return string(text)
}

// The words of a work are those of scenarios and drivers: a typo would compare two different things.
func TestWorkSaysTheSameToBothSides(t *testing.T) {
	w := work{
		Driver: "rabbitmq", Server: "127.0.0.1:1", Model: "queue", Guarantee: "durable", Size: 100, Producers: 2, Consumers: 3, Shards: 4,
		Replicas: 1, Window: 5, Prefetch: 6, Tick: 3 * time.Millisecond, Warm: time.Second, Full: 2 * time.Second,
	}
	var again work
	if err := json.Unmarshal([]byte(w.argument()), &again); err != nil || again.scenario() != w.scenario() {
		t.Errorf("%+v, %v", again, err)
	}
	topic := w.topic("x")
	if topic.Model != drivers.Queue || topic.Shards != 4 || topic.Groups[0].Members != 3 || topic.Groups[0].Prefetch != 6 {
		t.Errorf("the topic is %+v", topic)
	}
	d, cfg, err := w.config()
	if err != nil || d.Name() != "rabbitmq" || cfg.Guarantee != drivers.Durable || cfg.Servers[0] != w.Server {
		t.Errorf("%+v, %v", cfg, err)
	}
	if w.target() != "amqp://127.0.0.1:1" {
		t.Errorf("the target is %s", w.target())
	}
	for _, part := range []string{"model: queue, shards: 4", "count: 2, rate: max, size: 100B, guarantee: durable, window: 5", "prefetch: 6", "tick: 3ms"} {
		if !strings.Contains(w.scenario(), part) {
			t.Errorf("the scenario has no %q:\n%s", part, w.scenario())
		}
	}
}
