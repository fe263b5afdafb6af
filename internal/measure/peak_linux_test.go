package measure

import (
	"os"
	"runtime/debug"
	"testing"
)

// What one run has held at most is not told of the next.
func TestForgetPeak(t *testing.T) {
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("this kernel cannot forget a peak: %v", err)
		}
		t.Skipf("this kernel cannot forget a peak, so ordeal shows that of the whole process: %v", err)
	}
	const size = 256 << 20
	hold(size)
	before := ReadUsage().RSSMax
	if before < size {
		t.Fatalf("the most so far is %d bytes, less than what was held", before)
	}
	debug.FreeOSMemory()
	ForgetPeak()
	if after := ReadUsage().RSSMax; after > before-size/2 {
		t.Errorf("before %d bytes, and after what was held is given back %d", before, after)
	}
}

// hold has size bytes for a moment.
func hold(size int) {
	large := make([]byte, size)
	for i := 0; i < len(large); i += 4096 {
		large[i] = 1
	}
}
