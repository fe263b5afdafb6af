// Command ordeal puts a message broker through scripted load and faults, and says with evidence what was lost, duplicated, reordered or
// corrupted, how long everything took, and how long the broker was away.
package main

import (
	"os"

	"ordeal/internal/cli"
)

// version is set by the linker, which can set nothing but a variable; see the Makefile.
var version = ""

func main() { os.Exit(cli.Main(cli.System(version))) }
