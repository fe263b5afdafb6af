package target

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"ordeal/drivers"
	"ordeal/scenarios"
)

// auth looks up the secrets. What the driver can do with them is checked where a run is planned, for targets of all kinds.
func (l *loader) auth() {
	if !l.doc.Sound("auth") {
		return
	}
	a := l.format.Auth
	l.file.Auth = drivers.Auth{
		Mechanism: a.Mechanism, User: a.User, Password: l.secret("auth.password", a.Password), Secret: l.secret("auth.secret", a.Secret),
	}
}

// secret reads a secret; "" where none is given, and where it cannot be had, which is told.
func (l *loader) secret(path string, s scenarios.Secret) string {
	switch {
	case s.Env != "":
		value, set := l.lookup(s.Env)
		if !set || value == "" {
			l.doc.Fail(path, "", "variable %s of the environment is not set, or empty; set it, or give {file: PATH}", s.Env)
		}
		return value
	case s.File != "":
		text, err := os.ReadFile(l.path(s.File))
		if err != nil {
			l.doc.Fail(path, "", "file %s: %v", l.path(s.File), cause(err))
			return ""
		}
		// An editor ends the file with a line's end, which no secret has.
		value := strings.TrimRight(string(text), "\r\n")
		if value == "" {
			l.doc.Fail(path, "", "file %s is empty, expected the secret", l.path(s.File))
		}
		return value
	default:
		return ""
	}
}

// path is that of a file that the target file names: relative to the target file's own folder.
func (l *loader) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(l.dir, name)
}

// cause is an error of the file system without the path, which has been said.
func cause(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}
