package cluster

import (
	"bytes"
	"io"
	"os"
)

// tail is what goes below an error about a node: the last lines of its log, indented, after a line that names the file; empty for a log
// that cannot be read or says nothing.
func tail(path string) string {
	const lines, most = 8, 4 << 10
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }()
	if size, err := f.Seek(0, io.SeekEnd); err == nil {
		_, err = f.Seek(max(0, size-most), io.SeekStart)
		if err != nil {
			return ""
		}
	}
	text, err := io.ReadAll(io.LimitReader(f, most))
	text = bytes.TrimSpace(text)
	if err != nil || len(text) == 0 {
		return ""
	}
	all := bytes.Split(text, []byte("\n"))
	all = all[max(0, len(all)-lines):]
	return "\nlast lines of " + path + ":\n  " + string(bytes.Join(all, []byte("\n  ")))
}
