package unleash_test

import (
	"flag"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/resettertest"
	"github.com/seed57652884/resetctl/resetter/sandbox"
	"github.com/seed57652884/resetctl/unleash"
	"github.com/seed57652884/resetctl/unleash/unleashtest"
)

var seed = flag.Uint64("seed", 0, "of the random faults of the conformance suite")

func TestThePromisesOfEveryResetterAreKept(t *testing.T) {
	resettertest.Test(t, *seed, func(t testing.TB, listener net.Listener) resettertest.Subject {
		// A pause for each person would hide that one was mailed twice.
		srv := unleashtest.NewServer(unleashtest.Config{Sandbox: sandbox.Config{Listener: listener}, PathPrefix: "/acme", PersonalPause: 1})
		t.Cleanup(func() {
			srv.Close()
			for _, v := range srv.Violations() {
				t.Error(v)
			}
		})
		subject := resettertest.Subject{
			Mails:       srv.Mailbox().Counts,
			Canary:      srv.Canary(),
			IsReset:     func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/reset-password") },
			Anonymous:   true,
			TooSoon:     &resettertest.Answer{Status: 429, Body: `{"name":"RateLimitError","message":"User has been reset recently","details":[]}`},
			Maintenance: &resettertest.Answer{Status: 503, Body: `{"message":"Unleash is currently in maintenance mode."}`},
			New: func(terms resettertest.Terms) (resetter.Resetter, error) {
				return unleash.New(srv.URL, unleash.Credentials{Token: resetter.NewSecret(srv.Token)}, terms.Options()...)
			},
		}
		for _, u := range srv.Populate(resettertest.People) {
			subject.People = append(subject.People, resetter.Email(u.Email))
		}
		return subject
	})
}
