package resettertest_test

import (
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/resettertest"
)

// The test of a new system: its test server in good health, a client of it,
// and how to recognise the requests that matter.
func Example() {
	var t *testing.T // in a test of your own, that test's
	resettertest.Test(t, *seed, func(t testing.TB, listener net.Listener) resettertest.Subject {
		srv := newAcmeServer(listener)
		t.Cleanup(srv.Close)
		return resettertest.Subject{
			New: func(terms resettertest.Terms) (resetter.Resetter, error) {
				return newAcme(srv.URL, terms.Options()...)
			},
			People:   []resetter.Identity{resetter.Email("ana@example.com") /* and 19 more */},
			Mails:    srv.counts,
			Canary:   srv.secret,
			IsReset:  func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/reset") },
			IsSignIn: func(r *http.Request) bool { return r.URL.Path == "/login" },
		}
	})
}
