// Package reporttest has runs to test renderers with: one of each kind of end that a run can have, with figures as a real one has them,
// and the same in every call. It also compares what a renderer wrote with a golden file.
//
//	for _, c := range reporttest.Cases() {
//		var got bytes.Buffer
//		err := text.Renderer{}.Render(&got, c.Run)
//		reporttest.Golden(t, "testdata/"+c.Name+".txt", got.Bytes())
//	}
package reporttest
