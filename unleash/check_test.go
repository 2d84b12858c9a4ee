package unleash_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/sandbox"
	"github.com/seed57652884/resetctl/resetter/transport"
	"github.com/seed57652884/resetctl/unleash"
	"github.com/seed57652884/resetctl/unleash/unleashtest"
)

func TestCheckTellsWhoAsksAndWhatAnswers(t *testing.T) {
	virtually(t, unleashtest.Config{}, func(t *testing.T, srv *unleashtest.Server, client *unleash.Client) {
		status, err := client.Check(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if status.Self.ID != strconv.Itoa(srv.Self.ID) || status.Self.Email != srv.Self.Email || status.Version != "7.6.5" || status.Mailer != resetter.MailerReady {
			t.Errorf("status %+v", status)
		}
		if status.ClockSkew != 0 {
			t.Errorf("clock skew %v", status.ClockSkew)
		}
		if srv.Calls(sandbox.Reset) != 0 || srv.Mailbox().Len() != 0 {
			t.Error("a check mailed somebody")
		}
	})
}

func TestCheckTellsThatNobodyWouldBeMailed(t *testing.T) {
	_, client := start(t, unleashtest.Config{NoMailer: true})
	if status, err := client.Check(t.Context()); err != nil || status.Mailer != resetter.MailerAbsent {
		t.Errorf("mailer %q, %v", status.Mailer, err)
	}
}

func TestCheckGetsAlongWithAnInstanceThatDoesNotTellOfItsMailer(t *testing.T) {
	srv, client := start(t, unleashtest.Config{})
	srv.Inject(answer(sandbox.Version, 200, `{"version":"6.0.0","unleashUrl":"http://127.0.0.1","flags":{"a":true,"b":{"name":"x","enabled":false}}}`))
	if status, err := client.Check(t.Context()); err != nil || status.Mailer != resetter.MailerUnknown || status.Version != "6.0.0" {
		t.Errorf("status %+v, %v", status, err)
	}
}

// Whether it mails anybody is in it, and nobody is called done on a guess.
func TestCheckDoesNotGuessWhatItsConfigurationSays(t *testing.T) {
	for _, c := range []ruling{
		{status: 403, body: refusal("PermissionError", "No."), kind: resetter.ErrForbidden},
		{status: 404, body: page, kind: resetter.ErrRejected},
		{status: 500, body: page, kind: resetter.ErrUnavailable},
		{status: 200, body: "pong", kind: resetter.ErrUnavailable},
		{status: 200, body: "[]", kind: resetter.ErrUnavailable},
		{status: 200, body: page, kind: resetter.ErrUnavailable},
		{status: 302, kind: resetter.ErrUnavailable},
		{status: 401, kind: resetter.ErrUnauthorized},
		{status: 429, kind: resetter.ErrRateLimited},
	} {
		synctest.Test(t, func(t *testing.T) {
			pipe := sandbox.NewPipe()
			srv, client := start(t, unleashtest.Config{Sandbox: sandbox.Config{Listener: pipe}}, transport.WithDialContext(pipe.DialContext))
			srv.Inject(answer(sandbox.Version, c.status, c.body))
			_, err := client.Check(resetter.WithWaitsHandedBack(t.Context()))
			want(t, err, c.kind)
		})
	}
}

// The answer repeats an API token; nothing of it is kept.
func TestAnAPITokenBelongsToNobody(t *testing.T) {
	srv := unleashtest.NewServer(unleashtest.Config{})
	t.Cleanup(srv.Close)
	client := connect(t, srv, srv.URL, unleash.Credentials{Token: resetter.NewSecret(srv.APIToken)})
	status, err := client.Check(t.Context())
	if err != nil || status.Self != (resetter.Account{}) || status.Mailer != resetter.MailerReady {
		t.Errorf("status %+v, %v", status, err)
	}
	if strings.Contains(fmt.Sprintf("%+v", status), srv.Canary()) {
		t.Error("the token shows")
	}
}

func TestCheckRefusesATokenWithoutTheRight(t *testing.T) {
	_, client := start(t, unleashtest.Config{Forbidden: true})
	_, err := client.Check(t.Context())
	if e := want(t, err, resetter.ErrForbidden); !e.Stop || !strings.Contains(e.Error(), "administrator") {
		t.Errorf("got %+v", e)
	}
}

func TestCheckRefusesAnEditorsToken(t *testing.T) {
	srv, client := start(t, unleashtest.Config{})
	srv.Inject(answer(sandbox.Self, 200, `{"user":{"id":5,"email":"ed@example.com"},"permissions":[{"project":"default","permission":"CREATE_FEATURE"},{"permission":"UPDATE_PROJECT"}]}`))
	_, err := client.Check(t.Context())
	want(t, err, resetter.ErrForbidden)
}

func TestCheckRefusesATokenOfAnotherKind(t *testing.T) {
	srv := unleashtest.NewServer(unleashtest.Config{})
	t.Cleanup(srv.Close)
	client := connect(t, srv, srv.URL, unleash.Credentials{Token: resetter.NewSecret(srv.ClientToken)})
	_, err := client.Check(t.Context())
	if e := want(t, err, resetter.ErrForbidden); !strings.Contains(e.Error(), "client or frontend token") {
		t.Errorf("got %v", e)
	}
}

func TestCheckRefusesAWrongToken(t *testing.T) {
	srv := unleashtest.NewServer(unleashtest.Config{})
	t.Cleanup(srv.Close)
	client := connect(t, srv, srv.URL, unleash.Credentials{Token: resetter.NewSecret("user:not-the-token")})
	_, err := client.Check(t.Context())
	if e := want(t, err, resetter.ErrUnauthorized); !e.Stop || !strings.Contains(e.Error(), "check the token") {
		t.Errorf("got %+v", e)
	}
	if n := len(srv.Requests()); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}
