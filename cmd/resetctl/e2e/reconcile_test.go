//go:build unix

package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/transport"
	sdk "github.com/seed57652884/resetctl/unleash"
)

// What a client can read of the list of all users, and what it tells of resets
// that are in doubt.

// A deafness makes connections that lose the answers once they are there: what
// was asked has been done by then.
type deafness struct{ on atomic.Bool }

func (d *deafness) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	return &deafConn{conn, d}, err
}

type deafConn struct {
	net.Conn
	deafness *deafness
}

func (c *deafConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.deafness.on.Load() {
		return 0, io.EOF
	}
	return n, err
}

// client makes a client of the server.
func (u *unleash) client(t *testing.T, options ...transport.Option) *sdk.Client {
	t.Helper()
	client, err := sdk.New(u.url, sdk.Credentials{Token: resetter.NewSecret(u.token)}, append(options, transport.WithRate(math.Inf(1)))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close(context.Background()) })
	return client
}

// lookUp looks people up in one call.
func lookUp(t *testing.T, client *sdk.Client, people ...user) []resetter.Account {
	t.Helper()
	var ids []resetter.Identity
	for _, person := range people {
		ids = append(ids, resetter.Email(person.Email))
	}
	resolutions, err := client.ResolveBatch(t.Context(), ids)
	if err != nil {
		t.Fatal(err)
	}
	var accounts []resetter.Account
	for i, r := range resolutions {
		if r.Err != nil || r.Account.ID != fmt.Sprint(people[i].ID) || r.Account.Ineligible != "" {
			t.Fatalf("%s is %+v, %v", people[i].Email, r.Account, r.Err)
		}
		accounts = append(accounts, r.Account)
	}
	return accounts
}

// link is a person's live link in the list, "" where there is none.
func (u *unleash) link(t *testing.T, person user) string {
	t.Helper()
	list := decode[struct{ Users []user }](t, u.call(t, http.MethodGet, "/api/admin/user-admin", nil).want(t, http.StatusOK))
	i := slices.IndexFunc(list.Users, func(u user) bool { return u.ID == person.ID })
	if i < 0 {
		t.Fatalf("%s is not in the list", person.Email)
	}
	return list.Users[i].InviteLink
}

// setPassword gives a person a password, as an administrator.
func (u *unleash) setPassword(t *testing.T, person user) {
	t.Helper()
	u.call(t, http.MethodPost, fmt.Sprintf("/api/admin/user-admin/%d/change-password", person.ID),
		map[string]any{"password": "Correct-Horse-9-Battery"}).want(t, http.StatusOK)
}

func TestAPasswordThatIsSetTakesTheLinkAwayAndAResetMakesOne(t *testing.T) {
	s := boot(t)
	person := s.mailing.newPeople(t, 1)[0]
	s.mailing.setPassword(t, person)
	if link := s.mailing.link(t, person); link != "" {
		t.Fatal("a link is left when a password was set")
	}
	s.mailing.reset(t, person.Email).want(t, http.StatusOK)
	if !strings.Contains(s.mailing.link(t, person), "token=") {
		t.Error("the list shows no link after a reset")
	}
}

func TestManyPeopleAreFoundInOneReadingOfTheList(t *testing.T) {
	s := boot(t)
	people := s.mailing.newPeople(t, 40)
	unknown := resetter.Email("nobody.of.this.name@example.com")
	client := s.mailing.client(t)

	lookUp(t, client, people...)
	resolutions, err := client.ResolveBatch(t.Context(), []resetter.Identity{unknown, resetter.ID(fmt.Sprint(people[3].ID)), resetter.Username("admin")})

	if err != nil || !errors.Is(resolutions[0].Err, resetter.ErrNotFound) || !resetter.SameEmail(resolutions[1].Account.Email, people[3].Email) || resolutions[2].Account.Username != "admin" {
		t.Errorf("%+v, %v", resolutions, err)
	}
	if n := client.Pace().Requests; n != 2 {
		t.Errorf("%d requests for two calls", n)
	}
}

func TestAResetWhoseAnswerNobodySawIsFoundByReadingTheList(t *testing.T) {
	s := boot(t)
	people := s.mailing.newPeople(t, 3)
	s.mailing.setPassword(t, people[1]) // and so there is no link before
	key := transport.WithEvidenceKey(resetter.NewSecret("0123456789abcdef0123456789abcdef"))
	var lossy deafness
	client := s.mailing.client(t, key, transport.WithDialContext(lossy.dial))
	before := lookUp(t, client, people...)

	lossy.on.Store(true)
	for _, account := range before[:2] {
		if _, err := client.Reset(t.Context(), account); !errors.Is(err, resetter.ErrLostAnswer) {
			t.Fatalf("%s: %v, want a lost answer", account.Email, err)
		}
	}

	findings, err := s.mailing.client(t, key).Reconcile(t.Context(), before) // another process
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []resetter.Finding{
		{Done: true, Evidence: "another live reset link than before"},
		{Done: true, Evidence: "a live reset link that was not there before"},
		{Done: false, Evidence: "the live reset link is the one from before"},
	} {
		if findings[i] != want {
			t.Errorf("%s: %+v, want %+v", people[i].Email, findings[i], want)
		}
	}
	s.wantMails(t, people[:2], 1)
	s.wantMails(t, people[2:], 0)
}
