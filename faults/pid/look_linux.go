package pid

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
)

// look reads /proc/N/stat (proc(5)): the state is field 3, the start in clock ticks since boot field 22. The id of the boot is part of the
// start, because ticks begin anew with it.
func look(n int) (State, string, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", n))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
		return Gone, "", ErrGone
	}
	if err != nil {
		return Gone, "", err
	}
	state, ticks, err := parseStat(stat)
	if err != nil {
		return Gone, "", err
	}
	if state == Gone {
		return Gone, "", ErrGone
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return Gone, "", err
	}
	return state, strings.TrimSpace(string(boot)) + "/" + ticks, nil
}

// parseStat takes the command in parentheses as it comes: it may hold spaces and parentheses itself, and ends at the last one.
func parseStat(stat []byte) (State, string, error) {
	const afterCommand, start = 0, 19 // the fields 3 and 22, counted from field 3
	end := bytes.LastIndexByte(stat, ')')
	fields := bytes.Fields(stat[end+1:])
	if end < 0 || len(fields) <= start || len(fields[afterCommand]) != 1 {
		return Gone, "", fmt.Errorf("unexpected form of /proc/PID/stat: %q", stat)
	}
	state := Running
	switch fields[afterCommand][0] {
	case 'T':
		state = Stopped
	case 'Z', 'X', 'x':
		state = Gone
	}
	return state, string(fields[start]), nil
}
