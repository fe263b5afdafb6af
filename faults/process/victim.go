package process

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"ordeal/faults"
)

// victim is one node under a fault.
type victim struct {
	node   faults.Node
	before faults.Status
	// ending tells that the node was told to end, had not when the time for that was over, and still may.
	ending bool
	// killed tells that it was ended in the end by a signal, to be undone.
	killed bool

	mu    sync.Mutex
	bit   bool
	why   string
	facts map[string]string
}

// saw takes down what was seen. Later sentences replace earlier ones, facts add up.
func (v *victim) saw(bit bool, why string, facts ...string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.bit, v.why = bit, v.node.Name()+" "+why
	if v.facts == nil {
		v.facts = map[string]string{"node": v.node.Name()}
	}
	for i := 0; i+1 < len(facts); i += 2 {
		v.facts[facts[i]] = facts[i+1]
	}
}

func (v *victim) bitten() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.bit
}

// pid gives a process number in words.
func pid(n int) string {
	if n == 0 {
		return "unknown"
	}
	return strconv.Itoa(n)
}

// as adds a process number to a sentence, where it is known.
func as(n int) string {
	if n == 0 {
		return ""
	}
	return " as process " + strconv.Itoa(n)
}

// who names a process in a sentence.
func who(n int) string {
	if n == 0 {
		return "it"
	}
	return "process " + strconv.Itoa(n)
}

// each does do to all victims at once, and joins the errors.
func each(victims []*victim, do func(*victim) error) error {
	errs := make([]error, len(victims))
	var all sync.WaitGroup
	for i, v := range victims {
		all.Go(func() { errs[i] = do(v) })
	}
	all.Wait()
	return errors.Join(errs...)
}

// evidence is that of all victims together: it bit where it bit every one. Facts of several nodes stand side by side in their order.
func evidence(victims []*victim) faults.Evidence {
	e := faults.Evidence{Bit: true}
	var whys []string
	facts := map[string][]string{}
	for _, v := range victims {
		v.mu.Lock()
		e.Bit = e.Bit && v.bit
		whys = append(whys, v.why)
		for _, name := range slices.Sorted(maps.Keys(v.facts)) {
			facts[name] = append(facts[name], v.facts[name])
		}
		v.mu.Unlock()
	}
	e.Why = strings.Join(whys, "; ")
	e.Facts = map[string]string{}
	for name, values := range facts {
		e.Facts[name] = strings.Join(values, ", ")
	}
	return e
}

// settled waits until every victim serves, by its own word and by the driver's.
func settled(ctx context.Context, t faults.Target, victims []*victim) error {
	return each(victims, func(v *victim) error {
		if err := v.node.Ready(ctx); err != nil {
			return err
		}
		return t.Serving(ctx, v.node)
	})
}
