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

var seed = flag.Uint64("seed", 0, "random faults to play in place of the usual ones")

func TestThePromisesOfEveryResetterAreKept(t *testing.T) {
	var seeds []uint64
	if *seed != 0 {
		seeds = []uint64{*seed}
	}
	resettertest.Test(t, func(t testing.TB, listener net.Listener) resettertest.Subject {
		srv := lookertest.NewServer(lookertest.Config{Sandbox: sandbox.Config{Listener: listener}, LockOutAfter: 2})
		t.Cleanup(func() {
			srv.Close()
			for _, v := range srv.Violations() {
				t.Error(v)
			}
		})
		var people []resetter.Identity
		for _, u := range srv.Populate(resettertest.People) {
			people = append(people, resetter.Email(u.Email))
		}
		return resettertest.Subject{
			New: func(terms resettertest.Terms) (resetter.Resetter, error) {
				return looker.New(srv.URL, looker.Credentials{ClientID: srv.ClientID, ClientSecret: resetter.NewSecret(srv.ClientSecret)}, terms.Options()...)
			},
			People:   people,
			Mails:    srv.Mailbox().Counts,
			Canary:   srv.Canary(),
			IsReset:  func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/send_password_reset") },
			IsSignIn: func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/login") },
		}
	}, seeds...)
}
