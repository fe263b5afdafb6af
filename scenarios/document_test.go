package scenarios_test

import (
	"strings"
	"testing"

	"ordeal/drivers"
	"ordeal/scenarios"
)

// letter is a small format of its own.
type letter struct {
	To      string           `key:"to"`
	Copies  int              `key:"copies" default:"1" min:"1" max:"3"`
	Key     scenarios.Secret `key:"key" default:"{}"`
	Options scenarios.Later  `key:"options" default:"{}"`
}

func readLetter(text string) (letter, *scenarios.Document) {
	var l letter
	doc := scenarios.ReadDocument(strings.NewReader(text), "letter.yaml", "a letter", &l)
	return l, doc
}

func TestDocument(t *testing.T) {
	l, doc := readLetter("to: me\nkey: {env: PIN_1}\noptions: {colour: red}\n")
	options := doc.Options("options", []drivers.Option{{Name: "colour", Kind: drivers.KindText}, {Name: "size", Kind: drivers.KindInt}})
	if err := doc.Err(); err != nil {
		t.Fatal(err)
	}
	if l.To != "me" || l.Copies != 1 || l.Key != (scenarios.Secret{Env: "PIN_1"}) || !l.Key.Given() {
		t.Errorf("read %+v", l)
	}
	if len(options) != 1 || options["colour"] != "red" {
		t.Errorf("options %v, expected what was given and no defaults", options)
	}
	if !doc.Given("key") || doc.Given("copies") || !doc.Sound("key") {
		t.Error("it does not know what was given")
	}
	doc.Fail("key", "look again", "is too %s", "short")
	if got, want := doc.Err().Error(), "letter.yaml:2:1: key: is too short; look again"; got != want || doc.Sound("key") {
		t.Errorf("%q, expected %q", got, want)
	}
}

// Whatever is wrong with the file, and wherever a secret was written into it, no error repeats it.
func TestDocumentRepeatsNoSecret(t *testing.T) {
	const secret = "hunter2"
	tests := []struct{ text, want string }{
		{"key: hunter2\nto: me", "1:6: key: a secret may not stand in the file, expected {env: NAME} or {file: PATH}"},
		{"key: [hunter2]\nto: me", "key: is not {env: NAME} or {file: PATH}"},
		{"key: {hunter2}\nto: me", "key: is not {env: NAME} or {file: PATH}"},
		{"key: {hunter2: x}\nto: me", "key: is not {env: NAME} or {file: PATH}"},
		{"key: {env: a, file: hunter2}\nto: me", "key: is not {env: NAME} or {file: PATH}"},
		{"key: {env: \"hunter2!\"}\nto: me", "no name of a variable"},
		{"key: {env: }\nto: me", "key: is not"},
		{"key: {}\nto: me", "key: is not"},
		{"key:\nto: me", "has no value, expected {env: NAME} or {file: PATH}"},
		{"key: !hunter2 x\nto: me", "1:6: tag … has no meaning"},
		{"key: *hunter2\nto: me", "not YAML"},
		{"key: &hunter2 {env: *hunter2}\nto: me", "alias *… contains itself"},
		{"key: @hunter2\nto: me", "not YAML"},
		{"key: \"hunter2\nto: me", "not YAML"},
		{"key: hunter2: x\nto: me", "not YAML"},
		{"kye: hunter2\nto: me", `1:1: kye: unknown key, expected one of to, copies, key, options; did you mean "key"?`},
		{"key: {env: A}", "1:1: to: missing"},
		{"copies: 4\nkey: hunter2\nto: me", "copies: \"4\" is not a whole number from 1 to 3"},
		{"- hunter2", "the file is a list"},
		{"hunter2", "the file is a single value"},
		{"", "letter.yaml:1:1: empty, expected a letter"},
		{"to: me\n---\nkey: hunter2", "expected one letter in a file"},
		{"to: me\noptions: {hue: hunter2}", `options.hue: unknown key, expected one of colour`},
		{"to: me\noptions: hunter2", "options: is a single value, expected a mapping of names to values"},
		{strings.Repeat("# hunter2\n", 1<<17), "larger than 1 MiB, expected a letter"},
		{"to: me\x01hunter2", "control character"},
	}
	for _, test := range tests {
		_, doc := readLetter(test.text)
		doc.Options("options", []drivers.Option{{Name: "colour", Kind: drivers.KindText}})
		err := doc.Err()
		if err == nil {
			t.Errorf("%.40q is a letter, expected an error with %q", test.text, test.want)
			continue
		}
		if !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), secret) {
			t.Errorf("%.40q: %v; expected %q and no secret", test.text, err, test.want)
		}
		if !strings.HasPrefix(err.Error(), "letter.yaml:") {
			t.Errorf("%v: where?", err)
		}
	}
}
