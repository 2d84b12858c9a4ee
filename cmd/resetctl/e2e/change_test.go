//go:build unix

package e2e

import (
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/seed57652884/resetctl/resetter"
)

func TestAnAddressIsChangedAndTheNextResetGoesThere(t *testing.T) {
	s := boot(t)
	person := s.mailing.newPeople(t, 1)[0]
	moved := user{ID: person.ID, Email: newAddress(t)}
	client := s.mailing.client(t)
	account := lookUp(t, client, person)[0]
	type whole struct {
		Name     string
		RootRole int
	}
	get := func() answer {
		return s.mailing.call(t, http.MethodGet, fmt.Sprintf("/api/admin/user-admin/%d", person.ID), nil).want(t, http.StatusOK)
	}
	before := decode[whole](t, get())

	receipt, err := client.ChangeEmail(t.Context(), account, moved.Email)
	if err != nil || receipt.Already || receipt.Status != http.StatusOK {
		t.Fatalf("%+v, %v", receipt, err)
	}
	again, err := client.ChangeEmail(t.Context(), account, moved.Email)
	if err != nil || !again.Already {
		t.Errorf("again: %+v, %v", again, err)
	}

	if after := decode[whole](t, get()); after != before || after.RootRole != rootViewer {
		t.Errorf("the user was %+v and is %+v", before, after)
	}
	if _, err := client.Resolve(t.Context(), resetter.Email(person.Email)); !errors.Is(err, resetter.ErrNotFound) {
		t.Errorf("the old address: %v", err)
	}
	if _, err := client.Reset(t.Context(), lookUp(t, client, moved)[0]); err != nil {
		t.Fatal(err)
	}
	s.wantMails(t, []user{moved}, 1)
	s.wantMails(t, []user{person}, 0)
}

func TestAnAddressThatIsTakenOrIsNoneIsNotGivenAway(t *testing.T) {
	s := boot(t)
	people := s.mailing.newPeople(t, 2)
	client := s.mailing.client(t)
	account := lookUp(t, client, people[0])[0]

	_, taken := client.ChangeEmail(t.Context(), account, people[1].Email)
	// Our own check lets this one pass; the server's does not.
	_, malformed := client.ChangeEmail(t.Context(), account, "somebody@localhost")
	_, nobody := client.ChangeEmail(t.Context(), resetter.Account{ID: "999999"}, newAddress(t))

	for err, kind := range map[error]resetter.Kind{taken: resetter.ErrRejected, malformed: resetter.ErrInvalid, nobody: resetter.ErrNotFound} {
		if !errors.Is(err, kind) || errors.Is(err, resetter.ErrUnknownOutcome) {
			t.Errorf("%v, want %v", err, kind)
		}
	}
	if unchanged := lookUp(t, client, people...); !resetter.SameEmail(unchanged[0].Email, people[0].Email) {
		t.Errorf("it has the address %s now", unchanged[0].Email)
	}
	s.wantMails(t, people, 0)
}

// What the test server of the client's package answers was seen here.
func TestWhatChangesAUserIsAnsweredAsTheTestServerDoes(t *testing.T) {
	s := boot(t)
	people := s.mailing.newPeople(t, 2)
	own := fmt.Sprintf("/api/admin/user-admin/%d", people[0].ID)
	const nobody = "/api/admin/user-admin/999999"

	for _, c := range []struct {
		method, path string
		body         any
		status       int
		name         string
	}{
		{http.MethodPut, own, map[string]any{"email": people[1].Email}, 500, "UnknownError"},
		{http.MethodPut, own, map[string]any{"email": "nonsense"}, 400, "BadDataError"},
		{http.MethodPut, own, map[string]any{"email": ""}, 200, ""},
		{http.MethodPut, nobody, map[string]any{"email": newAddress(t)}, 404, "NotFoundError"},
		{http.MethodPost, own + "/change-password", map[string]any{"password": "correct-horse-9"}, 400, "OwaspValidationError"},
		{http.MethodPost, own + "/change-password", map[string]any{}, 400, "BadDataError"},
		{http.MethodPost, own + "/change-password", map[string]any{"password": "Correct-Horse-9"}, 200, ""},
		{http.MethodDelete, nobody, nil, 404, "NotFoundError"},
		{http.MethodDelete, own, nil, 200, ""},
		{http.MethodDelete, own, nil, 404, "NotFoundError"},
	} {
		answer := s.mailing.call(t, c.method, c.path, c.body).want(t, c.status)
		if c.name != "" && decode[struct{ Name string }](t, answer).Name != c.name {
			t.Errorf("%s %s %v: %s, want %s", c.method, c.path, c.body, answer.body, c.name)
		}
	}
	s.wantMails(t, people, 0)
}
