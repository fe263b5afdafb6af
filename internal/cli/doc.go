// Package cli is ordeal's command line: one file per verb. It alone reads flags, the environment and the terminal, and prints. wire.go
// is the one file that names every concrete driver, fault, check and report.
package cli
