package engine

import (
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"ordeal/drivers"
	"ordeal/drivers/memory"
)

func TestParseTarget(t *testing.T) {
	none := map[string]string{}
	tests := []struct {
		text string
		want Target
	}{
		{"memory", Target{Driver: "memory", Nodes: 1, Options: none}},
		{"nats:3", Target{Driver: "nats", Nodes: 3, Options: none}},
		{"memory?lose=3&seed=7", Target{Driver: "memory", Nodes: 1, Options: map[string]string{"lose": "3", "seed": "7"}}},
		{"nats:3?storage=memory", Target{Driver: "nats", Nodes: 3, Options: map[string]string{"storage": "memory"}}},
		{"nats://host:4222", Target{Driver: "nats", Servers: []string{"host:4222"}, Options: none}},
		{"tls://host:4222?auth=nkey&x=y", Target{
			Driver: "nats", Servers: []string{"host:4222"}, Auth: drivers.Auth{Mechanism: "nkey"}, Options: map[string]string{"x": "y"},
			TLS: &tls.Config{MinVersion: tls.VersionTLS12},
		}},
		{"nats://host:4222/", Target{Driver: "nats", Servers: []string{"host:4222"}, Options: none}},
		{"nats://a:1,b:2,[::1]:3", Target{Driver: "nats", Servers: []string{"a:1", "b:2", "[::1]:3"}, Options: none}},
		{"nats://me:p%40ss@host:1?x=y", Target{
			Driver: "nats", Servers: []string{"host:1"}, Auth: drivers.Auth{User: "me", Password: "p@ss"}, Options: map[string]string{"x": "y"},
		}},
		{"amqp://me:a%2Fb@host:1,host:2/my%2Fhost", Target{
			Driver: "rabbitmq", Servers: []string{"host:1", "host:2"}, Auth: drivers.Auth{User: "me", Password: "a/b"},
			Options: map[string]string{"vhost": "my/host"},
		}},
	}
	for _, test := range tests {
		got, err := ParseTarget(test.text, []string{"memory", "nats", "rabbitmq"})
		test.want.Text = test.text
		if err != nil || !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: %+v, %v, expected %+v", test.text, got, err, test.want)
		}
	}
}

func TestParseTargetSaysWhatIsWrong(t *testing.T) {
	tests := []struct{ text, want string }{
		{"", `there is no driver ""; there are memory, nats`},
		{"rabbit", `there is no driver "rabbit"; there are memory, nats`},
		{"rabbit://host:1", `there is no driver "rabbit"`},
		{"nats:", `"" is not a number of nodes`},
		{"nats:zero", `"zero" is not a number of nodes`},
		{"nats:0", `"0" is not a number of nodes`},
		{"nats:-1", `"-1" is not a number of nodes`},
		{"nats:10", `"10" is not a number of nodes`},
		{"nats://", `"" is not host:port`},
		{"nats://host", `"host" is not host:port`},
		{"nats://a:1,", `"" is not host:port`},
		{"nats://%zz@host:1", "user cannot be decoded"},
		{"redis://host:6379/0", "/0 stands behind the addresses, and redis has nothing of the kind"},
		{"amqp://host:1/a?vhost=b", "/a stands behind the addresses, and ?vhost=b as well"},
		{"amqp://host:1/a/b", `virtual host "a/b" cannot be decoded`},
		{"amqp://host:1/a,b:2", `virtual host "a,b:2" cannot be decoded: it stands behind all addresses`},
		{"nats://u:%zz@host:1", "password cannot be decoded"},
		{"nats://me:pa?ss@host:1", `"nats://me:***@host:1": what stands before the last @ has a question mark`},
		{"nats://me:p@a?b@host:1", `"nats://me:***@host:1"`},
		{"memory?lose=1&lose=2", "option lose is given 2 times"},
		{"memory?%zz", "name=value"},
		{"memory?a;b", "name=value"},
	}
	for _, test := range tests {
		_, err := ParseTarget(test.text, []string{"memory", "nats"})
		wrong, ok := errors.AsType[*TargetError](err)
		if !ok {
			t.Errorf("%q: %v is no TargetError", test.text, err)
			continue
		}
		says(t, wrong.Error(), test.want, "targets look like")
	}
}

