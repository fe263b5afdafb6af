package memory

import (
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"

	"ordeal/drivers"
)

// Kind of a lie.
type Kind uint8

// The kinds of lies; see the package's documentation for what each does.
const (
	Lose Kind = iota
	Duplicate
	Reorder
	Corrupt
	Phantom
	Resurrect
	Withhold

	kinds
	honest = kinds
)

// String gives the kind's word, which is also its option.
func (k Kind) String() string {
	switch k {
	case Lose:
		return "lose"
	case Duplicate:
		return "duplicate"
	case Reorder:
		return "reorder"
	case Corrupt:
		return "corrupt"
	case Phantom:
		return "phantom"
	case Resurrect:
		return "resurrect"
	case Withhold:
		return "withhold"
	default:
		return "honest"
	}
}

// Lie is one lie as it was told.
type Lie struct {
	Kind  Kind
	Topic string
	Shard int32
	// Position the lie is about: where a lost message was acked, where the second copy, the late, the damaged, the invented, the
	// rejected or the withheld message is stored.
	Position drivers.Position
	// Body as it was sent; of a Phantom as it is delivered.
	Body []byte
}

// liar decides which messages are lied about. Its methods may be called from any goroutine.
type liar struct {
	// left is how many lies are still to be told, so that an honest broker need not take the lock.
	left atomic.Int64

	mu     sync.Mutex
	plans  [kinds]plan
	told   []Lie
	logger *slog.Logger
}

// plan of one kind. Kinds draw from streams of their own, so that asking for one more kind does not move the lies of the others.
type plan struct {
	left, gap, spread int
	random            *rand.Rand
}

func newLiar(s settings, logger *slog.Logger) *liar {
	l := &liar{logger: logger}
	for k := range l.plans {
		p := &l.plans[k]
		*p = plan{left: s.counts[k], spread: s.spread, random: rand.New(rand.NewPCG(s.seed, uint64(k)))}
		p.gap = p.draw()
		l.left.Add(int64(p.left))
	}
	return l
}

func (p *plan) draw() int { return 1 + p.random.IntN(p.spread) }

// choose counts one message and returns the lie to tell about it, or honest. A chosen lie counts as told unless it is taken back.
func (l *liar) choose(m *drivers.Message, mayHold bool) Kind {
	if l.left.Load() == 0 {
		return honest
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	chosen := honest
	for k := range kinds {
		p := &l.plans[k]
		if p.left == 0 {
			continue
		}
		p.gap--
		if p.gap > 0 || chosen != honest || k == Corrupt && len(m.Body) == 0 || k == Reorder && !mayHold {
			continue
		}
		chosen = k
		p.left--
		p.gap = p.draw()
		l.left.Add(-1)
	}
	return chosen
}

// takeBack says that a chosen lie could not be told; it is due again at once.
func (l *liar) takeBack(k Kind) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.plans[k].left++
	l.plans[k].gap = 0
	l.left.Add(1)
}

// flip damages one bit of body.
func (l *liar) flip(body []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	random := l.plans[Corrupt].random
	body[random.IntN(len(body))] ^= 1 << random.IntN(8)
}

// invent makes a body of size random bytes, at least one, so that it cannot be taken for an empty message that somebody did send.
func (l *liar) invent(size int) []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	body := make([]byte, max(1, size))
	for i := range body {
		body[i] = byte(l.plans[Phantom].random.Uint32())
	}
	return body
}

// tell records a lie.
func (l *liar) tell(lie Lie) {
	lie.Body = slices.Clone(lie.Body)
	l.mu.Lock()
	l.told = append(l.told, lie)
	l.mu.Unlock()
	l.logger.Info("lie told", "kind", lie.Kind.String(), "topic", lie.Topic, "shard", lie.Shard, "position", lie.Position.String())
}

func (l *liar) lies() []Lie {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.told)
}

func (l *liar) untold() map[Kind]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make(map[Kind]int)
	for k := range kinds {
		if l.plans[k].left > 0 {
			out[k] = l.plans[k].left
		}
	}
	return out
}
