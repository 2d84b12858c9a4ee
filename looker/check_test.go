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

func TestCheckGetsAlongWithoutASightOfTheMailer(t *testing.T) {
	t.Parallel()
	for _, status := range []int{403, 404} {
		srv, client := start(t, lookertest.Config{})
		srv.Inject(answer(sandbox.Mailer, status, message("Not for you")))
		if status, err := client.Check(t.Context()); err != nil || status.Mailer != resetter.MailerUnknown || status.Version == "" {
			t.Errorf("status %+v, %v", status, err)
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
