package journal

import (
	"errors"
	"iter"
	"math/rand/v2"
	"slices"
	"testing"

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
		"case":          {with(func(r *bulk.Row) { r.Identity.Value = "Ana@example.com" })},
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
