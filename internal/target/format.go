package target

import (
	"ordeal/internal/cluster"
	"ordeal/scenarios"
)

// format is a target file; the tags are those of a scenario (see scenarios.Scenario).
type format struct {
	Version int             `key:"version" min:"1" max:"1"`
	Driver  string          `key:"driver" takes:"the name of a driver, such as nats"`
	Servers []string        `key:"servers" default:"[]"`
	Nodes   []node          `key:"nodes" default:"{}"`
	Options scenarios.Later `key:"options" default:"{}"`
	Auth    auth            `key:"auth" default:"{}"`
	TLS     certificates    `key:"tls" default:"{}"`
}

// node is one broker process, under the name that faults give it.
type node struct {
	Name     string   `key:"-"`
	Address  string   `key:"address" takes:"host:port"`
	Called   string   `key:"called" default:"\"\"" takes:"the broker's own name of the node"`
	Commands commands `key:"commands" default:"{}"`
}

// commands are shell commands; see cluster.Commands.
type commands struct {
	Kill   string `key:"kill" default:"\"\"" takes:"a shell command"`
	Stop   string `key:"stop" default:"\"\"" takes:"a shell command"`
	Start  string `key:"start" default:"\"\"" takes:"a shell command"`
	Pause  string `key:"pause" default:"\"\"" takes:"a shell command"`
	Resume string `key:"resume" default:"\"\"" takes:"a shell command"`
	Alive  string `key:"alive" default:"\"\"" takes:"a shell command"`
}

func (c commands) of() cluster.Commands {
	return cluster.Commands{Kill: c.Kill, Stop: c.Stop, Start: c.Start, Pause: c.Pause, Resume: c.Resume, Alive: c.Alive}
}

// auth is how clients prove who they are.
type auth struct {
	Mechanism string           `key:"mechanism" default:"\"\"" takes:"the name of a mechanism"`
	User      string           `key:"user" default:"\"\""`
	Password  scenarios.Secret `key:"password" default:"{}"`
	Secret    scenarios.Secret `key:"secret" default:"{}"`
}

// certificates are PEM files. There is no way to leave out the check of a server's certificate: whoever has one that no authority signed
// gives the certificate itself as ca, and its name as server_name.
type certificates struct {
	CA         string `key:"ca" default:"\"\"" takes:"a PEM file"`
	Cert       string `key:"cert" default:"\"\"" takes:"a PEM file"`
	Key        string `key:"key" default:"\"\"" takes:"a PEM file"`
	ServerName string `key:"server_name" default:"\"\"" takes:"the name in the server's certificate"`
}
