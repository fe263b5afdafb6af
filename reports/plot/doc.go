// Package plot draws a run as SVG files, complete without JavaScript: they lie in the run's folder under plots/, and the HTML report
// shows them to readers who allow no script. The same run gives the same bytes.
//
//	files, err := plot.Render(run)
package plot
