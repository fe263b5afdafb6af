// Package reports holds the run model, which is what run.json says, and the small interface that turns it into something to read. One
// folder below it holds one renderer. Nothing here knows drivers, faults or the engine: a report is made from run.json and from nothing
// else, so that `ordeal report` can make it again, years later, on another machine.
package reports
