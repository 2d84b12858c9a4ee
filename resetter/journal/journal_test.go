package journal

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/seed57652884/resetctl/resetter/bulk"
	"github.com/seed57652884/resetctl/resetter/bulk/journaltest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestARunIsAJournal(t *testing.T) {
	journaltest.Test(t, func(t *testing.T) bulk.Journal { return begin(t, open(t, t.TempDir()), NewRun{}) })
}

// open opens the ledger in dir until the test ends.
func open(t testing.TB, dir string) *Ledger {
	t.Helper()
	l, err := Open(t.Context(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

func begin(t testing.TB, l *Ledger, n NewRun) *Run {
	t.Helper()
	r, err := l.Begin(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
