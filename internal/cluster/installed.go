package cluster

// Installed is what ordeal found, or did not find, of something that a local cluster needs. `ordeal doctor` shows it.
type Installed struct {
	// What it is, in words: "Java", "Apache Kafka".
	What string
	// Version as it calls itself; empty where it is missing or does not say.
	Version string
	// Path of the program or folder; empty where it is missing.
	Path string
	// Remedy is the command that gets it, or says what to do; empty where nothing is missing.
	Remedy string
	// Found tells whether it can be used.
	Found bool
}
