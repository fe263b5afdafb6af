package faults

import (
	"context"
	"io"
	"net"
	"testing"
	"time"
)

// idle is a connection that costs nothing, so that what is left is the link's own cost.
type idle struct{ net.Conn }

func (idle) Write(p []byte) (int, error) { return len(p), nil }
func (idle) Read(p []byte) (int, error)  { return len(p), nil }

// BenchmarkLinkAlone is the cost of the wrapper when no effect is in force: a few ns a call, no allocation.
func BenchmarkLinkAlone(b *testing.B) {
	k := newLink(NewLinks(1), idle{}, Client{Role: Producer, Name: "p"}, "", 0)
	p := make([]byte, 1024)
	b.ReportAllocs()
	for b.Loop() {
		_, _ = k.Write(p)
		_, _ = k.Read(p)
	}
}

// BenchmarkLinkTCP moves the same bytes over a bare and a lent connection in turns, and prints lent/bare as "ratio".
func BenchmarkLinkTCP(b *testing.B) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(io.Discard, c); _ = c.Close() }()
		}
	}()
	links := NewLinks(1)
	defer links.Close()
	bare, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = bare.Close() }()
	lent, err := links.Dialer(Client{Role: Producer, Name: "p"})(context.Background(), "tcp", listener.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	p := make([]byte, 16<<10)
	round := func(c net.Conn) time.Duration {
		begin := time.Now()
		for range 64 {
			if _, err := c.Write(p); err != nil {
				b.Fatal(err)
			}
		}
		return time.Since(begin)
	}
	var bareTime, lentTime time.Duration
	for b.Loop() {
		bareTime += round(bare)
		lentTime += round(lent)
	}
	b.ReportMetric(float64(lentTime)/float64(bareTime), "ratio")
}
