package scenarios

import (
	"fmt"
	"strings"

	"ordeal/drivers"
	"ordeal/faults"
)

// FaultTable lists kinds of faults and below them the options of each, as Markdown for docs/faults.md.
func FaultTable(kinds []faults.Kind) string {
	var out strings.Builder
	out.WriteString("| fault | does | acts on | where | evidence |\n|---|---|---|---|---|\n")
	for _, k := range kinds {
		row(&out, "`"+k.Name+"`", k.About, k.Acts, k.Where, k.Evidence)
	}
	for _, k := range kinds {
		optionTable(&out, k.Name, k.Options)
	}
	return out.String()
}

// CheckTable lists checks and below them the parameters of each, as Markdown for docs/checks.md.
func CheckTable(checks []CheckDecl) string {
	var out strings.Builder
	out.WriteString("| check | rule | fails when | inconclusive when |\n|---|---|---|---|\n")
	for _, c := range checks {
		row(&out, "`"+c.Name+"`", c.Guarantee, c.Fails, c.Inconclusive)
	}
	for _, c := range checks {
		optionTable(&out, c.Name, c.Params)
	}
	return out.String()
}

func optionTable(out *strings.Builder, name string, options []drivers.Option) {
	if len(options) == 0 {
		return
	}
	fmt.Fprintf(out, "\nOptions of `%s`:\n\n| option | takes | default | meaning |\n|---|---|---|---|\n", name)
	for _, o := range options {
		def := "must be given"
		if !o.Required {
			def = "`" + o.Default + "`"
		}
		row(out, "`"+o.Name+"`", optionExpected(o), def, o.About)
	}
}

// row writes one row of a table; what would end a cell is escaped.
func row(out *strings.Builder, cells ...string) {
	for _, c := range cells {
		out.WriteString("| " + strings.ReplaceAll(strings.Join(strings.Fields(c), " "), "|", `\|`) + " ")
	}
	out.WriteString("|\n")
}
