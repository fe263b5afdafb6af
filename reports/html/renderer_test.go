package html_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"

	"ordeal/reports/html"
	"ordeal/reports/reporttest"
)

// The golden files hold the words of the page; style, script, figures and drawings have files of their own and are left out.
func TestGolden(t *testing.T) {
	bulk := regexp.MustCompile(`(?s)<style>.*?</style>|<script.*?</script>|<svg role="img".*?</svg>|sha256-[^;]*;`)
	for _, c := range reporttest.Cases() {
		t.Run(c.Name, func(t *testing.T) {
			got := bulk.ReplaceAll(render(t, c), []byte("…"))
			reporttest.Golden(t, "testdata/"+c.Name+".html", got)
		})
	}
}

func TestNothingFromOutsideIsCode(t *testing.T) {
	for _, c := range reporttest.Cases() {
		got := string(render(t, c))
		if n := strings.Count(got, "<script"); n != 2 {
			t.Errorf("%s: %d scripts, want the figures and our own", c.Name, n)
		}
		if strings.Count(got, "</title>") != 1 || strings.ContainsAny(got, "\x1b\u202e\u2028") {
			t.Errorf("%s: words from outside got out of their place", c.Name)
		}
		for _, bad := range []string{"ZgotmplZ", "NaN", "+Inf", "&lt;nil&gt;", "%!"} {
			if strings.Contains(got, bad) {
				t.Errorf("%s: %q on the page", c.Name, bad)
			}
		}
	}
}

func TestNothingIsLoaded(t *testing.T) {
	loads := regexp.MustCompile(`(?i)\b(src|href|action|data-src|srcset|poster)="([^"]*)"|url\(|@import|\bfetch\(|XMLHttpRequest|\bimport *\(`)
	for _, m := range loads.FindAllSubmatch(render(t, reporttest.Cases()[0]), -1) {
		if string(m[2]) != "data:," {
			t.Errorf("the page has %q", m[0])
		}
	}
}

// The policy names the script by its hash: one byte off, and the browser would not run it.
func TestPolicyAllowsOurScriptOnly(t *testing.T) {
	got := string(render(t, reporttest.Cases()[1]))
	_, script, _ := strings.Cut(got, "</script>\n<script>")
	script, _, _ = strings.Cut(script, "</script>")
	hash := sha256.Sum256([]byte(script))
	want := "script-src 'sha256-" + base64.StdEncoding.EncodeToString(hash[:]) + "'"
	if !strings.Contains(strings.ReplaceAll(got, "&#39;", "'"), strings.ReplaceAll(want, "+", "&#43;")) {
		t.Errorf("the policy does not say %s", want)
	}
	if !strings.Contains(got, "default-src &#39;none&#39;") {
		t.Error("the policy allows loading")
	}
}

func TestFiguresAreJSON(t *testing.T) {
	for _, c := range reporttest.Cases() {
		_, data, _ := bytes.Cut(render(t, c), []byte(`id="data">`))
		data, _, _ = bytes.Cut(data, []byte("</script>"))
		var figures struct {
			Start, Sent []*float64
			Faults      []struct{ Name string }
		}
		if err := json.Unmarshal(data, &figures); err != nil {
			t.Fatalf("%s: %v", c.Name, err)
		}
		if len(figures.Start) != len(c.Run.Series) || len(figures.Sent) != len(c.Run.Series) {
			t.Errorf("%s: %d points for %d seconds", c.Name, len(figures.Start), len(c.Run.Series))
		}
	}
}

func TestSameRunSameBytes(t *testing.T) {
	c := reporttest.Cases()[0]
	if !bytes.Equal(render(t, c), render(t, c)) {
		t.Error("the page differs from one time to the next")
	}
}

// BenchmarkRender renders a run of ten minutes with its eight drawings. "of a second" is the share of the second that it may take.
func BenchmarkRender(b *testing.B) {
	run := reporttest.Long(600)
	var page bytes.Buffer
	for b.Loop() {
		page.Reset()
		if err := (html.Renderer{}).Render(&page, run); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)/time.Second.Seconds(), "of-a-second")
	b.ReportMetric(float64(page.Len())/1024, "KiB")
}

func render(t *testing.T, c reporttest.Case) []byte {
	t.Helper()
	var got bytes.Buffer
	if err := (html.Renderer{}).Render(&got, c.Run); err != nil {
		t.Fatal(err)
	}
	return got.Bytes()
}
