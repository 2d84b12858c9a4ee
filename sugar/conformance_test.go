package sugar_test

import (
	"flag"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/resettertest"
	"github.com/seed57652884/resetctl/resetter/sandbox"
	"github.com/seed57652884/resetctl/sugar"
	"github.com/seed57652884/resetctl/sugar/sugartest"
)

var seed = flag.Uint64("seed", 0, "of the random faults of the conformance suite")

func TestThePromisesOfEveryResetterAreKept(t *testing.T) {
	resettertest.Test(t, *seed, func(t testing.TB, listener net.Listener) resettertest.Subject {
		srv := sugartest.NewServer(sugartest.Config{Sandbox: sandbox.Config{Listener: listener}})
		t.Cleanup(func() {
			srv.Close()
			for _, v := range srv.Violations() {
				t.Error(v)
			}
		})
		subject := resettertest.Subject{
			Mails:       srv.Mailbox().Counts,
			Canary:      srv.Canary(),
			IsReset:     func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/password/adminRequest") },
			IsSignIn:    func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/oauth2/token") },
			Maintenance: &resettertest.Answer{Status: 503, Body: `{"error":"maintenance","error_message":"The instance is under maintenance."}`},
			New: func(terms resettertest.Terms) (resetter.Resetter, error) {
				service := sugar.Credentials{Username: srv.Username, Password: resetter.NewSecret(srv.Password), Platform: srv.Platform}
				return sugar.New(srv.URL, service, terms.Options()...)
			},
		}
		for _, u := range srv.Populate(resettertest.People) {
			subject.People = append(subject.People, resetter.Email(u.Email))
		}
		return subject
	})
}
