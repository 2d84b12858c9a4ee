package transport

import (
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"

	"github.com/seed57652884/resetctl/resetter"
)

// maxMessage bounds what is kept of a system's own words, in runes.
const maxMessage = 300

var (
	link = regexp.MustCompile(`(?i)\b[a-z][a-z0-9+.-]*://[^\s"'<>]+`)
	// An unbroken run this long with digits in it is a token, not a word.
	opaque = regexp.MustCompile(`[A-Za-z0-9_\-+/=.]{24,}`)
	uuid   = regexp.MustCompile(`(?i)^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
)

// A redactor cleans a system's own words: known secrets, links and whatever
// looks like a token are cut out, control characters too.
type redactor struct {
	mu      sync.Mutex
	secrets []string // oldest first
}

func newRedactor(secrets ...resetter.Secret) *redactor {
	r := &redactor{}
	for _, s := range secrets {
		r.add(s)
	}
	return r
}

// maxSecrets bounds the memory of a client that renews its session for months.
const maxSecrets = 64

func (r *redactor) add(s resetter.Secret) {
	if len(s.Reveal()) < 4 { // cutting out "a" would garble every message
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if slices.Contains(r.secrets, s.Reveal()) {
		return
	}
	r.secrets = append(r.secrets, s.Reveal())
	if len(r.secrets) > maxSecrets {
		r.secrets = append(r.secrets[:8:8], r.secrets[len(r.secrets)-maxSecrets+8:]...)
	}
}

func (r *redactor) clean(s string) string {
	r.mu.Lock()
	secrets := slices.Clone(r.secrets)
	r.mu.Unlock()
	// The longest first: one secret may be the beginning of another.
	slices.SortFunc(secrets, func(a, b string) int { return len(b) - len(a) })
	for _, secret := range secrets {
		s = strings.ReplaceAll(s, secret, "[hidden]")
	}
	s = link.ReplaceAllString(s, "[link]")
	s = opaque.ReplaceAllStringFunc(s, func(run string) string {
		if uuid.MatchString(run) || !strings.ContainsAny(run, "0123456789") {
			return run
		}
		return "[hidden]"
	})
	s = strings.Map(func(c rune) rune {
		if unicode.IsControl(c) {
			return ' '
		}
		if unicode.Is(unicode.Cf, c) {
			return -1
		}
		return c
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	if runes := []rune(s); len(runes) > maxMessage {
		s = string(runes[:maxMessage]) + "…"
	}
	return s
}
