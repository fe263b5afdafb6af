// Package markdown renders a run for a pull request or the summary of a build: whatever the run, it stays under 60 lines, what is wrong
// comes first, and what is left out is counted.
//
//	err := markdown.Renderer{}.Render(os.Stdout, run)
package markdown
