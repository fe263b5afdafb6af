package junit_test

import (
	"bytes"
	"encoding/xml"
	"regexp"
	"testing"

	"ordeal/reports"
	"ordeal/reports/junit"
	"ordeal/reports/reporttest"
)

func TestGolden(t *testing.T) {
	for _, c := range reporttest.Cases() {
		t.Run(c.Name, func(t *testing.T) {
			reporttest.Golden(t, "testdata/"+c.Name+".xml", render(t, c.Run))
		})
	}
}

// element is any element, for a look at the whole from outside.
type element struct {
	XMLName  xml.Name
	Attrs    []xml.Attr `xml:",any,attr"`
	Children []element  `xml:",any"`
}

// TestSchema holds the files to what JUnit.xsd asks for: which elements, in which order, with which attributes, and of which form.
func TestSchema(t *testing.T) {
	whole, number := regexp.MustCompile(`^\d+$`), regexp.MustCompile(`^\d+(\.\d+)?$`)
	date := regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$`)
	text, free := regexp.MustCompile(`^\S(.*\S)?$`), regexp.MustCompile(`(?s).*`)
	schema := map[string]struct {
		attrs    map[string]*regexp.Regexp
		children string // of their names' first letters
	}{
		"testsuites": {nil, `^t*$`},
		"testsuite": {map[string]*regexp.Regexp{
			"package": text, "id": whole, "name": text, "timestamp": date, "hostname": text, "tests": whole,
			"failures": whole, "errors": whole, "time": number,
		}, `^pt*ss$`},
		"properties": {nil, `^p*$`},
		"property":   {map[string]*regexp.Regexp{"name": text, "value": text}, `^$`},
		"testcase":   {map[string]*regexp.Regexp{"name": free, "classname": text, "time": number}, `^(f|e)?$`},
		"failure":    {map[string]*regexp.Regexp{"message": free, "type": text}, `^$`},
		"error":      {map[string]*regexp.Regexp{"message": free, "type": text}, `^$`},
		"system-out": {nil, `^$`}, "system-err": {nil, `^$`},
	}
	var walk func(t *testing.T, e element)
	walk = func(t *testing.T, e element) {
		t.Helper()
		rule, known := schema[e.XMLName.Local]
		if !known {
			t.Errorf("element %s is in no schema", e.XMLName.Local)
		}
		if len(e.Attrs) != len(rule.attrs) {
			t.Errorf("%s has the attributes %v", e.XMLName.Local, e.Attrs)
		}
		for _, a := range e.Attrs {
			if form := rule.attrs[a.Name.Local]; form == nil || !form.MatchString(a.Value) {
				t.Errorf("%s has %s=%q", e.XMLName.Local, a.Name.Local, a.Value)
			}
		}
		letters := ""
		for _, c := range e.Children {
			letters += c.XMLName.Local[:1]
			walk(t, c)
		}
		if !regexp.MustCompile(rule.children).MatchString(letters) {
			t.Errorf("%s has its children in the order %s", e.XMLName.Local, letters)
		}
	}
	for _, c := range reporttest.Cases() {
		t.Run(c.Name, func(t *testing.T) {
			var root element
			if err := xml.Unmarshal(render(t, c.Run), &root); err != nil {
				t.Fatal(err)
			}
			if root.XMLName.Local != "testsuites" || len(root.Children) != 1 {
				t.Errorf("the root is %s with %d suites", root.XMLName.Local, len(root.Children))
			}
			walk(t, root)
		})
	}
}

// CI systems go by the counts: a run that is no pass must never look green, and a pass must.
func TestColour(t *testing.T) {
	for _, c := range reporttest.Cases() {
		var got struct {
			Suite struct {
				Tests    int `xml:"tests,attr"`
				Failures int `xml:"failures,attr"`
				Errors   int `xml:"errors,attr"`
			} `xml:"testsuite"`
		}
		if err := xml.Unmarshal(render(t, c.Run), &got); err != nil {
			t.Fatal(err)
		}
		if green := got.Suite.Failures+got.Suite.Errors == 0; green != (c.Run.Verdict == reports.Pass) {
			t.Errorf("%s is %s, and its suite has %+v", c.Name, c.Run.Verdict, got.Suite)
		}
		if got.Suite.Tests == 0 {
			t.Errorf("%s has no tests", c.Name)
		}
	}
}

// A run that says nothing but its verdict is shown as what it is.
func TestBareRun(t *testing.T) {
	for _, v := range []reports.Verdict{reports.Fail, reports.Inconclusive, ""} {
		got := render(t, &reports.Run{Verdict: v, Exit: 3, Headline: "Nothing was said."})
		if !bytes.Contains(got, []byte(`message="Nothing was said."`)) {
			t.Errorf("verdict %q gives\n%s", v, got)
		}
	}
}

func render(t *testing.T, r *reports.Run) []byte {
	t.Helper()
	var got bytes.Buffer
	if err := (junit.Renderer{}).Render(&got, r); err != nil {
		t.Fatal(err)
	}
	return got.Bytes()
}
