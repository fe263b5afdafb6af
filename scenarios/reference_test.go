package scenarios_test

import (
	"strings"
	"testing"

	"ordeal/scenarios"
)

func TestReferenceUpToDate(t *testing.T) {
	page, err := scenarios.Reference()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "../docs/scenarios.md", page)
}

func TestTablesGolden(t *testing.T) {
	v := words()
	golden(t, "testdata/tables.md", scenarios.FaultTable(v.Faults)+"\n"+scenarios.CheckTable(v.Checks))
}

// What is offered to begin with is valid, and so are the examples of the reference.
func TestNew(t *testing.T) {
	if _, err := scenarios.Read(strings.NewReader(scenarios.New()), "new.yaml", words()); err != nil {
		t.Error(err)
	}
	if !strings.HasPrefix(scenarios.New(), "# yaml-language-server:") {
		t.Error("editors look for the schema in the first line")
	}
}
