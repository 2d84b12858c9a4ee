package transport

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"html"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

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
	secrets []secret // oldest first; replaced, never changed
}

// A secret is what is cut out of messages.
type secret struct {
	plain  string
	base64 []string // what base64 makes of it, see inBase64
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
	plain := s.Reveal()
	if len(plain) < 4 { // cutting out "a" would garble every message
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if slices.ContainsFunc(r.secrets, func(known secret) bool { return known.plain == plain }) {
		return
	}
	kept := r.secrets
	if len(kept) == maxSecrets {
		kept = slices.Concat(kept[:8], kept[9:])
	}
	r.secrets = append(slices.Clip(kept), secret{plain, inBase64(plain)})
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

// cut cuts the known secrets out, also where they are spelled as in a URL, a
// form, JSON or HTML, or are part of something in base64, such as a header of Basic
// authentication.
func (r *redactor) cut(s string) string {
	r.mu.Lock()
	secrets := r.secrets
	r.mu.Unlock()
	var found []span
	for _, reading := range readings(s) {
		for _, secret := range secrets {
			found = reading.find(found, secret.plain, itself)
			for _, piece := range secret.base64 {
				found = reading.find(found, piece, reading.run)
			}
		}
	}
	if found == nil {
		return s
	}
	slices.SortFunc(found, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	var b strings.Builder
	end := 0
	for _, f := range found {
		if f.from >= end {
			b.WriteString(s[end:f.from] + hidden)
		}
		end = max(end, f.to)
	}
	b.WriteString(s[end:])
	return b.String()
}

// A span is a part of a text.
type span struct{ from, to int }

// A reading is a text with its escapes undone.
type reading struct {
	text string
	from []int // the place in the text itself of each byte and of the end; nil if it is the text itself
}

// readings are the ways to read s: as it is, and by each kind of escape that is
// in it.
func readings(s string) []reading {
	all := []reading{{text: s}}
	for _, kind := range []struct {
		mark string
		next escape
	}{{"%", ofURL}, {"+", ofForm}, {`\`, ofJSON}, {"&", ofHTML}} {
		if strings.Contains(s, kind.mark) {
			all = append(all, undo(s, kind.next))
		}
	}
	return all
}

// An escape says what the beginning of a text stands for, and how long that
// beginning is.
type escape func(s string) (plain string, length int)

func undo(s string, next escape) reading {
	var text strings.Builder
	from := make([]int, 0, len(s)+1)
	for i := 0; i < len(s); {
		plain, length := next(s[i:])
		text.WriteString(plain)
		for range len(plain) {
			from = append(from, i)
		}
		i += length
	}
	return reading{text.String(), append(from, len(s))}
}

func ofURL(s string) (string, int) {
	if s[0] == '%' && len(s) >= 3 {
		if b, err := strconv.ParseUint(s[1:3], 16, 8); err == nil {
			return string([]byte{byte(b)}), 3
		}
	}
	return s[:1], 1
}

func ofForm(s string) (string, int) {
	if s[0] == '+' {
		return " ", 1
	}
	return ofURL(s)
}

func ofJSON(s string) (string, int) {
	if s[0] != '\\' {
		return s[:1], 1
	}
	for _, length := range []int{len(`\ud83d\ude00`), len(`\u00e9`), len(`\n`)} {
		var plain string
		if len(s) >= length && json.Unmarshal([]byte(`"`+s[:length]+`"`), &plain) == nil && utf8.RuneCountInString(plain) == 1 {
			return plain, length
		}
	}
	return s[:1], 1
}

// longestEntity is the length of HTML's longest name for a character.
const longestEntity = len("&CounterClockwiseContourIntegral;")

func ofHTML(s string) (string, int) {
	if s[0] != '&' {
		return s[:1], 1
	}
	end := strings.IndexByte(s[:min(len(s), longestEntity)], ';')
	if plain := html.UnescapeString(s[:end+1]); end > 0 && utf8.RuneCountInString(plain) == 1 {
		return plain, end + 1
	}
	return s[:1], 1
}

// find appends to found where in the text itself what stands, each time the
// whole of it.
func (r reading) find(found []span, what string, whole func(span) span) []span {
	for at := 0; ; {
		i := strings.Index(r.text[at:], what)
		if i < 0 {
			return found
		}
		s := whole(span{at + i, at + i + len(what)})
		at = s.to
		if r.from != nil {
			s = span{r.from[s.from], r.from[s.to]}
		}
		found = append(found, s)
	}
}

func itself(at span) span { return at }

// run is the whole of what is in base64 around a part of it.
func (r reading) run(at span) span {
	inside := func(c byte) bool {
		return 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || strings.IndexByte("+/-_=", c) >= 0
	}
	for at.from > 0 && inside(r.text[at.from-1]) {
		at.from--
	}
	for at.to < len(r.text) && inside(r.text[at.to]) {
		at.to++
	}
	return at
}

// inBase64 are the pieces by which base64 of whatever holds the secret is
// recognised: what comes before decides how the secret falls on groups of three
// bytes, so there are three, of the characters that depend on nothing else, and
// as many again in the alphabet for URLs where that makes a difference.
func inBase64(secret string) (pieces []string) {
	for before := range 3 {
		text := make([]byte, before, before+len(secret))
		text = append(text, secret...)
		first, last := (8*before+5)/6, 8*len(text)/6
		for _, alphabet := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			if piece := alphabet.EncodeToString(text)[first:last]; !slices.Contains(pieces, piece) {
				pieces = append(pieces, piece)
			}
		}
	}
	return pieces
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
