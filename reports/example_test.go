package reports_test

import (
	"fmt"
	"os"
	"path/filepath"

	"ordeal/reports"
	"ordeal/reports/reporttest"
)

// A script that reads run.json: what was not kept, and where to look.
func Example() {
	folder, err := os.MkdirTemp("", "run")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "run.json")
	if err := reports.Write(path, reporttest.Lost()); err != nil {
		fmt.Println(err)
		return
	}

	run, err := reports.Read(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(run.Verdict.Word(), run.Headline)
	for _, check := range reports.WorstFirst(run.Checks)[:2] {
		kind, n := check.Finding()
		fmt.Println(check.Verdict.Mark(), check.Name, reports.Count(n), kind, "of", reports.Count(check.Comparisons))
	}
	fmt.Println("end-to-end p99", reports.Duration(run.Phases[1].EndToEnd.P99))
	// Output:
	// FAIL 3 of 60,000 acknowledged messages were lost.
	// ✗ no-loss 3 lost of 60,000
	// ✓ order 0 reordered of 59,997
	// end-to-end p99 1.93 ms
}
