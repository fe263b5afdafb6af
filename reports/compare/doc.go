// Package compare turns the runs of one scenario into one comparison: what each target promised and kept, how long it took, how long it
// was away, what it cost, and which of the differences are more than noise.
//
// The unit is the run: figures of a run are compared with figures of other runs, in intervals that hold for all pairs of a figure
// together (package stats). Only runs that passed count, a target of which a run failed is shown and not ranked, and targets whose
// guarantees are unequal are not ranked together unless that is asked for.
//
//	c, err := compare.New(runs, compare.Options{ID: id, Folder: folder})
//	err = compare.Write(filepath.Join(folder, "comparison.json"), c)
package compare
