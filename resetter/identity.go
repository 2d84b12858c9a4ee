package resetter

import (
	"fmt"
	"net/mail"
	"strings"
	"unicode"
)

// IdentityKind says what kind of name an [Identity] is.
type IdentityKind string

// The kinds of identity.
const (
	ByEmail    IdentityKind = "email"
	ByID       IdentityKind = "id"
	ByUsername IdentityKind = "username"
)

// An Identity names a person in a system: by e-mail address, by the system's
// own id or by user name. The zero value names nobody. Identities are
// comparable.
type Identity struct {
	Kind  IdentityKind
	Value string
}

// Email names a person by e-mail address.
func Email(address string) Identity { return Identity{ByEmail, address} }

// ID names a person by the system's own identifier.
func ID(id string) Identity { return Identity{ByID, id} }

// Username names a person by sign-in name.
func Username(name string) Identity { return Identity{ByUsername, name} }

// String says the identity as a person would: its value.
func (id Identity) String() string { return id.Value }

// Validate reports what is wrong with id, if anything: an e-mail that is not
// exactly one bare address, an id or user name that is empty or too long or
// that could change the meaning of a URL (control characters, and for an id
// also / \ ? # % and ".."). Its errors say which and never need a system.
func (id Identity) Validate() error {
	if id.Value == "" {
		return fmt.Errorf("the %s is empty", id.noun())
	}
	if len(id.Value) > 320 { // RFC 5321: 64 octets, "@", 255 octets
		return fmt.Errorf("the %s is longer than 320 characters", id.noun())
	}
	if id.Kind == ByEmail && usualEmail(id.Value) {
		return nil
	}
	if strings.TrimSpace(id.Value) != id.Value {
		return fmt.Errorf("the %s %q begins or ends with a blank", id.noun(), id.Value)
	}
	for _, r := range id.Value {
		// Format characters (category Cf) hide: a zero-width space in an
		// address looks right and finds nobody.
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == unicode.ReplacementChar {
			return fmt.Errorf("the %s %q holds a control or invisible character", id.noun(), id.Value)
		}
	}
	switch id.Kind {
	case ByEmail:
		return validateEmail(id.Value)
	case ByID:
		if i := strings.IndexAny(id.Value, `/\?#%`); i >= 0 {
			return fmt.Errorf("the id %q holds %q, which no id has", id.Value, id.Value[i])
		}
		if id.Value == "." || strings.Contains(id.Value, "..") {
			return fmt.Errorf("the id %q holds dots that a URL would read as a path", id.Value)
		}
	case ByUsername:
	default:
		return fmt.Errorf("unknown kind of identity %q", id.Kind)
	}
	return nil
}

func (id Identity) noun() string {
	switch id.Kind {
	case ByEmail:
		return "e-mail address"
	case ByUsername:
		return "user name"
	default:
		return string(id.Kind)
	}
}

// validateEmail accepts one bare address. mail.ParseAddress alone would also
// take "Ana <ana@example.com>" and comments, of which the system would be
// sent something else than what was compared.
func validateEmail(s string) error {
	a, err := mail.ParseAddress(s)
	if err != nil || a.Address != s || strings.ContainsAny(s, " ,;<>()\"") {
		return fmt.Errorf("%q is not one e-mail address", s)
	}
	return nil
}

// usualEmail recognises the addresses that nearly all are, without the cost of
// a parser: words of letters, digits, _ + and - with single dots between them,
// on both sides of one @. Of any other address it says nothing.
func usualEmail(s string) bool {
	at, word := false, false // whether there was the @, and whether a word has begun
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_', c == '+', c == '-':
			word = true
		case word && c == '.':
			word = false
		case word && c == '@' && !at:
			at, word = true, false
		default:
			return false
		}
	}
	return at && word
}

// SameEmail reports whether two addresses are the same mailbox as far as the
// systems here go: without regard to case.
func SameEmail(a, b string) bool { return strings.EqualFold(a, b) }
