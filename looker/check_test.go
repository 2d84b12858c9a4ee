package looker_test

import (
	"testing"

	"github.com/seed57652884/resetctl/looker"
	"github.com/seed57652884/resetctl/looker/lookertest"
	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/sandbox"
)

func TestCheckTellsWhoAsksAndWhatAnswers(t *testing.T) {
	virtually(t, lookertest.Config{}, func(t *testing.T, srv *lookertest.Server, client *looker.Client) {
		status, err := client.Check(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if status.Self.ID != srv.Self.ID || status.Self.Email != srv.Self.Email || status.Version != "26.12.34" || status.Mailer != resetter.MailerReady {
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
	_, client := start(t, lookertest.Config{NoMailer: true})
	if status, err := client.Check(t.Context()); err != nil || status.Mailer != resetter.MailerAbsent {
		t.Errorf("mailer %q, %v", status.Mailer, err)
	}
}

// A release is no login and no right. Only what shows that no Looker answers, or
// that nothing will be answered, is a reason to stop.
func TestCheckGetsAlongWithoutASightOfItsVersionOrMailer(t *testing.T) {
	for _, c := range []ruling{
		{status: 403, body: message("Permission denied.")},
		{status: 403, body: page},
		{status: 404, body: message("Not found")},
		{status: 404, body: page},
		{status: 404},
		{status: 410},
		{status: 500, body: page},
		{status: 200, body: "pong"},
		{status: 200, body: "[]"},
		{status: 200, body: "{}"},
		{status: 204},
		{status: 200, body: page, kind: resetter.ErrUnavailable},
		{status: 302, kind: resetter.ErrUnavailable},
		{status: 307, kind: resetter.ErrRejected},
		{status: 401, kind: resetter.ErrUnauthorized},
		{status: 429, kind: resetter.ErrRateLimited},
	} {
		for _, on := range []sandbox.Operation{sandbox.Version, sandbox.Mailer} {
			virtually(t, lookertest.Config{}, func(t *testing.T, srv *lookertest.Server, client *looker.Client) {
				srv.Inject(answer(on, c.status, c.body))
				status, err := client.Check(resetter.WithWaitsHandedBack(t.Context()))
				switch {
				case c.kind != "":
					want(t, err, c.kind)
				case err != nil, status.Self.ID != srv.Self.ID, on == sandbox.Version && status.Version != "", on == sandbox.Version && status.Mailer != resetter.MailerReady,
					on == sandbox.Mailer && status.Mailer != resetter.MailerUnknown, on == sandbox.Mailer && status.Version == "":
					t.Errorf("%s %d %s: %+v, %v", on, c.status, c.body, status, err)
				}
			})
		}
	}
}

func TestCheckRefusesAKeyWithoutTheRight(t *testing.T) {
	_, client := start(t, lookertest.Config{Forbidden: true})
	_, err := client.Check(t.Context())
	want(t, err, resetter.ErrForbidden)
}

func TestCheckTakesAKeyWhoseOwnerHasNoPassword(t *testing.T) {
	srv, client := start(t, lookertest.Config{})
	self := srv.Self
	self.SSOOnly = true
	srv.AddUser(self)
	if status, err := client.Check(t.Context()); err != nil || status.Self.ID != self.ID {
		t.Errorf("status %+v, %v", status, err)
	}
}

func TestCheckRefusesAWrongKey(t *testing.T) {
	srv := lookertest.NewServer(lookertest.Config{})
	t.Cleanup(srv.Close)
	client := connect(t, srv, srv.URL, looker.Credentials{ClientID: srv.ClientID, ClientSecret: resetter.NewSecret("not-the-secret")})
	_, err := client.Check(t.Context())
	if e := want(t, err, resetter.ErrUnauthorized); !e.Stop {
		t.Errorf("%+v does not stop the target", e)
	}
}
