package sugar_test

import (
	"strings"
	"testing"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/sandbox"
	"github.com/seed57652884/resetctl/sugar"
	"github.com/seed57652884/resetctl/sugar/sugartest"
)

func TestCheckTellsWhoAsksAndWhatAnswers(t *testing.T) {
	virtually(t, sugartest.Config{}, func(t *testing.T, srv *sugartest.Server, client *sugar.Client) {
		status, err := client.Check(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if status.Self.ID != srv.Self.ID || status.Self.Username != srv.Username || status.Version != "v11_24" || status.Mailer != resetter.MailerUnknown {
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

func TestCheckTellsNothingOfTheMailer(t *testing.T) {
	_, client := start(t, sugartest.Config{NoMailer: true})
	if status, err := client.Check(t.Context()); err != nil || status.Mailer != resetter.MailerUnknown {
		t.Errorf("mailer %q, %v", status.Mailer, err)
	}
}

func TestCheckRefusesAnAnswerAboutNobody(t *testing.T) {
	for _, body := range []string{`{}`, `{"current_user":{}}`, `{"current_user":null}`, `[]`} {
		srv, client := start(t, sugartest.Config{})
		srv.Inject(answer(sandbox.Self, 200, body))
		_, err := client.Check(t.Context())
		want(t, err, resetter.ErrUnavailable)
	}
}

// Sugar does not say beforehand who may reset.
func TestAnAdministratorOfTheUsersModuleAloneIsNotTurnedAway(t *testing.T) {
	srv, client := start(t, sugartest.Config{People: 1})
	srv.Inject(answer(sandbox.Self, 200, `{"current_user":{"id":"42","user_name":"svc","type":"user"}}`))
	if _, err := client.Check(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := client.Reset(t.Context(), resolve(t, client, resetter.Email(srv.Users()[2].Email))); err != nil {
		t.Error(err)
	}
}

func TestWithoutTheRightTheFirstResetIsRefused(t *testing.T) {
	srv, client := start(t, sugartest.Config{Forbidden: true, People: 1})
	if _, err := client.Check(t.Context()); err != nil {
		t.Error(err)
	}
	_, err := client.Reset(t.Context(), resetter.Account{ID: srv.Users()[2].ID})
	if e := want(t, err, resetter.ErrForbidden); !strings.Contains(e.Error(), "administrator of the Users module") {
		t.Errorf("got %v", e)
	}
	if n := srv.Mailbox().Len(); n != 0 {
		t.Errorf("%d mails", n)
	}
}

func TestCheckRefusesAWrongPassword(t *testing.T) {
	srv := sugartest.NewServer(sugartest.Config{})
	t.Cleanup(srv.Close)
	client := connect(t, srv, srv.URL, sugar.Credentials{Username: srv.Username, Password: resetter.NewSecret("not-the-password")})
	_, err := client.Check(t.Context())
	if e := want(t, err, resetter.ErrUnauthorized); !e.Stop {
		t.Errorf("%+v does not stop the target", e)
	}
}
