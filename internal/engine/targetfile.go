package engine

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"ordeal/drivers"
	"ordeal/internal/target"
)

// ReadTarget understands a target as a user gives it: a target file, or what ParseTarget understands. Errors are *TargetError, or
// scenarios.Errors for what is wrong within a file; none shows a secret.
func ReadTarget(text string, known []drivers.Driver) (Target, error) {
	var names []string
	for _, d := range known {
		names = append(names, d.Name())
	}
	path, query, _ := strings.Cut(text, "?")
	if !isFile(path, names) {
		return ParseTarget(text, names)
	}
	t := Target{Text: text, Options: map[string]string{}}
	if problem := t.ask(query); problem != "" {
		return Target{}, &TargetError{Text: text, Problem: problem}
	}
	f, err := target.Load(path, known, os.LookupEnv)
	if err != nil {
		return Target{}, err
	}
	t.Driver, t.Servers, t.TLS, t.Remote, t.Dir = f.Driver, f.Servers, f.TLS, f.Nodes, f.Dir
	if t.Auth.Mechanism != "" {
		f.Auth.Mechanism = t.Auth.Mechanism
	}
	t.Auth = f.Auth
	for name, value := range f.Options {
		if _, given := t.Options[name]; !given {
			t.Options[name] = value
		}
	}
	return t, nil
}

// isFile tells whether a target is the path of a target file: by its ending, or because there is such a file and no driver of that name.
func isFile(path string, drivers []string) bool {
	word, _, _ := strings.Cut(path, ":")
	if word == composeWord || strings.Contains(path, "://") || slices.Contains(drivers, word) {
		return false
	}
	if ending := strings.ToLower(filepath.Ext(path)); ending == ".yaml" || ending == ".yml" {
		return true
	}
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// mask takes the target's secrets out of a text that may hold them, such as what a command printed.
func (t Target) mask(text string) string {
	for _, secret := range []string{t.Auth.Password, t.Auth.Secret} {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "***")
		}
	}
	return text
}
