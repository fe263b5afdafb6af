package cli

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// processesOf finds the processes, by number, whose command line names a folder: the nodes of runs below it. Zombies have no command line.
func processesOf(t *testing.T, folder string) []string {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, file := range files {
		line, err := os.ReadFile(file)
		if err == nil && bytes.Contains(line, []byte(folder+"/")) {
			found = append(found, filepath.Base(filepath.Dir(file)))
		}
	}
	return found
}

// stateOf is the kernel's letter for a process's state, T for a stopped one.
func stateOf(t *testing.T, pid int) string {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := bytes.Cut(stat, []byte(") ")) // the name in brackets may hold spaces
	return string(after[:1])
}
