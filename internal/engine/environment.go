package engine

import (
	"bufio"
	"os"
	"runtime"
	"strings"

	"ordeal/reports"
)

// describeMachine is what a reader of the report must know of where the run took place.
func describeMachine(ordeal, broker string) reports.Environment {
	return reports.Environment{
		OS: runtime.GOOS, Arch: runtime.GOARCH, Kernel: firstLine("/proc/sys/kernel/osrelease"), CPU: cpuModel(), Cores: runtime.NumCPU(),
		Go: runtime.Version(), Ordeal: ordeal, Broker: broker,
	}
}

// firstLine of a file of the kernel's; empty where there is none.
func firstLine(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(text), "\n")
	return line
}

func cpuModel() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	defer f.Close() //nolint:errcheck // only read
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if name, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
