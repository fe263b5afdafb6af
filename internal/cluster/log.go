package cluster

import (
	"bytes"
	"io"
	"os"
)

// tail is what goes below an error about a node: the last lines of its log, indented, after a line that names the file; empty for a log
// that cannot be read or says nothing. Of a long line both ends are there: Erlang puts what happened before a call's arguments, and why
// behind them.
func tail(path string) string {
	const lines, most = 8, 64 << 10
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
	for i, line := range all {
		all[i] = ends(line)
	}
	return "\nlast lines of " + path + ":\n  " + string(bytes.Join(all, []byte("\n  ")))
}

// ends is a line, without its middle where it is long.
func ends(line []byte) []byte {
	const first, last = 250, 500
	if len(line) <= first+last {
		return line
	}
	return bytes.ToValidUTF8(bytes.Join([][]byte{line[:first], line[len(line)-last:]}, []byte(" ... ")), nil)
}
