package looker_test

import (
	"context"
	"errors"
	"math"
	"testing"
	"testing/synctest"

	"github.com/seed57652884/resetctl/looker"
	"github.com/seed57652884/resetctl/looker/lookertest"
	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/sandbox"
	"github.com/seed57652884/resetctl/resetter/transport"
	"go.uber.org/goleak"
)

// TestMain promises that nothing of a client runs on after Close.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start serves a Looker and makes a client of it without a ceiling. At the
// test's end the client is closed, and the server must have been asked nothing
// that a Looker would not like.
func start(t *testing.T, config lookertest.Config, options ...transport.Option) (*lookertest.Server, *looker.Client) {
	t.Helper()
	srv := lookertest.NewServer(config)
	t.Cleanup(srv.Close)
	credentials := looker.Credentials{ClientID: srv.ClientID, ClientSecret: resetter.NewSecret(srv.ClientSecret)}
	return srv, connect(t, srv, srv.URL, credentials, options...)
}

// inMemory is start without sockets, for virtual time (testing/synctest), in
// which pauses and the slow beginning of the pace cost nothing.
func inMemory(t *testing.T, config lookertest.Config, options ...transport.Option) (*lookertest.Server, *looker.Client) {
	t.Helper()
	pipe := sandbox.NewPipe()
	config.Sandbox.Listener = pipe
	return start(t, config, append(options, transport.WithDialContext(pipe.DialContext))...)
}

// virtually runs a test in virtual time.
func virtually(t *testing.T, config lookertest.Config, play func(*testing.T, *lookertest.Server, *looker.Client)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		srv, client := inMemory(t, config)
		play(t, srv, client)
	})
}

func connect(t *testing.T, srv *lookertest.Server, url string, credentials looker.Credentials, options ...transport.Option) *looker.Client {
	t.Helper()
	client, err := looker.New(url, credentials, append([]transport.Option{transport.WithRate(math.Inf(1))}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := client.Close(context.Background()); err != nil { // t's own context is over
			t.Logf("close: %v", err)
		}
		for _, v := range srv.Violations() {
			t.Error(v)
		}
	})
	return client
}

func resolve(t *testing.T, client *looker.Client, id resetter.Identity) resetter.Account {
	t.Helper()
	account, err := client.Resolve(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return account
}

// want returns err as what every error is, if it is of that kind.
func want(t *testing.T, err error, kind resetter.Kind) *resetter.Error {
	t.Helper()
	e, ok := errors.AsType[*resetter.Error](err)
	if !ok || !errors.Is(err, kind) {
		t.Fatalf("got %v, want %v", err, kind)
	}
	return e
}

// answer is a fault that answers instead of Looker, without doing anything.
func answer(on sandbox.Operation, status int, body string) sandbox.Fault {
	return sandbox.Fault{Kind: sandbox.Answer, On: on, Status: status, Body: body}
}

// once is a fault that happens once.
func once(f sandbox.Fault) sandbox.Fault {
	f.Times = 1
	return f
}
