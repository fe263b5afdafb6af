package cli

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
)

func missed(n int) []byte { return fmt.Appendf(nil, "%d are missing\n", n) }

// Nobody reads; whoever writes goes on, and what comes when somebody reads again says what is missing.
func TestRelayMakesNobodyWait(t *testing.T) {
	in, out := io.Pipe()
	r := newRelay(out, missed)
	const lines = relayLines + 500
	for i := range lines {
		fmt.Fprintf(r, "line %d\n", i)
	}
	r.Flush() // which gives up
	got := make(chan string)
	go func() {
		text, err := io.ReadAll(in)
		if err != nil {
			t.Error(err)
		}
		got <- string(text)
	}()
	for r.stalled.Load() {
		runtime.Gosched() // until somebody has read
	}
	r.Flush()
	fmt.Fprintln(r, "the end")
	r.Close()
	fmt.Fprintln(r, "after the end") // is lost, and no panic
	out.Close()
	text := <-got
	if !strings.HasPrefix(text, "line 0\n") || !strings.HasSuffix(text, " are missing\nthe end\n") {
		t.Errorf("%d bytes were read, which begin with %.30q and end with %q", len(text), text, text[max(0, len(text)-100):])
	}
	if n := strings.Count(text, "line "); n > relayLines+1 || n < relayLines { // one more is on its way
		t.Errorf("%d lines were kept", n)
	}
}

// What goes to another writer stands below what went to the relay before.
func TestRelayKeepsTheOrder(t *testing.T) {
	var all bytes.Buffer
	r := newRelay(&all, missed)
	report := after{&all, r}
	for i := range 100 {
		fmt.Fprintf(r, "%d ", 2*i)
		fmt.Fprintf(report, "%d ", 2*i+1)
	}
	r.Close()
	var want strings.Builder
	for i := range 200 {
		fmt.Fprintf(&want, "%d ", i)
	}
	if all.String() != want.String() {
		t.Errorf("%s", all.String())
	}
}
