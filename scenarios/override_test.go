package scenarios_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"ordeal/drivers"
	"ordeal/scenarios"
)

func TestSet(t *testing.T) {
	s, err := scenarios.Load("broker-crash", words(),
		"consumers.payment.ack=before", "phases.steady.for=5s", "phases.fault.faults[0].for=4s", "phases[3].for=7s",
		"producers.checkout.rate={from: 1k/s, to: 2k/s, over: 3s}", "producers.checkout.keys.count=7", "producers.checkout.retry.attempts=3",
		"drain.timeout=9s", "checks[3]={order: per-shard}", "gates=[]", `about=""`, "options.nats.storage=memory",
		"options.nats.server.jetstream.sync_interval=always", "options.nats.ack_wait=5s", "options.nats.ack_wait=6s",
	)
	if err != nil {
		t.Fatal(err)
	}
	p, o := s.Producers[0], s.DriverOptions("nats")
	for what, ok := range map[string]bool{
		"ack":      s.Consumers[0].Ack == scenarios.Ack{Mode: drivers.AckBefore},
		"steady":   s.Phases[1].For == 5*time.Second && s.Phases[3].For == 7*time.Second,
		"fault":    s.Phases[2].Faults[0].For == 4*time.Second && s.Phases[2].Faults[0].Kind == "process.kill",
		"rate":     len(p.Rate.Segments) == 1 && p.Rate.Segments[0] == scenarios.Segment{From: 1000, To: 2000, For: 3 * time.Second},
		"keys":     p.Keys == scenarios.Keys{Count: 7, Pick: scenarios.PickZipf},
		"retry":    p.Retry == scenarios.Retry{Attempts: 3},
		"drain":    s.Drain == scenarios.Drain{Idle: time.Second, Timeout: 9 * time.Second},
		"check":    s.Checks[3].Name == "order" && s.Checks[3].Params.Text("scope") == "per-shard",
		"gates":    len(s.Gates) == 0,
		"about":    s.About == "",
		"options":  o.Values.Text("storage") == "memory" && o.Values.Duration("ack_wait") == 6*time.Second,
		"server":   o.Server["jetstream.sync_interval"] == "always",
		"no other": s.DriverOptions("memory").Values == nil,
	} {
		if !ok {
			t.Errorf("%s was not set: %+v", what, s)
		}
	}
}

// Items of every list of the format are called by their names: a phase, a fault by its kind, a check, a gate by its figure.
func TestSetItems(t *testing.T) {
	s, err := scenarios.Load("broker-crash", words(),
		"checks.duplicates.max=3", "checks.order=per-shard", "phases.fault.faults.process.kill.for=4s",
		"gates.recovery.gap.max=< 77ms",
	)
	if err != nil {
		t.Fatal(err)
	}
	checks := map[string]scenarios.Check{}
	for _, c := range s.Checks {
		checks[c.Name] = c
	}
	if checks["duplicates"].Params.Int("max") != 3 || checks["order"].Params.Text("scope") != "per-shard" {
		t.Errorf("checks: %+v", s.Checks)
	}
	if f := s.Phases[2].Faults[0]; f.For != 4*time.Second || f.Kind != "process.kill" {
		t.Errorf("fault: %+v", f)
	}
	if got := s.Gates[0].String(); len(s.Gates) != 1 || got != "recovery.gap.max < 77ms" {
		t.Errorf("gates: %q", got)
	}
	for set, holds := range map[string]func(s *scenarios.Scenario) bool{
		"checks.duplicates.max=5":                  func(s *scenarios.Scenario) bool { return has(s, "duplicates", "max", "5") },
		"checks.duplicates={max: 6}":               func(s *scenarios.Scenario) bool { return has(s, "duplicates", "max", "6") },
		"checks.duplicates={duplicates: {max: 7}}": func(s *scenarios.Scenario) bool { return has(s, "duplicates", "max", "7") },
		"checks.order.scope=per-shard":             func(s *scenarios.Scenario) bool { return has(s, "order", "scope", "per-shard") },
		"checks.order={scope: per-shard}":          func(s *scenarios.Scenario) bool { return has(s, "order", "scope", "per-shard") },
		"gates.recovery.gap.max=recovery.gap.max < 9ms": func(s *scenarios.Scenario) bool {
			return s.Gates[0].String() == "recovery.gap.max < 9ms"
		},
		"gates.recovery.gap.max=>= 1ms": func(s *scenarios.Scenario) bool { return s.Gates[0].String() == "recovery.gap.max >= 1ms" },
		"phases.fault.faults.process.kill={kind: process.kill, target: any, at: 1s, for: 2s}": func(s *scenarios.Scenario) bool {
			return s.Phases[2].Faults[0].For == 2*time.Second
		},
	} {
		s, err := scenarios.Load("broker-crash", words(), set)
		if err != nil || !holds(s) {
			t.Errorf("--set %s: %v %+v", set, err, s)
		}
	}
}

