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

const hidden = "[hidden]"

var (
	link = regexp.MustCompile(`(?i)\b[a-z][a-z0-9+.-]*://[^\s"'<>]+`)
	// An unbroken run this long with digits in it is a token, not a word.
	opaque  = regexp.MustCompile(`[A-Za-z0-9_\-+/=.]{24,}`)
	traceID = regexp.MustCompile(`^[0-9A-Fa-f-]{1,64}$`)
	uuid    = regexp.MustCompile(`(?i)^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
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

// clean makes a system's own words fit to be shown.
func (r *redactor) clean(s string) string {
	s = link.ReplaceAllString(r.cut(s), "[link]")
	var b strings.Builder
	at := 0
	for _, run := range opaque.FindAllStringIndex(s, -1) {
		word := s[run[0]:run[1]]
		address := run[1] < len(s) && s[run[1]] == '@' || run[0] > 0 && s[run[0]-1] == '@'
		if address || uuid.MatchString(word) || !strings.ContainsAny(word, "0123456789") {
			continue
		}
		b.WriteString(s[at:run[0]] + hidden)
		at = run[1]
	}
	b.WriteString(s[at:])
	return shorten(oneLine(b.String()), maxMessage)
}

// cleanID makes the name that a system gives a request fit to be shown. A trace
// id is as long as a token and is none.
func (r *redactor) cleanID(s string) string {
	if traceID.MatchString(s) {
		return r.cut(s)
	}
	return r.clean(s)
}

// cut cuts the known secrets out, the longest first: one may be the beginning
// of another.
func (r *redactor) cut(s string) string {
	r.mu.Lock()
	secrets := slices.Clone(r.secrets)
	r.mu.Unlock()
	slices.SortFunc(secrets, func(a, b string) int { return len(b) - len(a) })
	for _, secret := range secrets {
		s = strings.ReplaceAll(s, secret, hidden)
	}
	return s
}

// oneLine makes one line of s, without characters that control a terminal or
// cannot be seen.
func oneLine(s string) string {
	s = strings.Map(func(c rune) rune {
		if unicode.IsControl(c) {
			return ' '
		}
		if unicode.Is(unicode.Cf, c) {
			return -1
		}
		return c
	}, s)
	return strings.Join(strings.Fields(s), " ")
}

func shorten(s string, most int) string {
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return s
}
