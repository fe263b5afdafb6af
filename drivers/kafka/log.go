package kafka

import (
	"context"
	"log/slog"

	"github.com/twmb/franz-go/pkg/kgo"
)

// logger passes the library's warnings on, as details: what matters of them comes back as errors.
type logger struct{ *slog.Logger }

// Level is the library's question for what it should say.
func (logger) Level() kgo.LogLevel { return kgo.LogLevelWarn }

// Log is the library's.
func (l logger) Log(_ kgo.LogLevel, msg string, keyvals ...any) {
	l.Logger.Log(context.Background(), slog.LevelDebug, "kafka client: "+msg, keyvals...)
}
