package cli

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"ordeal/scenarios"
)

var update = flag.Bool("update", false, "write golden files and generated docs anew")

// TestDocsUpToDate keeps the generated parts of the docs what the code says.
func TestDocsUpToDate(t *testing.T) {
	w := newWire()
	for name, section := range map[string]struct{ mark, text string }{
		"faults.md":  {"faults", scenarios.FaultTable(w.kinds)},
		"checks.md":  {"checks", scenarios.CheckTable(checkDecls())},
		"drivers.md": {"drivers", driverTables(w)},
	} {
		path := "../../docs/" + name
		page, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		before, rest, ok1 := strings.Cut(string(page), "<!-- generated: "+section.mark+" -->\n")
		_, after, ok2 := strings.Cut(rest, "<!-- end -->\n")
		if !ok1 || !ok2 {
			t.Fatalf("%s lacks the marks around its generated part", path)
		}
		want := before + "<!-- generated: " + section.mark + " -->\n" + section.text + "<!-- end -->\n" + after
		if want == string(page) {
			continue
		}
		if !*update {
			t.Errorf("%s is not what the code says; run make golden", path)
			continue
		}
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// driverTables lists the drivers' options for docs/drivers.md.
func driverTables(w *wire) string {
	var out strings.Builder
	for _, d := range w.drivers {
		fmt.Fprintf(&out, "## %s\n\n```\n", d.Name())
		env := &Env{Stdout: &out}
		printPromises(env, d)
		printOptions(env, options(d))
		out.WriteString("```\n\n")
	}
	return out.String()
}
