package drivers

// Provisioner is a Driver whose broker gives a guarantee only with settings of its own server. The engine asks it for the clusters that
// ordeal starts, and starts them so; a setting that the scenario has itself stands, and is audited.
type Provisioner interface {
	// ServerSettings are what g needs, in the names of options.<driver>.server; empty where the server's own will do.
	ServerSettings(g Guarantee) map[string]string
}
