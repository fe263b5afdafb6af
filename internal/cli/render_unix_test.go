//go:build unix

package cli

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"ordeal/reports"
)

// A report that the user wants in a file of theirs leaves what they made of it: where it lies, and who may read it.
func TestReportKeepsTheFile(t *testing.T) {
	dir := t.TempDir()
	file, link := filepath.Join(dir, "report.json"), filepath.Join(dir, "link")
	if err := os.Symlink("report.json", link); err != nil {
		t.Fatal(err)
	}
	for _, before := range []string{"", strings.Repeat("a longer text from before", 1000)} { // the link leads nowhere at first
		if before != "" {
			if err := os.WriteFile(file, []byte(before), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(file, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := renderTo(nil, &reports.Run{}, "json", link); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(file)
		if err != nil || !strings.HasPrefix(string(text), "{") || !strings.HasSuffix(string(text), "}\n") {
			t.Errorf("the file holds %q, %v", text, err)
		}
		if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
			t.Errorf("the link is gone: %v, %v", info, err)
		}
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file may be read by others: %v, %v", info, err)
	}
}

func TestReportIntoPipe(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	read := make(chan string, 1)
	go func() {
		text, err := os.ReadFile(pipe)
		if err != nil {
			t.Error(err)
		}
		read <- string(text)
	}()
	if err := renderTo(nil, &reports.Run{}, "json", pipe); err != nil {
		t.Fatal(err)
	}
	if got := <-read; !strings.HasPrefix(got, "{") {
		t.Errorf("read %q", got)
	}
}
