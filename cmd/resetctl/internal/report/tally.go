package report

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/ui"
	"github.com/seed57652884/resetctl/resetter/bulk"
)

// What is kept of the causes, however many rows there are.
const (
	mostNamed  = 20  // rows of a cause that are named where it is told
	mostCauses = 20  // causes of one target, outcome and reason; the rest is one more
	longest    = 400 // characters of a detail that tell causes apart
	widest     = 28  // characters of a column of the input in a large table
)

// A tally is what the page says about the rows before it lists them.
type tally struct {
	total    bulk.Counts
	unmailed int            // rows in doubt of actions that mail nobody
	targets  []*targetTally // in the order of the page
	widths   []int          // of the input's columns, in characters
	seen     seen
	causes   map[causeKey]*cause
	kinds    map[fate]int // how many causes there are of each
}

type targetTally struct {
	Target
	counts bulk.Counts
}

// A fate is what can become of a row.
type fate struct {
	target  string
	outcome bulk.Outcome
	reason  bulk.Reason
	// unmailed: the action mails nobody, and the reason means something else for it.
	unmailed bool
}

// seen counts the fates of rows.
type seen map[fate]int

func (s seen) add(r bulk.Result) fate {
	mails := r.Row.Action.Mails()
	f := fate{r.Row.Target, r.Outcome, r.Reason, !mails && meaningOf(r.Reason, true) != meaningOf(r.Reason, false)}
	s[f]++
	return f
}

func (s seen) same(other seen) bool { return maps.Equal(s, other) }

type causeKey struct {
	fate
	gist string
}

// A cause is what rows have in common that came to the same end.
type cause struct {
	fate
	detail string // of the first row
	gist   string // what all rows say, see gist
	varied bool   // they do not say the same to the letter
	count  int
	named  []who // the first rows
}

// who is a row as it is named where a cause is told.
type who struct {
	Seq, Line int
	Name      string
}

func newTally(targets []Target, columns []string) *tally {
	t := &tally{total: bulk.Counts{}, seen: seen{}, causes: map[causeKey]*cause{}, kinds: map[fate]int{}}
	for _, target := range targets {
		t.targets = append(t.targets, &targetTally{target, bulk.Counts{}})
	}
	for _, name := range columns {
		t.widths = append(t.widths, min(ui.Width(name)+3, widest)) // names are bold
	}
	return t
}

func (t *tally) add(r bulk.Result) {
	t.total[r.Outcome]++
	t.target(r.Row.Target).counts[r.Outcome]++
	if r.Outcome == bulk.Unknown && !r.Row.Action.Mails() {
		t.unmailed++
	}
	f := t.seen.add(r)
	for i, cell := range r.Row.Cells[:min(len(r.Row.Cells), len(t.widths))] {
		t.widths[i] = max(t.widths[i], min(ui.Width(cell), widest))
	}

	key := causeKey{f, gist(r)}
	c := t.causes[key]
	if c == nil && t.kinds[f] >= mostCauses {
		key.gist = ""
		c = t.causes[key]
	}
	if c == nil {
		c = &cause{fate: f, gist: key.gist, detail: cut(ui.Clean(r.Detail)), varied: key.gist == ""}
		t.causes[key] = c
		t.kinds[f]++
	}
	c.count++
	c.varied = c.varied || cut(ui.Clean(r.Detail)) != c.detail
	if len(c.named) < mostNamed {
		c.named = append(c.named, who{r.Row.Seq, r.Row.Line, cut(ui.Clean(r.Row.Identity.Value))})
	}
}

func (t *tally) target(name string) *targetTally {
	for _, known := range t.targets {
		if known.Name == name {
			return known
		}
	}
	t.targets = append(t.targets, &targetTally{Target{Name: name}, bulk.Counts{}})
	return t.targets[len(t.targets)-1]
}

// of lists the causes of an outcome, those of most rows first.
func (t *tally) of(o bulk.Outcome) []*cause {
	var list []*cause
	for _, c := range t.causes {
		if c.outcome == o {
			list = append(list, c)
		}
	}
	slices.SortFunc(list, func(a, b *cause) int {
		return cmp.Or(cmp.Compare(b.count, a.count), cmp.Compare(a.target, b.target),
			cmp.Compare(a.reason, b.reason), cmp.Compare(a.gist, b.gist))
	})
	return list
}

// says is the detail that all rows of the cause share, with an ellipsis where
// they differ. It is empty where they have nothing in common.
func (c *cause) says() string {
	if c.varied {
		return c.gist
	}
	return c.detail
}

// gist is the detail of a result without what belongs to its row alone: who it
// is about, addresses, and anything with a number in it but an HTTP status.
// Results with the same gist have the same cause.
func gist(r bulk.Result) string {
	own := []string{r.Row.Identity.Value, r.Account.Email, r.Account.Username, r.Account.ID}
	var out []string
	for _, word := range strings.Fields(cut(ui.Clean(r.Detail))) {
		core := strings.TrimFunc(word, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
		ofRow := strings.ContainsFunc(core, func(r rune) bool { return r == '@' || unicode.IsDigit(r) }) ||
			core != "" && slices.ContainsFunc(own, func(s string) bool { return strings.EqualFold(s, core) })
		if ofRow && !(len(out) > 0 && strings.HasSuffix(out[len(out)-1], "HTTP")) {
			word = strings.Replace(word, core, "…", 1)
		}
		if word == "…" && len(out) > 0 && out[len(out)-1] == "…" {
			continue
		}
		out = append(out, word)
	}
	return strings.Join(out, " ")
}

func cut(s string) string { return ui.Shorten(s, longest) }
