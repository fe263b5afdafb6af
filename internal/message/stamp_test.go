package message

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"math"
	"testing"

	"pgregory.net/rapid"
)

func anyStamp(t *rapid.T) Stamp {
	return Stamp{
		ID:  ID{Producer: rapid.Uint32().Draw(t, "producer"), Lane: rapid.Uint32().Draw(t, "lane"), Seq: rapid.Uint64().Draw(t, "seq")},
		Run: rapid.Uint32().Draw(t, "run"), Incarnation: rapid.Uint16().Draw(t, "incarnation"),
		Intended: rapid.Int64().Draw(t, "intended"), Index: rapid.Uint64().Draw(t, "index"),
	}
}

func TestPutParse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		body := rapid.SliceOfN(rapid.Byte(), HeaderSize, 300).Draw(t, "body")
		tail := bytes.Clone(body[HeaderSize:])
		want := anyStamp(t)
		Put(body, &want)
		var got Stamp
		if s := Parse(body, want.Run, &got); s != Whole || got != want {
			t.Fatalf("parsed %+v with status %d, want %+v", got, s, want)
		}
		if lane, seq, index, intended := Peek((*[HeaderSize]byte)(body)); lane != want.Lane || seq != want.Seq || index != want.Index ||
			intended != want.Intended {
			t.Fatalf("peeked %d, %d, %d, %d of %+v", lane, seq, index, intended, want)
		}
		if !bytes.Equal(body[HeaderSize:], tail) {
			t.Fatal("the payload was changed")
		}
		if s := Parse(body, want.Run+1, &got); s != Foreign || got != want {
			t.Fatalf("to another run it has status %d", s)
		}
	})
}

// A sealer's bodies are those of Put, also where the rest was changed and summed up anew.
func TestSealer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		body := rapid.SliceOfN(rapid.Byte(), HeaderSize, 3000).Draw(t, "body")
		s := NewSealer(len(body))
		for range 3 {
			rest := s.Rest(body)
			for range 2 {
				stamp := anyStamp(t)
				want := bytes.Clone(body)
				Put(want, &stamp)
				if s.Put(body, &stamp, rest); !bytes.Equal(body, want) {
					t.Fatalf("% x\nwant\n% x", body, want)
				}
			}
			if len(body) > HeaderSize {
				body[rapid.IntRange(HeaderSize, len(body)-1).Draw(t, "changed")]++
			}
		}
	})
}

// TestDamage flips every bit and cuts at every length: none may pass for whole, nor for foreign as long as it can be told from a body
// that was never stamped.
func TestDamage(t *testing.T) {
	body := make([]byte, 100)
	for i := range body {
		body[i] = byte(i * 37)
	}
	want := Stamp{ID: ID{Producer: 3, Lane: 4, Seq: 5}, Run: 6, Incarnation: 7, Intended: 8, Index: 9}
	Put(body, &want)
	for bit := range 8 * len(body) {
		damaged := bytes.Clone(body)
		damaged[bit/8] ^= 1 << (bit % 8)
		var s Stamp
		if got := Parse(damaged, 6, &s); got != Corrupt {
			t.Errorf("bit %d flipped: status %d", bit, got)
		}
		if name := bit/8 >= 12 && bit/8 < 24 || bit/8 >= 40 && bit/8 < 44; s.ID != want.ID && !name {
			t.Errorf("bit %d flipped, which is none of the name: the name is %+v", bit, s.ID)
		}
	}
	for n := range body {
		var s Stamp
		want := Corrupt
		if n == 0 {
			want = Foreign // nothing tells whose an empty body is
		}
		if got := Parse(body[:n], 6, &s); got != want {
			t.Errorf("cut to %d bytes: status %d", n, got)
		}
		if n < HeaderSize && s != (Stamp{}) {
			t.Errorf("cut to %d bytes: stamp %+v", n, s)
		}
	}
	if got := Parse(append(bytes.Clone(body), 0), 6, new(Stamp)); got != Corrupt {
		t.Errorf("longer by a byte: status %d", got)
	}
}

func TestForeign(t *testing.T) {
	for name, body := range map[string][]byte{
		"nothing": nil, "text": []byte("hello"), "a long text": bytes.Repeat([]byte("hello, world. "), 10), "zeros": make([]byte, 200),
	} {
		if got := Parse(body, 0xABCD1234, new(Stamp)); got != Foreign {
			t.Errorf("%s: status %d", name, got)
		}
	}
}

// TestLayout fixes the format: stored histories and other runs depend on it.
func TestLayout(t *testing.T) {
	body := make([]byte, HeaderSize+3)
	Put(body, &Stamp{
		ID: ID{Producer: 0x01020304, Lane: 0x05060708, Seq: 0x1112131415161718}, Run: 0x21222324, Incarnation: 0x3132,
		Intended: 0x4142434445464748, Index: 0x5152535455565758,
	})
	le := binary.LittleEndian
	if body[0] != 0x0D || body[1] != 2 || le.Uint16(body[2:]) != 0x3132 || le.Uint32(body[8:]) != 0x21222324 ||
		le.Uint32(body[12:]) != 0x01020304 || le.Uint32(body[40:]) != 0x05060708 || le.Uint64(body[16:]) != 0x1112131415161718 ||
		le.Uint64(body[24:]) != 0x4142434445464748 || le.Uint64(body[32:]) != 0x5152535455565758 ||
		le.Uint32(body[44:]) != uint32(len(body)) ||
		le.Uint32(body[4:]) != crc32.Update(0x3132_02_0D, crc32.MakeTable(crc32.Castagnoli), body[8:]) {
		t.Errorf("% x", body)
	}
}

