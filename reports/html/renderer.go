package html

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"strings"

	"ordeal/reports"
)

//go:embed assets/*.tmpl assets/report.css assets/*.js
var assets embed.FS

// Renderer writes the page. The zero value is ready.
type Renderer struct{}

var _ reports.Renderer = Renderer{}

// Format is "html".
func (Renderer) Format() string { return "html" }

// File is "report.html".
func (Renderer) File() string { return "report.html" }

// Render writes the page: a few hundred KiB for a run of minutes.
func (Renderer) Render(w io.Writer, r *reports.Run) error {
	page, err := newPage(r)
	if err != nil {
		return fmt.Errorf("render page of run %q: %w", r.ID, err)
	}
	if err := fill(w, "report.tmpl", page); err != nil {
		return fmt.Errorf("render page of run %q: %w", r.ID, err)
	}
	return nil
}

// fill puts a page into its layout.
func fill(w io.Writer, layout string, page any) error {
	t, err := template.New(layout).Funcs(words()).ParseFS(assets, "assets/"+layout)
	if err != nil {
		return fmt.Errorf("read layout: %w", err)
	}
	return t.Execute(w, page)
}

// words are the functions that the layout may call: the figures of package reports, and line, through which every text from outside goes.
func words() template.FuncMap {
	return template.FuncMap{
		"line": reports.OneLine, "count": reports.Count, "rate": reports.Rate, "duration": reports.Duration, "seconds": reports.Seconds,
		"offset": reports.Offset, "moment": reports.Moment, "date": reports.Date, "class": class,
		"closednote": func() string { return reports.ClosedNote },
	}
}

// class is the verdict's class in the style sheet.
func class(v reports.Verdict) string {
	switch v {
	case reports.Pass:
		return "pass"
	case reports.Fail:
		return "fail"
	default:
		return "unsure"
	}
}

// The scripts of the page of a run and of a comparison, in their order; each is a file with one idea.
func runScripts() []string {
	return []string{"figures", "scale", "chart", "keep", "timeline", "heat", "percentiles", "page"}
}

func comparisonScripts() []string {
	return []string{"figures", "scale", "chart", "keep", "timeline", "percentiles", "compare"}
}

// ownAssets reads style and script. The files of the script become one, so that one hash names it.
func ownAssets(scripts []string) (style template.CSS, script template.JS, policy string, err error) {
	sheet, err := assets.ReadFile("assets/report.css")
	if err != nil {
		return "", "", "", err
	}
	var code strings.Builder
	code.WriteString("\"use strict\";\n(() => {\n")
	for _, name := range scripts {
		part, err := assets.ReadFile("assets/" + name + ".js")
		if err != nil {
			return "", "", "", err
		}
		code.Write(part)
	}
	code.WriteString("})();\n")
	hash := sha256.Sum256([]byte(code.String()))
	// Style attributes carry colours of keys and of the drawings, hence unsafe-inline for styles; nothing can be loaded by them.
	policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-" +
		base64.StdEncoding.EncodeToString(hash[:]) + "'; base-uri 'none'; form-action 'none'"
	return template.CSS(sheet), template.JS(code.String()), policy, nil //nolint:gosec // our own files
}
