package resettertest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/bulk"
	"github.com/seed57652884/resetctl/resetter/resettertest"
	"github.com/seed57652884/resetctl/resetter/sandbox"
	"github.com/seed57652884/resetctl/resetter/transport"
)

// wikiSubject is how wiki is tested, with those options besides the suite's.
func wikiSubject(options ...transport.Option) resettertest.Start {
	return func(t testing.TB, listener net.Listener) resettertest.Subject {
		srv := newWikiServer(sandbox.Config{Listener: listener})
		t.Cleanup(func() {
			srv.Close()
			for _, v := range srv.Violations() {
				t.Error(v)
			}
		})
		subject := resettertest.Subject{
			New: func(terms resettertest.Terms) (resetter.Resetter, error) {
				return newWiki(srv.URL, resetter.NewSecret(srv.Key), append(terms.Options(), options...)...)
			},
			Mails:   srv.Mailbox().Counts,
			Canary:  srv.Canary(),
			IsReset: func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/reset") },
		}
		for _, p := range sandbox.People(resettertest.People) {
			subject.People = append(subject.People, resetter.Email(p.Email))
		}
		return subject
	}
}

func TestAFourthSystemOfOneFileKeepsThePromises(t *testing.T) {
	resettertest.Test(t, *seed, wikiSubject())
}

// meddler is an observer that would alter, repeat and make up whatever it can.
type meddler struct{ next http.RoundTripper }

func (m meddler) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Idempotency-Key", "1")
	r.URL.Host, r.Method = "elsewhere.example.com", http.MethodGet
	r.GetBody = func() (io.ReadCloser, error) { return http.NoBody, nil }
	_, first := m.next.RoundTrip(r)
	if _, again := m.next.RoundTrip(r); first == nil && again == nil {
		return nil, errors.New("connection refused")
	}
	return &http.Response{StatusCode: 200, Body: http.NoBody}, nil
}

func TestTheSuiteHoldsUnderAnObserverThatMeddles(t *testing.T) {
	resettertest.Test(t, *seed, wikiSubject(transport.WithObserver(func(next http.RoundTripper) http.RoundTripper {
		return meddler{next}
	})))
}

// The engine works a system that it has never heard of: it is checked first, its
// own account is let be, a lost answer is in doubt, and a lock is a lock.
func TestAFourthSystemRunsInTheEngine(t *testing.T) {
	srv := newWikiServer(sandbox.Config{})
	defer srv.Close()
	people := sandbox.People(3)
	lost, reset, locked := people[0].Email, people[1].Email, people[2].Email
	srv.Inject(sandbox.Fault{Kind: sandbox.Drop, Processed: true, On: sandbox.Reset, Person: lost})
	client, err := newWiki(srv.URL, resetter.NewSecret(srv.Key))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close(t.Context())

	journal := bulk.NewMemory()
	row := func(address string, action resetter.Action) bulk.Row {
		return bulk.Row{Target: "wiki", Identity: resetter.Email(address), Action: action}
	}
	if err := journal.Add(t.Context(), bulk.Rows(
		row(lost, resetter.ActionReset), row(reset, resetter.ActionReset), row(locked, resetter.ActionLock),
		row("boss@example.com", resetter.ActionReset), row("nobody@example.com", resetter.ActionReset),
		row(reset, resetter.ActionForceChange),
	)); err != nil {
		t.Fatal(err)
	}
	engine := bulk.Engine{Journal: journal, Targets: []bulk.Target{{Name: "wiki", Resetter: client, Concurrency: 4}}}
	for _, phase := range []func(context.Context) error{
		func(ctx context.Context) error { _, err := engine.Prepare(ctx); return err },
		func(ctx context.Context) error { _, err := engine.Act(ctx); return err },
		func(ctx context.Context) error {
			found, err := engine.Reconcile(ctx)
			if len(found) != 1 || !found[0].Mute {
				t.Errorf("reconciled: %+v", found)
			}
			return err
		},
	} {
		if err := phase(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	var came []string
	for r, err := range journal.Results(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		came = append(came, fmt.Sprint(r.Outcome, " ", r.Reason))
	}
	want := "unknown lost_answer, done accepted, done accepted, skipped excluded, failed not_found, failed unsupported"
	if got := strings.Join(came, ", "); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	if counts := srv.Mailbox().Counts(); len(counts) != 2 || counts[lost] != 1 || counts[reset] != 1 {
		t.Errorf("mailed: %v", counts)
	}
	again, err := client.Resolve(t.Context(), resetter.Email(locked))
	if err != nil || again.Ineligible == "" {
		t.Errorf("%+v, %v", again, err)
	}
	for _, v := range srv.Violations() {
		t.Error(v)
	}
}

// weekend is an observer that lets no reset leave.
type weekend struct{ next http.RoundTripper }

var errWeekend = errors.New("nobody is mailed at the weekend")

func (w weekend) RoundTrip(r *http.Request) (*http.Response, error) {
	if transport.OperationName(r.Context()) == "send password reset" {
		return nil, errWeekend
	}
	return w.next.RoundTrip(r)
}

// What an observer holds back has failed, certainly was not sent, and keeps
// nobody from being mailed later.
func TestWhatAnObserverHoldsBackIsFailedInTheEngineAndNotInDoubt(t *testing.T) {
	srv := newWikiServer(sandbox.Config{})
	defer srv.Close()
	journal := bulk.NewMemory()
	someone := resetter.Email(sandbox.People(1)[0].Email)
	if err := journal.Add(t.Context(), bulk.Rows(bulk.Row{Target: "wiki", Identity: someone})); err != nil {
		t.Fatal(err)
	}
	run := func(options ...transport.Option) bulk.Result {
		client, err := newWiki(srv.URL, resetter.NewSecret(srv.Key), options...)
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close(t.Context())
		engine := bulk.Engine{Journal: journal, Targets: []bulk.Target{{Name: "wiki", Resetter: client, Cooldown: bulk.DefaultCooldown}}}
		if _, err := engine.Prepare(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := engine.Act(t.Context()); err != nil {
			t.Fatal(err)
		}
		for r, err := range journal.Results(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		return bulk.Result{}
	}
	r := run(transport.WithObserver(func(next http.RoundTripper) http.RoundTripper { return weekend{next} }))
	if r.Outcome != bulk.Failed || r.Reason != bulk.Reason(resetter.ErrUnavailable) || !strings.Contains(r.Detail, errWeekend.Error()) {
		t.Errorf("%s, %s: %s", r.Outcome, r.Reason, r.Detail)
	}
	if n := srv.Calls(sandbox.Reset); n != 0 {
		t.Errorf("%d resets arrived", n)
	}
	if err := journal.Reopen(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if r := run(); r.Outcome != bulk.Done || srv.Mailbox().Len() != 1 {
		t.Errorf("%s, %s: %s; %d mails", r.Outcome, r.Reason, r.Detail, srv.Mailbox().Len())
	}
}
