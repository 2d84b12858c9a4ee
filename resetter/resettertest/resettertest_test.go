package resettertest_test

import (
	"flag"
	"testing"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/resettertest"
	"go.uber.org/goleak"
)

var seed = flag.Uint64("seed", 0, "of the random faults of the conformance suite")

// TestMain promises that nothing of the suite runs on after it.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestASystemThatNobodyKnowsYetKeepsThePromises(t *testing.T) {
	resettertest.Test(t, *seed, acmeSubject(func(url string, terms resettertest.Terms) (resetter.Resetter, error) {
		return newAcme(url, terms.Options()...)
	}))
}
