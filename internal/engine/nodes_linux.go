package engine

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"
)

// tick is the unit of times in /proc: USER_HZ is 100 on every architecture that Go knows.
const tick = time.Second / 100

// processTree reads process n and its children from /proc; see proc(5). The children are those of the first thread only: a wrapper such
// as a shell script has no other, and looking at every thread of a JVM every second would cost more than it tells.
func processTree(n int) map[processID]processUse {
	out := map[processID]processUse{}
	addProcess(out, n)
	return out
}

func addProcess(out map[processID]processUse, n int) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", n))
	if err != nil {
		return // it has ended
	}
	started, cpu, ok := parseUse(stat)
	id := processID{pid: int64(n), started: started}
	if _, known := out[id]; !ok || known {
		return
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", n))
	if err != nil {
		return
	}
	out[id] = processUse{cpu: cpu, rss: parsePeak(status)}
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", n, n))
	if err != nil {
		return // a kernel without CONFIG_PROC_CHILDREN
	}
	for _, word := range bytes.Fields(children) {
		if child, err := strconv.Atoi(string(word)); err == nil {
			addProcess(out, child)
		}
	}
}

// parseUse takes the fields 14 (utime), 15 (stime) and 22 (starttime) of /proc/PID/stat. The command in parentheses may hold anything.
func parseUse(stat []byte) (started int64, cpu time.Duration, ok bool) {
	const user, system, start = 11, 12, 19 // counted from field 3, which follows the command
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) <= start {
		return 0, 0, false
	}
	var values [3]int64
	for i, field := range []int{user, system, start} {
		v, err := strconv.ParseInt(string(fields[field]), 10, 64)
		if err != nil {
			return 0, 0, false
		}
		values[i] = v
	}
	return values[2], time.Duration(values[0]+values[1]) * tick, true
}

// parsePeak takes VmHWM, which is in KiB, from /proc/PID/status; 0 where there is none, as for a process that has ended.
func parsePeak(status []byte) int64 {
	_, rest, found := bytes.Cut(status, []byte("\nVmHWM:"))
	fields := bytes.Fields(rest)
	if !found || len(fields) == 0 {
		return 0
	}
	kib, err := strconv.ParseInt(string(fields[0]), 10, 64)
	if err != nil {
		return 0
	}
	return kib * 1024
}
