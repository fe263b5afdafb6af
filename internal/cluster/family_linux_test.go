package cluster

import (
	"bytes"
	"fmt"
	"os"
	"strconv"

	"ordeal/faults/pid"
)

// family are the processes that descend from process: field 4 of /proc/N/stat is the parent (proc(5)).
func family(process int) ([]pid.Process, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	children := map[int][]int{}
	for _, e := range entries {
		child, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", child))
		if err != nil {
			continue // it ended meanwhile
		}
		fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
		if len(fields) < 2 {
			return nil, fmt.Errorf("unexpected form of /proc/%d/stat: %q", child, stat)
		}
		parent, err := strconv.Atoi(string(fields[1]))
		if err != nil {
			return nil, err
		}
		children[parent] = append(children[parent], child)
	}
	var out []pid.Process
	for rest := children[process]; len(rest) > 0; rest = rest[1:] {
		if id, err := pid.Of(rest[0]); err == nil {
			out = append(out, id)
		}
		rest = append(rest, children[rest[0]]...)
	}
	return out, nil
}
