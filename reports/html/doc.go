// Package html renders a run as one page that needs nothing else: no network, no other file, and for its words, tables and drawings no
// script.
//
// Everything that came from outside is escaped by html/template, the figures of the charts travel as JSON that is never executed, and the
// page forbids itself to load anything or to run any script but its own, by the hash of it.
//
//	err := html.Renderer{}.Render(file, run)
package html