// Whatever is typed, the answer is a target that the driver list knows or a TargetError, and no report ever shows the password.
func FuzzParseTarget(f *testing.F) {
	for _, seed := range []string{
		"memory", "nats:3", "memory?lose=3", "nats://user:secret@host:4222,other:4223?x=y", "nats://:@:1", "://", "?", "nats:99999999999",
		"nats://me:p%40ss@host:1", "memory?a=%zz",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		target, err := ParseTarget(text, []string{"memory", "nats"})
		if err != nil {
			if _, ok := errors.AsType[*TargetError](err); !ok {
				t.Fatalf("%q: %v is no TargetError", text, err)
			}
			return
		}
		if target.Driver != "memory" && target.Driver != "nats" || target.Local() != (target.Nodes > 0) || target.Nodes > 9 {
			t.Fatalf("%q became %+v", text, target)
		}
		if again, err := ParseTarget(text, []string{"memory", "nats"}); err != nil || !reflect.DeepEqual(again, target) {
			t.Fatalf("%q became %+v and then %+v, %v", text, target, again, err)
		}
		if secret := target.Auth.Password; len(secret) > 8 && strings.Contains(target.String(), ":"+secret+"@") {
			t.Fatalf("%q shows its password: %s", text, target)
		}
	})
}

func TestTargetHidesItsPassword(t *testing.T) {
	for _, text := range []string{
		"nats://me:secret@host:1", "nats://me:p%40ss%2Fword@host:1", "nats://me:a:b@host:1", "nats://me:p@ss@host:1",
	} {
		target := parsed(t, text)
		for _, verb := range []string{"%s", "%v", "%+v", "%#v"} {
			if got := fmt.Sprintf(verb, target); got != "nats://me:***@host:1" {
				t.Errorf("%s is shown by %s as %s", text, verb, got)
			}
		}
	}
	for _, text := range []string{
		"nats://me:secret@host", "nats://me:secret%zz@host:1", "rabbit://me:secret@host:1", "nats://me:secret@h:1?a=1&a=2",
	} {
		_, err := ParseTarget(text, []string{"nats"})
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("the error of %s shows the password: %v", text, err)
		}
	}
}

func TestParseComposeTarget(t *testing.T) {
	for text, want := range map[string]Target{
		"compose:nats":         {Driver: "nats", Nodes: 1, Compose: true},
		"compose:nats:3":       {Driver: "nats", Nodes: 3, Compose: true},
		"compose:nats:3?x=y":   {Driver: "nats", Nodes: 3, Compose: true, Options: map[string]string{"x": "y"}},
		"compose:memory?a=b":   {Driver: "memory", Nodes: 1, Compose: true, Options: map[string]string{"a": "b"}},
		"compose:nats?auth=me": {Driver: "nats", Nodes: 1, Compose: true, Auth: drivers.Auth{Mechanism: "me"}},
	} {
		want.Text = text
		if want.Options == nil {
			want.Options = map[string]string{}
		}
		if got := parsed(t, text); !reflect.DeepEqual(got, want) || !got.Local() {
			t.Errorf("%s: %#v", text, got)
		}
	}
	for text, want := range map[string]string{
		"compose": `there is no driver "compose"`, "compose:": `there is no driver ""`, "compose:pulsar": `there is no driver "pulsar"`,
		"compose:nats:no": `"no" is not a number of nodes`,
	} {
		if _, err := ParseTarget(text, []string{"memory", "nats"}); err == nil {
			t.Errorf("%s is a target", text)
		} else {
			says(t, err.Error(), want, "compose:nats")
		}
	}
}

// A target is a file by its ending, or because it is one and no driver is called so.
func TestReadTarget(t *testing.T) {
	t.Chdir(t.TempDir())
	text := "{version: 1, driver: memory, servers: ['a:1'], options: {lose: 1, seed: 5}}"
	for _, name := range []string{"prod.yaml", "prod", "memory"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	known := []drivers.Driver{memory.New()}
	for _, name := range []string{"prod.yaml", "./prod", "prod"} {
		got, err := ReadTarget(name+"?lose=2", known)
		if err != nil || got.Local() || got.Servers[0] != "a:1" || got.Options["lose"] != "2" || got.Options["seed"] != "5" {
			t.Errorf("%s: %+v, %v", name, got.Options, err)
		}
	}
	if got, err := ReadTarget("memory", known); err != nil || !got.Local() {
		t.Errorf("a file hides the driver of its name: %v, %v", got, err)
	}
	for name, want := range map[string]string{
		"none.yaml": "none.yaml", "none": `there is no driver "none"`, "prod.yaml?lose=1&lose=2": "given 2 times", "prod.yaml?%zz": "name=value",
	} {
		if _, err := ReadTarget(name, known); err == nil {
			t.Errorf("%s is a target", name)
		} else {
			says(t, err.Error(), want)
		}
	}
}
