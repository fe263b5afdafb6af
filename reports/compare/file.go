package compare

import (
	"encoding/json"
	"fmt"
	"os"

	"ordeal/reports"
)

// Write puts c into the file at path, as reports.Write does a run: stable, indented, the whole file or the one that was there.
func Write(path string, c *Comparison) error {
	text, err := reports.Encode(*c)
	if err != nil {
		return fmt.Errorf("encode comparison %q: %w", c.ID, err)
	}
	return reports.Replace(path, text)
}

// Read reads the file that Write wrote. A file with another schema is a reports.ErrSchema.
func Read(path string) (*Comparison, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read comparison: %w", err)
	}
	c := new(Comparison)
	if err := json.Unmarshal(raw, c); err != nil {
		return nil, fmt.Errorf("read comparison %s: not the JSON of a comparison: %w", path, err)
	}
	if c.Schema != Schema {
		return nil, fmt.Errorf("read comparison %s: %w %q, want %q", path, reports.ErrSchema, c.Schema, Schema)
	}
	return c, nil
}
