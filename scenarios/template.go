package scenarios

import _ "embed"

//go:embed template.yaml
var newText string

// New is the text of a scenario to begin with, with comments that say how to go on. It is valid as it is.
func New() string { return newText }
