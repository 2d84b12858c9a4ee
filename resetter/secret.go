package resetter

import (
	"encoding/json"
	"fmt"
	"log/slog"
)

const hidden = "[hidden]"

// A Secret holds a password, a token or a one-time link and shows it to
// nobody who does not ask by name: printed, logged or encoded, it is
// "[hidden]", also deep inside another value and through reflection.
// The zero value holds nothing.
type Secret struct {
	// A closure, since package fmt prints the unexported fields of a struct
	// within a struct without asking their methods; nothing prints a closure.
	reveal func() string
}

// NewSecret hides s. An empty s makes the zero Secret.
func NewSecret(s string) Secret {
	if s == "" {
		return Secret{}
	}
	return Secret{func() string { return s }}
}

// Reveal returns what is hidden, "" for the zero value.
func (s Secret) Reveal() string {
	if s.reveal == nil {
		return ""
	}
	return s.reveal()
}

// IsZero reports whether there is nothing to hide.
func (s Secret) IsZero() bool { return s.reveal == nil }

// Equal reports whether both hide the same.
func (s Secret) Equal(t Secret) bool { return s.Reveal() == t.Reveal() }

// String implements [fmt.Stringer]: it says that something is hidden, or nothing
// where there is nothing.
func (s Secret) String() string {
	if s.IsZero() {
		return ""
	}
	return hidden
}

// GoString implements [fmt.GoStringer].
func (s Secret) GoString() string { return fmt.Sprintf("resetter.Secret(%q)", s.String()) }

// Format implements [fmt.Formatter] for every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// MarshalJSON implements [json.Marshaler].
func (s Secret) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }

// MarshalText implements [encoding.TextMarshaler].
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue implements [slog.LogValuer].
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }
