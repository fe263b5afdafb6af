package target

import (
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"ordeal/drivers"
	"ordeal/internal/cluster"
	"ordeal/scenarios"
	"ordeal/scenarios/hint"
)

// File is what a target file says, ready for use.
type File struct {
	// Driver is one of those known to Load.
	Driver string
	// Servers are host:port addresses; those of the nodes, where there are nodes.
	Servers []string
	// Nodes are named n1, n2 and so on in their order; none where the file gives servers alone.
	Nodes []cluster.RemoteNode
	// Dir is the absolute path of the file's folder, where commands run.
	Dir string
	// Options of the driver; what the file does not give is left out.
	Options drivers.Options
	Auth    drivers.Auth
	// TLS is nil for plain connections.
	TLS *tls.Config
}

// Load reads the file at path for one of the known drivers. Variables of the environment are looked up by lookup, as os.LookupEnv does.
// Whatever is wrong comes as scenarios.Errors, all at once; no error repeats a secret.
func Load(path string, known []drivers.Driver, lookup func(string) (string, bool)) (*File, error) {
	text, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read target file: %w", err)
	}
	defer text.Close() //nolint:errcheck // it was only read
	dir, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("read target file %s: %w", path, err)
	}
	var f format
	l := loader{doc: scenarios.ReadDocument(text, path, "a target file", &f), format: &f, dir: dir, lookup: lookup, file: &File{Dir: dir}}
	l.driver(known)
	l.where()
	l.auth()
	if l.doc.Given("tls") && l.doc.Sound("tls") {
		l.tls()
	}
	if err := l.doc.Err(); err != nil {
		return nil, err
	}
	return l.file, nil
}

// loader turns what was written into what is meant.
type loader struct {
	doc    *scenarios.Document
	format *format
	dir    string
	lookup func(string) (string, bool)
	file   *File
}

func (l *loader) driver(known []drivers.Driver) {
	if !l.doc.Sound("driver") {
		return
	}
	var names []string
	for _, d := range known {
		names = append(names, d.Name())
		if d.Name() != l.format.Driver {
			continue
		}
		l.file.Driver = d.Name()
		var declared []drivers.Option
		if o, ok := d.(drivers.Optioner); ok {
			declared = o.Options()
		}
		l.file.Options = l.doc.Options("options", declared)
		return
	}
	l.doc.Fail("driver", hint.DidYouMean(l.format.Driver, names), "there is no driver %q, expected one of %s",
		l.format.Driver, strings.Join(names, ", "))
}

// where takes down servers, or nodes.
func (l *loader) where() {
	if !l.doc.Sound("servers") || !l.doc.Sound("nodes") {
		return
	}
	f := l.format
	switch {
	case len(f.Servers) > 0 && len(f.Nodes) > 0:
		l.doc.Fail("servers", "", "nodes are given too, and clients use their addresses: leave out one of the two")
	case len(f.Servers) == 0 && len(f.Nodes) == 0:
		l.doc.Fail("servers", "", "missing, expected a list of host:port, or nodes with an address each")
	}
	for i, s := range f.Servers {
		l.address("servers["+strconv.Itoa(i)+"]", s)
	}
	for i, n := range f.Nodes {
		if want := "n" + strconv.Itoa(i+1); n.Name != want {
			l.doc.Fail("nodes."+n.Name, "", "nodes are called n1, n2 and so on in their order, as everywhere in ordeal, expected %s; "+
				"the broker's own name belongs under called", want)
		}
		l.address("nodes."+n.Name+".address", n.Address)
		l.file.Nodes = append(l.file.Nodes, cluster.RemoteNode{Address: n.Address, Called: n.Called, Commands: n.Commands.of()})
	}
}

// address checks one address and takes it down.
func (l *loader) address(path, address string) {
	_, port, err := net.SplitHostPort(address)
	number, convErr := strconv.Atoi(port)
	switch {
	case strings.Contains(address, "@"):
		l.doc.Fail(path, "", "holds an @, expected host:port alone; user and password belong under auth")
	case strings.Contains(address, "://"):
		l.doc.Fail(path, "", "is a URL, expected host:port alone; for TLS give tls: {}")
	case err != nil || convErr != nil || number < 1 || number > 65535:
		l.doc.Fail(path, "", "%q is not host:port", address)
	case slices.Contains(l.file.Servers, address):
		l.doc.Fail(path, "", "%s stands here a second time", address)
	}
	l.file.Servers = append(l.file.Servers, address)
}
