package rabbitmq

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"ordeal/faults"
)

// admin is the management plugin's HTTP API and the Erlang shell of a cluster's first node.
type admin struct {
	*testing.T
	node faults.Node
}

// put makes or changes something; what is a path below /api, whose parts are escaped.
func (a admin) put(v any, what ...string) { a.Helper(); a.call(http.MethodPut, v, what) }

func (a admin) remove(what ...string) { a.Helper(); a.call(http.MethodDelete, nil, what) }

func (a admin) call(method string, v any, what []string) {
	a.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		a.Fatal(err)
	}
	address := "http://" + managementPorts([]string{a.node.Address()})[0] + "/api"
	for _, part := range what {
		address += "/" + url.PathEscape(part)
	}
	request, err := http.NewRequestWithContext(a.Context(), method, address, bytes.NewReader(text))
	if err != nil {
		a.Fatal(err)
	}
	request.SetBasicAuth("guest", "guest")
	request.Header.Set("Content-Type", "application/json")
	client := &http.Client{Transport: &http.Transport{Proxy: nil, DisableKeepAlives: true}}
	answer, err := client.Do(request)
	if err != nil {
		a.Fatal(err)
	}
	defer answer.Body.Close() //nolint:errcheck // it was only read
	said, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode >= http.StatusMultipleChoices {
		a.Fatalf("%s %s: %s %s %v", method, address, answer.Status, said, err)
	}
}

// user makes one with rights in the vhost /, as regular expressions.
func (a admin) user(name, configure, write, read string) {
	a.Helper()
	a.put(map[string]string{"password": "secret", "tags": ""}, "users", name)
	a.put(map[string]string{"configure": configure, "write": write, "read": read}, "permissions", "/", name)
}

// environment is what the node was started with.
func (a admin) environment() map[string]string {
	a.Helper()
	env := map[string]string{}
	status, err := a.node.Status(a.Context())
	if err != nil {
		a.Fatal(err)
	}
	environ, err := os.ReadFile("/proc/" + strconv.Itoa(status.PID) + "/environ")
	if err != nil {
		a.Skipf("how the broker was started cannot be read here: %v", err)
	}
	for _, entry := range strings.Split(string(environ), "\x00") {
		name, value, _ := strings.Cut(entry, "=")
		env[name] = value
	}
	return env
}

// eval runs an expression in the broker, as rabbitmqctl eval does in a hundred times as long.
func (a admin) eval(code string) string {
	a.Helper()
	tools, err := filepath.Glob("/usr/lib/erlang/lib/erl_interface-*/bin/erl_call")
	if err != nil || len(tools) == 0 {
		a.Fatalf("erl_call is missing: apt-get install erlang-base; %v", err)
	}
	env := a.environment()
	cookie, err := os.ReadFile(filepath.Join(env["HOME"], ".erlang.cookie"))
	if err != nil {
		a.Fatal(err)
	}
	call := exec.CommandContext(a.Context(), tools[0], "-c", string(cookie), "-address", "127.0.0.1:"+env["RABBITMQ_DIST_PORT"], "-e")
	call.Env = append(os.Environ(), "HOME="+env["HOME"])
	call.Stdin = strings.NewReader(code + ".\n")
	said, err := call.CombinedOutput()
	if err != nil || !bytes.HasPrefix(said, []byte("{ok,")) {
		a.Fatalf("%s: %v: %s", code, err, said)
	}
	return string(said)
}

// eventually waits until f says that it is so.
func eventually(t testing.TB, what string, f func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for late := time.After(20 * time.Second); !f(); {
		select {
		case <-late:
			t.Fatal(what + ": not within 20 s")
		case <-tick.C:
		}
	}
}
