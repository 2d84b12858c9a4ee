//go:build unix

package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// What the command promises, held against the mails that really came.

// wantMails settles and compares how many mails each person got.
func (s *stack) wantMails(t *testing.T, people []user, n int) {
	t.Helper()
	s.settle(t)
	for _, person := range people {
		if got := len(s.mailbox.to(person.Email)); got != n {
			t.Errorf("%d mails for %s, want %d", got, person.Email, n)
		}
	}
}

func TestARunMailsEachPersonOnceAndGivesNoSecretAway(t *testing.T) {
	s := boot(t)
	people := s.mailing.newPeople(t, 25)
	d := newDesk(t, s.mailing, adminToken)
	rows := [][]string{{"Staff No", "E-Mail", "Department", "Target"}}
	for i, person := range people {
		spellings := []string{person.Email, strings.ToUpper(person.Email), "  " + person.Email + " "}
		rows = append(rows, []string{fmt.Sprintf("%05d", i), spellings[i%len(spellings)], "Zoë, \"Ops\"", "unleash"})
	}
	d.write(t, "people.csv", rows)

	f := d.resetctl(t, "run", "people.csv", "--yes", "-o", "results.csv").want(t, 0)

	s.wantMails(t, people, 1)
	results := d.read(t, "results.csv")
	if len(results) != len(people) {
		t.Fatalf("%d results for %d people", len(results), len(people))
	}
	secrets := []string{adminToken}
	for i, got := range results {
		if got.outcome() != "done/accepted" || got["target"] != "unleash" || got["action"] != "reset" || got["account_id"] != fmt.Sprint(people[i].ID) {
			t.Errorf("%s: %v", people[i].Email, got)
		}
		if got["Staff No"] != rows[i+1][0] || got["Department"] != rows[i+1][2] || got["row"] != fmt.Sprint(i+2) {
			t.Errorf("%s: the input is not carried through: %v", people[i].Email, got)
		}
		for _, letter := range s.mailbox.to(people[i].Email) {
			if letter.token == "" {
				t.Errorf("the mail of %s has no reset link", people[i].Email)
				continue
			}
			secrets = append(secrets, letter.token)
		}
	}
	d.wantNoSecret(t, f, secrets...)
}

func TestASecondRunWithinTheCooldownMailsNobody(t *testing.T) {
	s := boot(t)
	people := s.mailing.newPeople(t, 5)
	d := newDesk(t, s.mailing, adminToken)
	d.writePeople(t, "people.csv", people)
	d.resetctl(t, "run", "people.csv", "--target", "unleash", "--yes").want(t, 0)

	d.resetctl(t, "run", "people.csv", "--target", "unleash", "--yes", "--new", "-o", "results.csv").want(t, 0)

	d.wantOutcomes(t, "results.csv", repeat("skipped/cooldown", len(people))...)
	s.wantMails(t, people, 1)
}

func TestAPersonWhoWasMailedThisMinuteIsDeferredNotMailed(t *testing.T) {
	s := boot(t)
	people := s.mailing.newPeople(t, 5)
	d := newDesk(t, s.mailing, adminToken)
	d.writePeople(t, "people.csv", people)
	d.resetctl(t, "run", "people.csv", "--target", "unleash", "--yes").want(t, 0)

	d.resetctl(t, "run", "people.csv", "--target", "unleash", "--yes", "--new", "--cooldown", "0", "--max-duration", "10s", "-o", "results.csv").want(t, 8)

	d.wantOutcomes(t, "results.csv", repeat("pending/deferred", len(people))...)
	for _, got := range d.read(t, "results.csv") {
		if got["http_status"] != "429" {
			t.Errorf("%s: http_status %q, want 429: was the server asked at all?", got["email"], got["http_status"])
		}
	}
	s.wantMails(t, people, 1)
}

func TestSomebodyMailedThisMinuteHoldsUpNobodyElse(t *testing.T) {
	s := boot(t)
	people := s.mailing.newPeople(t, 6)
	s.mailing.reset(t, people[2].Email).want(t, http.StatusOK) // by somebody else, a moment ago
	d := newDesk(t, s.mailing, adminToken)
	d.writePeople(t, "people.csv", people)

	d.resetctl(t, "run", "people.csv", "--target", "unleash", "--yes", "--max-duration", "10s", "-o", "results.csv").want(t, 8)

	outcomes := repeat("done/accepted", len(people))
	outcomes[2] = "pending/deferred"
	d.wantOutcomes(t, "results.csv", outcomes...)
	s.wantMails(t, people, 1)
}

func TestAnUnknownAddressFailsAloneAndIsNamed(t *testing.T) {
	s := boot(t)
	people := s.mailing.newPeople(t, 4)
	unknown := user{Email: "nobody.of.this.name@example.com"}
	d := newDesk(t, s.mailing, adminToken)
	d.writePeople(t, "people.csv", slices.Insert(slices.Clone(people), 2, unknown))

	d.resetctl(t, "run", "people.csv", "--target", "unleash", "--yes", "-o", "results.csv").want(t, 5)

	d.wantOutcomes(t, "results.csv", "done/accepted", "done/accepted", "failed/not_found", "done/accepted", "done/accepted")
	s.wantMails(t, people, 1)
	s.wantMails(t, []user{unknown}, 0)
}

func TestATokenThatMayNotResetEndsTheRunBeforeAnythingIsSent(t *testing.T) {
	s := boot(t)
	_, viewer := s.mailing.newToken(t, rootViewer)
	for token, secret := range map[string]string{
		"that is unknown":       "*:*.canary-of-a-wrong-token-83c1",
		"of a viewer":           viewer,
		"made for applications": s.mailing.newClientToken(t),
	} {
		t.Run(token, func(t *testing.T) {
			people := s.mailing.newPeople(t, 3)
			d := newDesk(t, s.mailing, secret)
			d.writePeople(t, "people.csv", people)

			f := d.resetctl(t, "run", "people.csv", "--target", "unleash", "--yes", "-o", "results.csv").want(t, 4)

			if !strings.Contains(strings.ToLower(f.stderr), "token") {
				t.Errorf("stderr does not say that it is the token: %s", f.stderr)
			}
			d.wantNoSecret(t, f, secret)
			s.wantMails(t, people, 0)
		})
	}
}

func TestTheAccountThatSignsInIsLeftAlone(t *testing.T) {
	s := boot(t)
	own, token := s.mailing.newToken(t, rootAdmin)
	other := s.mailing.newPeople(t, 1)[0]
	d := newDesk(t, s.mailing, token)
	d.writePeople(t, "people.csv", []user{own, other})

	f := d.resetctl(t, "run", "people.csv", "--target", "unleash", "--yes", "-o", "results.csv").want(t, 0)

	d.wantOutcomes(t, "results.csv", "skipped/excluded", "done/accepted")
	d.wantNoSecret(t, f, token)
	s.wantMails(t, []user{own}, 0)
	s.wantMails(t, []user{other}, 1)
}

func TestAServerThatMailsNobodyIsRefusedUnlessLinksAreWanted(t *testing.T) {
	s := boot(t)
	people := s.mailerless.newPeople(t, 3)
	d := newDesk(t, s.mailerless, adminToken)
	d.writePeople(t, "people.csv", people)

	f := d.resetctl(t, "run", "people.csv", "--target", "unleash", "--yes", "-o", "results.csv").want(t, 4)

	if !strings.Contains(f.stderr, "--links") {
		t.Errorf("stderr does not name --links: %s", f.stderr)
	}
	for _, person := range people { // a reset would now be refused, had there been one
		s.mailerless.reset(t, person.Email).want(t, http.StatusOK)
	}
}