func has(s *scenarios.Scenario, check, param, value string) bool {
	return slices.ContainsFunc(s.Checks, func(c scenarios.Check) bool { return c.Name == check && c.Params.Text(param) == value })
}

func TestSetErrors(t *testing.T) {
	for set, want := range map[string]string{
		"phases.steady.for=5":                    `--set phases.steady.for=5: phases.steady.for: "5" is not a duration: it lacks its unit`,
		"phases.stedy.for=5s":                    `there is no item "stedy" in the list, expected one of warm-up, steady, fault, recovery; did you`,
		"phases[9].for=5s":                       `there is no item "[9]" in the list`,
		"consumers.paymnt.ack=before":            `consumers.paymnt: there is no "paymnt", expected one of payment; did you mean "payment"?`,
		"consumers.payment.ack=befor":            `did you mean "before"?`,
		"consumers.payment.akc=before":           `consumers.payment.akc: unknown key`,
		"consumers.payment.ack.bath=3":           `consumers.payment.ack.bath: unknown key`,
		"drain":                                  `--set drain: expected PATH=VALUE such as phases.steady.for=5s`,
		"about=":                                 `--set about=: about: nothing stands behind the =, expected a value`,
		"=5":                                     `expected PATH=VALUE`,
		"drain.idle=[1":                          `--set drain.idle=[1: drain.idle: "[1" is not a value: not YAML`,
		"phases.nothing=5s":                      `there is no item "nothing"`,
		"checks[0]=no-los":                       `--set checks[0]=no-los: checks[0]: there is no check "no-los"`,
		"gates=[stedy.gap.max < 5s]":             `there is no phase "stedy"`,
		"producers.checkout.to=other":            `--set producers.checkout.to=other: producers.checkout.to: there is no topic "other"`,
		"..=5":                                   `unknown key`,
		"checks.duplicate.max=3":                 `there is no item "duplicate" in the list, expected one of no-loss, no-phantom, no-corruption, order, duplicates; did you mean "duplicates"?`,
		"checks.duplicates.mx=3":                 `did you mean "max"?`,
		"checks.no-loss=5":                       `takes no parameters`,
		"checks.order=per-kay":                   `did you mean "per-key"?`,
		"gates.stedy.gap.max=< 5s":               `there is no item "stedy" in the list, expected one of recovery.gap.max`,
		"gates.steady.end_to_end.p99=5":          `--set gates.steady.end_to_end.p99=5: gates`,
		"phases.fault.faults.procss.kill.for=4s": `there is no item "procss" in the list, expected one of process.kill; did you mean "process.kill"?`,
		"phases.fault.faults.process.kill.fr=4s": `did you mean "for"?`,
		"options.nats.storage.more=now":          `expected one of file, memory`,
	} {
		_, err := scenarios.Load("broker-crash", words(), set)
		var all scenarios.Errors
		if !errors.As(err, &all) || len(all) != 1 || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("--set %s\ngot  %v\nwant %s", set, err, want)
		}
	}
}
