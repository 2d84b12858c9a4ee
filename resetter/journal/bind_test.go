package journal

import (
	"errors"
	"strings"
	"testing"

	"github.com/seed57652884/resetctl/resetter/bulk"
)

func TestARunIsNotGoneOnWithAtAnotherSystem(t *testing.T) {
	l := open(t, t.TempDir())
	begun := begin(t, l, NewRun{})
	ok(t, begun.Bind(t.Context(), map[string]string{"looker": "looker https://one.example"}))
	r, err := l.Run(t.Context(), begun.ID())
	ok(t, err)
	ok(t, r.Bind(t.Context(), map[string]string{"looker": "looker https://one.example"}))
	err = r.Bind(t.Context(), map[string]string{"looker": "looker https://two.example", "sugar": "sugar https://two.example"})
	if other := new(OtherSystemError); !errors.As(err, &other) || *other != (OtherSystemError{"looker", "looker https://one.example", "looker https://two.example"}) ||
		!strings.Contains(err.Error(), "looker is looker https://two.example now, and was looker https://one.example") {
		t.Errorf("got %v", err)
	}
	// Of another target nothing was remembered by that; it is from now on.
	ok(t, r.Bind(t.Context(), map[string]string{"sugar": "sugar https://one.example"}))
	if err := r.Bind(t.Context(), map[string]string{"sugar": "sugar https://two.example"}); !errors.As(err, new(*OtherSystemError)) {
		t.Errorf("got %v", err)
	}
	ok(t, begin(t, l, NewRun{}).Bind(t.Context(), map[string]string{"sugar": "sugar https://two.example"}))
}

func TestWhoIsLeftIsLookedUpWhereTheTargetHasMoved(t *testing.T) {
	l := open(t, t.TempDir())
	r := begun(t, l)
	ok(t, r.Bind(t.Context(), map[string]string{"looker": "one"}))
	ok(t, r.Move(t.Context(), "looker", "two"))
	ok(t, r.Bind(t.Context(), map[string]string{"looker": "two"}))
	if got, want := told(t, r.Results(t.Context())), "1:2 ana done/why; 2:3 ben unknown/why; 3:4 cem failed/why; 4:5 dee pending/not_started; 5:6 eve pending/not_started; "; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for r, err := range r.Results(t.Context()) {
		ok(t, err)
		if r.Account.ID != "" && !strings.HasSuffix(r.Account.ID, " at one") { // the same id is somebody else at two
			t.Errorf("row %d is about %q", r.Row.Seq, r.Account.ID)
		}
		if known := r.Account.ID != ""; known != (r.Outcome != bulk.Pending) || r.Account.Evidence != "" {
			t.Errorf("row %d: %+v", r.Row.Seq, r.Account)
		}
	}
	list, err := r.List(t.Context(), "looker", bulk.New, 0, 9)
	ok(t, err)
	if len(list) != 2 {
		t.Errorf("%d rows are looked up anew, want 2", len(list))
	}
}
