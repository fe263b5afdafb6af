package engine

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"

	"ordeal/drivers"
	"ordeal/internal/cluster"
)

// Target is where a scenario runs, as the user named it.
type Target struct {
	// Text is the user's own words.
	Text string
	// Driver is the broker's word, such as "nats".
	Driver string
	// Nodes is how many nodes ordeal starts; 0 where Servers name a broker that runs already.
	Nodes int
	// Compose tells that docker compose starts them.
	Compose bool
	// Servers are host:port addresses of a running broker.
	Servers []string
	// Options from the query; they outrank the scenario's.
	Options map[string]string
	// Auth says who the clients are: user and password from a URL, the mechanism from ?auth=.
	Auth drivers.Auth
	// TLS is nil for plain connections. The schemes amqps, kafkas, rediss and tls (for NATS) set it: the server's certificate must then be
	// valid for its name.
	TLS *tls.Config
	// Remote are the nodes of a target file, which obey commands that run in the folder Dir; Servers are their addresses. None where only
	// servers are known.
	Remote []cluster.RemoteNode
	Dir    string
}

// Local tells whether ordeal has to start the broker.
func (t Target) Local() bool { return len(t.Servers) == 0 }

// String gives the user's words without a password.
func (t Target) String() string {
	if t.Auth.Password == "" {
		return t.Text
	}
	return hide(t.Text)
}

// GoString is String, so that no way of printing shows a password.
func (t Target) GoString() string { return t.String() }

// hide takes the password out of a target as it was typed, in its encoding, also where the rest makes no sense.
func hide(text string) string {
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok {
		return text
	}
	at := strings.LastIndex(rest, "@") // a password may hold a question mark, though it should not
	if user, _, ok := strings.Cut(rest[:max(at, 0)], ":"); ok {
		return scheme + "://" + user + ":***" + rest[at:]
	}
	return text
}

// TargetError is a target that cannot be understood. Text is the user's own words, without a password.
type TargetError struct {
	Text, Problem string
}

// Error names the target, the problem, and what targets look like.
func (e *TargetError) Error() string {
	return fmt.Sprintf("target %q: %s; targets look like memory, nats, nats:3, nats://host:4222, compose:nats or prod.yaml", e.Text, e.Problem)
}

// authOption is the word in the query of a target that names the mechanism of authentication; no driver has an option of this name.
const authOption = "auth"

// composeWord begins targets that docker compose starts.
const composeWord = "compose"

// ParseTarget understands DRIVER, DRIVER:NODES, the same behind compose:, and DRIVER://[user:password@]host:port[,host:port…][/vhost], each
// with an optional ?option=value&…, in which auth names the mechanism by which clients prove who they are. Errors are *TargetError.
func ParseTarget(text string, drivers []string) (Target, error) {
	t := Target{Text: text, Options: map[string]string{}}
	bad := func(format string, args ...any) (Target, error) {
		return Target{}, &TargetError{Text: hide(text), Problem: fmt.Sprintf(format, args...)}
	}
	rest, query, _ := strings.Cut(text, "?")
	if strings.Contains(rest, "://") && strings.Contains(query, "@") {
		return bad("what stands before the last @ has a question mark, which begins the options: write it as %%3F, and an @ in an option as %%40")
	}
	if problem := t.ask(query); problem != "" {
		return bad("%s", problem)
	}
	if scheme, hosts, ok := strings.Cut(rest, "://"); ok {
		var secure bool
		if t.Driver, secure = schemeOf(scheme); secure {
			t.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
		}
		if err := t.address(hosts); err != nil {
			return bad("%v", err)
		}
	} else {
		if word, kind, ok := strings.Cut(rest, ":"); ok && word == composeWord {
			t.Compose, rest = true, kind
		}
		name, nodes, counted := strings.Cut(rest, ":")
		t.Driver, t.Nodes = name, 1
		if counted {
			var err error
			if t.Nodes, err = strconv.Atoi(nodes); err != nil || t.Nodes < 1 || t.Nodes > 9 {
				return bad("%q is not a number of nodes from 1 to 9", nodes)
			}
		}
	}
	for _, d := range drivers {
		if d == t.Driver {
			return t, nil
		}
	}
	return bad("there is no driver %q; there are %s", t.Driver, strings.Join(drivers, ", "))
}

// ask takes the options from a query, and the mechanism; it returns what is wrong with it.
func (t *Target) ask(query string) (problem string) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return "its options are not name=value pairs joined by &"
	}
	for name, v := range values {
		if len(v) != 1 {
			return fmt.Sprintf("option %s is given %d times", name, len(v))
		}
		if name == authOption {
			t.Auth.Mechanism = v[0]
			continue
		}
		t.Options[name] = v[0]
	}
	return ""
}

// schemeOf understands the brokers' own URL schemes beside the drivers' names.
func schemeOf(scheme string) (driver string, secure bool) {
	switch scheme {
	case "amqp":
		return "rabbitmq", false
	case "amqps":
		return "rabbitmq", true
	case "tls":
		return "nats", true
	case "rediss":
		return "redis", true
	case "kafkas":
		return "kafka", true
	default:
		return scheme, false
	}
}

func (t *Target) address(hosts string) error {
	if at := strings.LastIndex(hosts, "@"); at >= 0 {
		name, password, _ := strings.Cut(hosts[:at], ":")
		var err error
		if t.Auth.User, err = url.PathUnescape(name); err != nil {
			return errors.New("its user cannot be decoded: write special characters as %40 and the like")
		}
		if t.Auth.Password, err = url.PathUnescape(password); err != nil {
			return errors.New("its password cannot be decoded: write special characters as %40 and the like")
		}
		hosts = hosts[at+1:]
	}
	hosts, path, _ := strings.Cut(hosts, "/")
	if err := t.path(path); err != nil {
		return err
	}
	for host := range strings.SplitSeq(hosts, ",") {
		if _, _, err := net.SplitHostPort(host); err != nil {
			return fmt.Errorf("%q is not host:port", host)
		}
		t.Servers = append(t.Servers, host)
	}
	return nil
}

// path takes what stands behind the addresses, which is a virtual host in the URLs of RabbitMQ (rabbitmq.com/docs/uri-spec), as its option.
func (t *Target) path(path string) error {
	const vhost = "vhost"
	switch {
	case path == "":
		return nil
	case t.Driver != "rabbitmq":
		return fmt.Errorf("/%s stands behind the addresses, and %s has nothing of the kind; options are written as ?name=value", path, t.Driver)
	case t.Options[vhost] != "":
		return fmt.Errorf("/%s stands behind the addresses, and ?%s=%s as well", path, vhost, t.Options[vhost])
	}
	name, err := url.PathUnescape(path)
	if err != nil || strings.ContainsAny(path, "/,") {
		return fmt.Errorf("its virtual host %q cannot be decoded: it stands behind all addresses; write a slash in it as %%2F, a comma as %%2C "+
			"and an @ as %%40", path)
	}
	t.Options[vhost] = name
	return nil
}
