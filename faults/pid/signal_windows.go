package pid

import "os"

// resume has no counterpart on Windows.
func resume(*os.Process) error { return ErrUnsupported }
