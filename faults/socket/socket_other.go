//go:build !linux

package socket

import "net"

// Coalescer makes the system calls of its connections cheap, and has what arrives on them wake their readers together between Hold and
// End. On this system it does neither. The zero value is ready for use.
type Coalescer struct{}

// Able tells whether Hold does something on this system, for who would look for a rhythm.
func (*Coalescer) Able() bool { return false }

// Wrap returns c itself, or on Linux, for a TCP connection, one that does the same with direct system calls and can be held. Deadlines,
// Close and errors are as before. The caller uses c no more.
func (*Coalescer) Wrap(c net.Conn) net.Conn { return c }

// Hold has arrivals wait for Tick. Whoever calls it goes on to call Tick until End.
func (*Coalescer) Hold() {}

// Holding tells whether arrivals are held, which here they never are.
func (*Coalescer) Holding() bool { return false }

// Tick lets what has arrived wake its readers.
func (*Coalescer) Tick() {}

// End undoes Hold.
func (*Coalescer) End() {}