func TestPositions(t *testing.T) {
	p := func(major, minor uint64) Position { return Position{Major: major, Minor: minor, Known: true} }
	for _, test := range []struct {
		a, b         Position
		before, next bool // a before b, a next after b
	}{
		{p(0, 1), p(0, 2), true, false},
		{p(0, 2), p(0, 1), false, true},
		{p(7, 1), p(7, 0), false, true},
		{p(0, 1), p(0, 1), false, false},
		{p(0, 3), p(0, 1), false, false},
		{p(1, 0), p(0, 9), false, false},
		{p(0, 9), p(1, 0), true, false},
		{p(1, 1), p(0, 0), false, false},
		{p(1, 0), p(0, math.MaxUint64), false, false},
		{p(0, 0), p(0, math.MaxUint64), true, false},
		{Position{}, p(0, 1), false, false},
		{Position{Minor: 2}, p(0, 1), false, false},
		{p(0, 1), Position{}, false, false},
		{Position{}, Position{}, false, false},
	} {
		if got := test.a.Before(test.b); got != test.before {
			t.Errorf("%v before %v: %v", test.a, test.b, got)
		}
		if got := test.a.Next(test.b); got != test.next {
			t.Errorf("%v next after %v: %v", test.a, test.b, got)
		}
	}
	if Acked.String() != "acked" || Rejected.String() != "rejected" || Outcome(0).String() != "unknown" {
		t.Error("the words of the outcomes")
	}
}

// FuzzParse takes bodies of any content. What passes for whole must be exactly what Put makes of its stamp.
func FuzzParse(f *testing.F) {
	body := make([]byte, 64)
	Put(body, &Stamp{ID: ID{Producer: 1}, Run: 6})
	f.Add(body, uint32(6))
	f.Add([]byte{}, uint32(0))
	f.Add(body[:20], uint32(6))
	f.Fuzz(func(t *testing.T, body []byte, run uint32) {
		var s Stamp
		if Parse(body, run, &s) != Whole {
			return
		}
		again := bytes.Clone(body)
		if Put(again, &s); !bytes.Equal(again, body) {
			t.Errorf("% x\nis not what its stamp makes:\n% x", body, again)
		}
	})
}

// BenchmarkStampParse is what identity and integrity cost each message: one Put and one Parse.
func BenchmarkStampParse(b *testing.B) {
	for _, size := range []struct {
		name  string
		bytes int
	}{{"100B", 100}, {"1KiB", 1024}} {
		b.Run(size.name, func(b *testing.B) {
			body := make([]byte, size.bytes)
			in := Stamp{ID: ID{Producer: 1}, Run: 6}
			var out Stamp
			b.ReportAllocs()
			b.SetBytes(int64(size.bytes))
			for b.Loop() {
				in.Seq++
				Put(body, &in)
				if Parse(body, 6, &out) != Whole {
					b.Fatal("not whole")
				}
			}
		})
		b.Run(size.name+"-sealed", func(b *testing.B) {
			body := make([]byte, size.bytes)
			in := Stamp{ID: ID{Producer: 1}, Run: 6}
			var out Stamp
			s := NewSealer(size.bytes)
			rest := s.Rest(body)
			b.ReportAllocs()
			b.SetBytes(int64(size.bytes))
			for b.Loop() {
				in.Seq++
				s.Put(body, &in, rest)
				if Parse(body, 6, &out) != Whole {
					b.Fatal("not whole")
				}
			}
		})
	}
}

// What is sent again is whole, and the same message but for its incarnation.
func TestUnorder(t *testing.T) {
	body := make([]byte, 100)
	want := Stamp{ID: ID{Producer: 3, Lane: 5, Seq: 7}, Run: 11, Incarnation: 13, Intended: 17, Index: 19}
	Put(body, &want)
	Unorder(body)
	want.Incarnation = Unordered
	var got Stamp
	if status := Parse(body, 11, &got); status != Whole || got != want {
		t.Errorf("%v %+v, want %+v", status, got, want)
	}
}

// A damaged body keeps its message's name, whichever bit was flipped.
func TestName(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := ID{Producer: rapid.Uint32().Draw(t, "producer"), Lane: rapid.Uint32().Draw(t, "lane"), Seq: rapid.Uint64().Draw(t, "seq")}
		body := rapid.SliceOfN(rapid.Byte(), HeaderSize, 300).Draw(t, "body")
		Put(body, &Stamp{ID: want, Run: 11})
		bit := rapid.IntRange(0, 8*len(body)-1).Draw(t, "bit")
		body[bit/8] ^= 1 << (bit % 8)
		before := bytes.Clone(body)
		var s Stamp
		if status := Parse(body, 11, &s); status != Corrupt {
			t.Fatalf("%v", status)
		}
		if got := Name(body, &s); got != want {
			t.Errorf("the name is %v, want %v", got, want)
		}
		if !bytes.Equal(body, before) {
			t.Error("looking for the name changed the body")
		}
	})
}

func TestNameOfMuchDamage(t *testing.T) {
	body := make([]byte, 100)
	want := ID{Producer: 3, Lane: 5, Seq: 7}
	Put(body, &Stamp{ID: want, Run: 11})
	for i := HeaderSize; i < len(body); i++ {
		body[i] = 0xaa
	}
	for _, damaged := range [][]byte{body, body[:60]} {
		var s Stamp
		Parse(damaged, 11, &s)
		if got := Name(damaged, &s); got != want {
			t.Errorf("%d bytes: the name is %v, want %v", len(damaged), got, want)
		}
	}
	var s Stamp
	Parse(body[:20], 11, &s)
	if got := Name(body[:20], &s); got != (ID{}) {
		t.Errorf("a stump is called %v", got)
	}
}
