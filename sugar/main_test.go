package sugar_test

import (
	"context"
	"errors"
	"math"
	"testing"
	"testing/synctest"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/sandbox"
	"github.com/seed57652884/resetctl/resetter/transport"
	"github.com/seed57652884/resetctl/sugar"
	"github.com/seed57652884/resetctl/sugar/sugartest"
	"go.uber.org/goleak"
)

// TestMain promises that nothing of a client runs on after Close.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start serves a Sugar and makes a client of it without a ceiling. At the
// test's end the client is closed, and the server must have been asked nothing
// that a Sugar would not like.
func start(t *testing.T, config sugartest.Config, options ...transport.Option) (*sugartest.Server, *sugar.Client) {
	t.Helper()
	srv := sugartest.NewServer(config)
	t.Cleanup(srv.Close)
	credentials := sugar.Credentials{Username: srv.Username, Password: resetter.NewSecret(srv.Password)}
	return srv, connect(t, srv, srv.URL, credentials, options...)
}

// virtually runs a test without sockets and in virtual time (testing/synctest),
// in which pauses and the slow beginning of the pace cost nothing.
func virtually(t *testing.T, config sugartest.Config, play func(*testing.T, *sugartest.Server, *sugar.Client)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		pipe := sandbox.NewPipe()
		config.Sandbox.Listener = pipe
		srv, client := start(t, config, transport.WithDialContext(pipe.DialContext))
		play(t, srv, client)
	})
}

func connect(t *testing.T, srv *sugartest.Server, url string, credentials sugar.Credentials, options ...transport.Option) *sugar.Client {
	t.Helper()
	client, err := sugar.New(url, credentials, append([]transport.Option{transport.WithRate(math.Inf(1))}, options...)...)
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

func resolve(t *testing.T, client *sugar.Client, id resetter.Identity) resetter.Account {
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

// answer is a fault that answers instead of Sugar, without doing anything.
func answer(on sandbox.Operation, status int, body string) sandbox.Fault {
	return sandbox.Fault{Kind: sandbox.Answer, On: on, Status: status, Body: body}
}

// once is a fault that happens once.
func once(f sandbox.Fault) sandbox.Fault {
	f.Times = 1
	return f
}
