package scenarios

// Secret says where a secret is to be found: in a variable of the environment or in a file. It never stands in a file of ordeal itself. The
// zero value is no secret.
type Secret struct {
	// Env is the name of the variable, File a path; one of them is empty.
	Env, File string
}

var _ form = (*Secret)(nil)

// Given tells whether there is one.
func (s Secret) Given() bool { return s != Secret{} }

func (*Secret) expected() string { return "{env: NAME} or {file: PATH}" }

// decode repeats nothing that was written: it may be the secret itself.
func (s *Secret) decode(d *decoder, path string, n *node) {
	if n.kind == mappingNode && n.key == nil && len(n.entries) == 0 {
		return // the default
	}
	if n.kind == scalarNode {
		d.fail(n, path, "", "a secret may not stand in the file, expected %s", s.expected())
		return
	}
	if n.kind != mappingNode || len(n.entries) != 1 || n.entries[0].value.kind != scalarNode || n.entries[0].value.text == "" {
		d.fail(n, path, "", "is not %s", s.expected())
		return
	}
	switch e := n.entries[0]; e.key.text {
	case "env":
		if !variableName(e.value.text) {
			d.fail(n, path, "", "what follows env is no name of a variable (letters, digits and _); the secret itself may not stand in the file")
			return
		}
		s.Env = e.value.text
	case "file":
		s.File = e.value.text
	default:
		d.fail(n, path, "", "is not %s", s.expected())
	}
}

func (s *Secret) encode() *node {
	out := mapping()
	switch {
	case s.Env != "":
		out.add("env", scalar(s.Env))
	case s.File != "":
		out.add("file", scalar(s.File))
	}
	return out
}

// variableName tells whether a variable of the environment may be called so (POSIX.1-2017, base definitions, 8.1).
func variableName(s string) bool {
	for i, r := range s {
		letter := r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return s != ""
}
