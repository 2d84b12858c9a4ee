package looker_test

import (
	"flag"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/seed57652884/resetctl/looker"
	"github.com/seed57652884/resetctl/looker/lookertest"
	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/resettertest"
	"github.com/seed57652884/resetctl/resetter/sandbox"
)

var seed = flag.Uint64("seed", 0, "of the random faults of the conformance suite")

func TestThePromisesOfEveryResetterAreKept(t *testing.T) {
	resettertest.Test(t, *seed, func(t testing.TB, listener net.Listener) resettertest.Subject {
		srv := lookertest.NewServer(lookertest.Config{Sandbox: sandbox.Config{Listener: listener}, LockOutAfter: 2})
		t.Cleanup(func() {
			srv.Close()
			for _, v := range srv.Violations() {
				t.Error(v)
			}
		})
		subject := resettertest.Subject{
			Mails:    srv.Mailbox().Counts,
			Canary:   srv.Canary(),
			IsReset:  func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/send_password_reset") },
			IsSignIn: func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/login") },
			New: func(terms resettertest.Terms) (resetter.Resetter, error) {
				key := looker.Credentials{ClientID: srv.ClientID, ClientSecret: resetter.NewSecret(srv.ClientSecret)}
				return looker.New(srv.URL, key, terms.Options()...)
			},
		}
		for _, u := range srv.Populate(resettertest.People) {
			subject.People = append(subject.People, resetter.Email(u.Email))
		}
		return subject
	})
}
