// Package text renders a run for the terminal: the verdict first, then what it rests on, then where to look next.
//
//	err := text.Renderer{Width: 100, Colour: true}.Render(os.Stdout, run)
package text
