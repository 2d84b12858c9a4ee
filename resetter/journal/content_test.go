package journal

import (
	"errors"
	"iter"
	"math/rand/v2"
	"slices"
	"testing"
	"unicode"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/bulk"
)

func content(t *testing.T, rows ...bulk.Row) string {
	t.Helper()
	c, err := Content(withoutErrors(slices.Values(rows)))
	ok(t, err)
	return c
}

func withoutErrors(rows iter.Seq[bulk.Row]) iter.Seq2[bulk.Row, error] {
	return func(yield func(bulk.Row, error) bool) {
		for r := range rows {
			if !yield(r, nil) {
				return
			}
		}
	}
}

func TestContentIsTheSameInAnyOrder(t *testing.T) {
	var rows []bulk.Row
	for r := range manyRows(100) {
		rows = append(rows, r)
	}
	want := content(t, rows...)
	random := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		random.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
		for i := range rows { // what does not count
			rows[i].Seq, rows[i].Line, rows[i].Cells = i+1, i+2, []string{"else"}
		}
		if got := content(t, rows...); got != want {
			t.Fatalf("got %s, want %s", got, want)
		}
	}
}

func TestContentDiffersWithEveryDifferenceThatCounts(t *testing.T) {
	a := bulk.Row{Target: "looker", Identity: resetter.Email("ana@example.com"), Action: resetter.ActionReset}
	b := bulk.Row{Target: "looker", Identity: resetter.Email("ben@example.com"), Action: resetter.ActionReset}
	with := func(f func(*bulk.Row)) bulk.Row { r := a; f(&r); return r }
	seen := map[string]string{}
	for name, rows := range map[string][]bulk.Row{
		"none":          {},
		"a":             {a},
		"b":             {b},
		"a, b":          {a, b},
		"a twice":       {a, a},
		"a three times": {a, a, a},
		"target":        {with(func(r *bulk.Row) { r.Target = "sugar" })},
		"kind":          {with(func(r *bulk.Row) { r.Identity.Kind = resetter.ByUsername })},
		"id":            {with(func(r *bulk.Row) { r.Identity = resetter.ID("ana") })},
		"case of id":    {with(func(r *bulk.Row) { r.Identity = resetter.ID("Ana") })},
		"name":          {with(func(r *bulk.Row) { r.Identity = resetter.Username("ana") })},
		"case of name":  {with(func(r *bulk.Row) { r.Identity = resetter.Username("Ana") })},
		"action":        {with(func(r *bulk.Row) { r.Action = resetter.ActionLock })},
		"new address":   {with(func(r *bulk.Row) { r.NewEmail = "b@example.com" })},
		"border moved":  {with(func(r *bulk.Row) { r.Target, r.Identity.Kind = "lookere", "mail" })},
	} {
		c := content(t, rows...)
		if other, there := seen[c]; there {
			t.Errorf("%q and %q have the same content", name, other)
		}
		seen[c] = name
	}
}

func TestContentIsTheSameInWhateverCaseAddressesAreWritten(t *testing.T) {
	row := func(address, to string) bulk.Row {
		return bulk.Row{Target: "looker", Identity: resetter.Email(address), Action: resetter.ActionChangeEmail, NewEmail: to}
	}
	want := content(t, row("ana@example.com", "bé@example.com"))
	for _, r := range []bulk.Row{row("Ana@Example.COM", "bé@example.com"), row("ana@example.com", "BÉ@EXAMPLE.com")} {
		if got := content(t, r); got != want {
			t.Errorf("%s to %s has another content", r.Identity, r.NewEmail)
		}
	}
}

func TestAddressesAreFoldedAsTheyAreCompared(t *testing.T) {
	for r := range unicode.MaxRune + 1 {
		if 0xD800 <= r && r < 0xE000 {
			continue // no letters, but halves of such
		}
		f := folded(string(r))
		if !resetter.SameEmail(f, string(r)) || folded(string(unicode.SimpleFold(r))) != f {
			t.Errorf("%q is folded to %q, and %q to %q", r, f, unicode.SimpleFold(r), folded(string(unicode.SimpleFold(r))))
		}
	}
	for _, usual := range []string{"", "ana.adler+x_1@example-2.com"} {
		if got := folded(usual); got != usual {
			t.Errorf("%q is folded to %q", usual, got)
		}
	}
}

func TestContentHandsBackAnErrorOfTheRows(t *testing.T) {
	broken := errors.New("broken")
	if _, err := Content(func(yield func(bulk.Row, error) bool) { yield(bulk.Row{}, broken) }); err != broken {
		t.Errorf("got %v, want %v", err, broken)
	}
}

// The content is stored, so it must not change from release to release: every
// unfinished run would be forgotten.
func TestContentStaysTheSameFromReleaseToRelease(t *testing.T) {
	a := bulk.Row{Target: "looker", Identity: resetter.Email("ana@example.com"), Action: resetter.ActionReset}
	b := bulk.Row{Target: "sugar", Identity: resetter.ID("0017"), Action: resetter.ActionChangeEmail, NewEmail: "b@example.com"}
	const want = "07cff4ea5b48bc401023fe786422ae379490312efbc5538abcf1fe0d629ec669"
	if got := content(t, a, b); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
