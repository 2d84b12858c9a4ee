package journal

import (
	"errors"
	"strings"
	"testing"
)

func TestARunIsNotGoneOnWithAtAnotherSystem(t *testing.T) {
	l := open(t, t.TempDir())
	id := begin(t, l, NewRun{Systems: map[string]string{"looker": "looker https://one.example"}}).ID()
	r, err := l.Run(t.Context(), id)
	ok(t, err)
	ok(t, r.Bind(t.Context(), map[string]string{"looker": "looker https://one.example"}))
	err = r.Bind(t.Context(), map[string]string{"looker": "looker https://two.example", "sugar": "sugar https://two.example"})
	if !errors.Is(err, ErrOtherSystem) || !strings.Contains(err.Error(), "looker is looker https://two.example now and was looker https://one.example") {
		t.Errorf("got %v", err)
	}
	// Of another target nothing was remembered by that; it is from now on.
	ok(t, r.Bind(t.Context(), map[string]string{"sugar": "sugar https://one.example"}))
	if err := r.Bind(t.Context(), map[string]string{"sugar": "sugar https://two.example"}); !errors.Is(err, ErrOtherSystem) {
		t.Errorf("got %v", err)
	}
	ok(t, begin(t, l, NewRun{}).Bind(t.Context(), map[string]string{"sugar": "sugar https://two.example"}))
}
