package drivers

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
)

// Driver is one kind of broker. Its methods may be called from any goroutine; it holds no connection.
type Driver interface {
	// Name is the driver's word in targets and scenarios, such as "nats".
	Name() string
	// Promise says what the broker, configured as cfg and t say, claims to do for the messages of t. It asks no broker.
	Promise(cfg Config, t Topic) Promise
	// Open connects. The session owns what it opened; a failed Open leaves nothing behind.
	Open(ctx context.Context, cfg Config, env Env) (Session, error)
}

// Optioner is a Driver with settings of its own under options.<driver> in a scenario and in the query of a target.
type Optioner interface {
	Options() []Option
}

// Guaranteer is a Driver that knows which guarantees it can give for a topic. Reach returns nil where cfg.Guarantee can be kept, else an
// error that names the setting in the way and the remedy. The engine asks before any broker is started.
type Guaranteer interface {
	Reach(cfg Config, t Topic) error
}

// Config says which broker to talk to and how. Drivers treat it as read-only.
type Config struct {
	// Servers are host:port addresses, the first to be tried first. In-process drivers ignore them.
	Servers []string
	// Guarantee is what an ack must mean. The zero value asks for Accepted.
	Guarantee Guarantee
	// Options holds the values of the driver's own options, checked and with defaults filled in (see Resolve).
	Options Options
	// TLS is nil for a plain connection.
	TLS *tls.Config
	// Auth says who the client is; the zero value is nobody.
	Auth Auth
}

// Auth is how a client proves who it is. It never appears in a log: String gives the mechanism alone.
type Auth struct {
	// Mechanism is one of those that the driver lists (see Authenticator); empty for the broker's usual one with User and Password.
	Mechanism string
	// User and Password are empty where the mechanism uses Secret.
	User, Password string
	// Secret is what mechanisms without a password rest on, such as the text of a NATS credentials file, the seed of an nkey, or a token.
	Secret string
}

// String names the mechanism and nothing secret.
func (a Auth) String() string {
	switch {
	case a.Mechanism != "":
		return a.Mechanism
	case a.User != "":
		return "user and password"
	default:
		return "none"
	}
}

// GoString is String, so that no way of printing shows a secret.
func (a Auth) GoString() string { return a.String() }

// Authenticator is a Driver whose clients can prove who they are. The engine refuses a mechanism that is not listed before any connection.
type Authenticator interface {
	// Mechanisms lists what Auth.Mechanism may be, beside empty. Those that take Auth.Secret instead of a user and a password say so.
	Mechanisms() []Mechanism
}

// Mechanism is one way to authenticate.
type Mechanism struct {
	// Name is the word in a target file, such as "scram-sha-512" or "nkey".
	Name string
	// Secret tells that it takes Auth.Secret; else it takes User and Password.
	Secret bool
	// About is one sentence for the docs.
	About string
}

// Env is what the engine lends a driver.
type Env struct {
	// Dial makes every connection to the broker: client-side network faults live in it. A driver puts TLS on top itself.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// Logger is never nil.
	Logger *slog.Logger
	// Name is the client's name, shown by the broker.
	Name string
}

// Session is one client's connection, or set of connections, to the broker. Declare, Audit, Delete and the optional interfaces may be
// called from any goroutine, one call at a time. An error that says the connection is gone is final: the engine opens a new session.
type Session interface {
	// Declare makes t exist as asked. It is idempotent; a topic that exists with other settings is an error that names them.
	Declare(ctx context.Context, t Topic) error
	// Audit returns the broker's own word on every setting the guarantee of t rests on.
	Audit(ctx context.Context, t Topic) ([]Fact, error)
	// Producer makes a producer. settle is called once for every message handed to Send, by one goroutine at a time, possibly
	// within Send; it must not block and must not call the producer.
	Producer(ctx context.Context, s ProducerSpec, settle func(Receipt)) (Producer, error)
	// Consumer joins the group s.Group. Deliveries are kept for it from the moment Consumer returns.
	Consumer(ctx context.Context, s ConsumerSpec) (Consumer, error)
	// Delete removes t and everything Declare made for it. A topic that does not exist is no error.
	Delete(ctx context.Context, t Topic) error
	// Close takes leave politely and frees everything; it is idempotent.
	Close(ctx context.Context) error
}

// Producer sends. One goroutine calls it.
type Producer interface {
	// Send takes over the batch: every message of it is settled exactly once, whatever Send returns, and its body is the
	// caller's again only then. The slice itself is the caller's when Send returns. Send may block for the client's
	// back-pressure and obeys ctx. A non-nil error says that the producer is of no more use.
	Send(ctx context.Context, batch []Message) error
	// Flush returns once every message sent so far is settled, or ctx ends.
	Flush(ctx context.Context) error
	// Close settles what is left as Unknown and frees the producer; it is idempotent.
	Close(ctx context.Context) error
}

// Consumer receives for one member of a group. Receive, Ack and Close are called by one goroutine.
type Consumer interface {
	// Receive blocks for at least one delivery, fills dst from its start and returns how many. Bodies and keys are valid until
	// the next Receive. An error other than ctx's says that the consumer is of no more use; deliveries that came with it count.
	Receive(ctx context.Context, dst []Delivery) (int, error)
	// Ack tells the broker that ds are done with. It is not called for AckBefore where the broker acknowledges by itself.
	Ack(ctx context.Context, ds []Delivery) error
	// Close leaves the group politely; it is idempotent.
	Close(ctx context.Context) error
}
