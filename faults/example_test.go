package faults_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"ordeal/faults"
)

// outage is the smallest fault there is: it shuts a door and opens it again.
type outage struct{ door *bool }

func (o outage) Needs() faults.Needs                        { return faults.Needs{} }
func (o outage) Check(context.Context, faults.Target) error { return nil }
func (o outage) Recover(context.Context) error              { *o.door = true; return nil }
func (o outage) Settled(context.Context) error              { return nil }
func (o outage) Undo() []string                             { return nil }
func (o outage) Evidence() faults.Evidence {
	return faults.Evidence{Bit: true, Why: "the door was seen shut", Facts: map[string]string{"door": "front"}}
}

func (o outage) Inject(context.Context, faults.Target) (faults.Recovery, error) {
	*o.door = false
	return o, nil
}

// house is a target without nodes and connections.
type house struct{}

func (house) Name() string                                           { return "house" }
func (house) Nodes() []faults.Node                                   { return nil }
func (house) Resolve(context.Context, string) ([]faults.Node, error) { return nil, nil }
func (house) Links() *faults.Links                                   { return &faults.Links{} }
func (house) Serving(context.Context, faults.Node) error             { return nil }
func (house) Rand() *rand.Rand                                       { return rand.New(rand.NewPCG(1, 1)) }

func (house) Logger() *slog.Logger { return slog.New(slog.DiscardHandler) }

// A guard takes a fault through its course, and undoes it whatever happens.
func ExampleGuard() {
	folder, err := os.MkdirTemp("", "ordeal")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(folder)
	ledger, err := faults.NewLedger(filepath.Join(folder, "undo.json"))
	if err != nil {
		panic(err)
	}
	begin, open := time.Now(), true
	guard := faults.NewGuard(ledger, slog.New(slog.DiscardHandler), func() int64 { return int64(time.Since(begin)) })
	record := guard.Run(context.Background(), faults.Spec{Kind: "house.outage", For: time.Millisecond}, outage{&open}, house{})
	fmt.Println(record.State, record.Evidence.Why, open)
	// Output: settled the door was seen shut true
}
