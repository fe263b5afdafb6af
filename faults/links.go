package faults

// Links are the client connections that ordeal lends to drivers.
type Links struct{}
