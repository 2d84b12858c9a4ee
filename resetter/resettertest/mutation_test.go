package resettertest_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/resettertest"
	"github.com/seed57652884/resetctl/resetter/transport"
)

// A mutant is acme with a mistake in its reset.
type mutant struct {
	*acme
	reset   func(ctx context.Context, a *acme, account resetter.Account) (resetter.Receipt, error)
	resolve func(ctx context.Context, a *acme, id resetter.Identity) (resetter.Account, error)
}

func (m mutant) Reset(ctx context.Context, account resetter.Account) (resetter.Receipt, error) {
	if m.reset == nil {
		return m.acme.Reset(ctx, account)
	}
	return m.reset(ctx, m.acme, account)
}

func (m mutant) Resolve(ctx context.Context, id resetter.Identity) (resetter.Account, error) {
	if m.resolve == nil {
		return m.acme.Resolve(ctx, id)
	}
	return m.resolve(ctx, m.acme, id)
}

// kindIs is what acme says, under another name.
func kindIs(err error, kind resetter.Kind) error {
	e, ok := errors.AsType[*resetter.Error](err)
	if !ok {
		return err
	}
	own := *e
	own.Kind = kind
	return &own
}

// stopping is a reset of which every error says that, of the target.
func stopping(stop bool) func(context.Context, *acme, resetter.Account) (resetter.Receipt, error) {
	return func(ctx context.Context, a *acme, account resetter.Account) (resetter.Receipt, error) {
		receipt, err := a.Reset(ctx, account)
		if e, ok := errors.AsType[*resetter.Error](err); ok {
			e.Stop = stop
		}
		return receipt, err
	}
}

func TestEveryMistakeIsFound(t *testing.T) {
	for _, m := range []struct {
		mistake string
		found   string // what one of the findings says
		script  string // where it shows
		mutate  func(*mutant)
		options []transport.Option
	}{
		{
			mistake: "the class is ignored and everything repeated as if it were a read",
			script:  "reset/a dropped connection, after the server did it", found: "MAILED 2 TIMES",
			mutate: func(m *mutant) { m.class = transport.Read },
		},
		{
			mistake: "the class is ignored, and nothing was done the first time",
			script:  "reset/a dropped connection", found: "sent a reset again",
			mutate: func(m *mutant) { m.class = transport.Read },
		},
		{
			mistake: "what is in doubt is called a failure",
			script:  "reset/a stall, after the server did it", found: "MAILED, and said not to be",
			mutate: func(m *mutant) {
				m.reset = func(ctx context.Context, a *acme, account resetter.Account) (resetter.Receipt, error) {
					receipt, err := a.Reset(ctx, account)
					if errors.Is(err, resetter.ErrUnknownOutcome) {
						err = kindIs(err, resetter.ErrUnavailable)
					}
					return receipt, err
				}
			},
		},
		{
			mistake: "what is in doubt is called a failure, and the server acts when the client has gone",
			script:  "reset/a stall, and the server does it when the client has gone", found: "MAILED, and said not to be",
			mutate: func(m *mutant) {
				m.reset = func(ctx context.Context, a *acme, account resetter.Account) (resetter.Receipt, error) {
					receipt, err := a.Reset(ctx, account)
					return receipt, kindIs(err, resetter.ErrUnavailable)
				}
			},
		},
		{
			mistake: "a lost answer is called a success",
			script:  "reset/a reset connection", found: "NOT MAILED, and said to be",
			mutate: func(m *mutant) {
				m.reset = func(ctx context.Context, a *acme, account resetter.Account) (resetter.Receipt, error) {
					receipt, err := a.Reset(ctx, account)
					if errors.Is(err, resetter.ErrLostAnswer) {
						return resetter.Receipt{Attempts: 1}, nil
					}
					return receipt, err
				}
			},
		},
		{
			mistake: "a refusal is called doubtful",
			script:  "reset/403", found: "should have been forbidden",
			mutate: func(m *mutant) {
				m.reset = func(ctx context.Context, a *acme, account resetter.Account) (resetter.Receipt, error) {
					receipt, err := a.Reset(ctx, account)
					return receipt, kindIs(err, resetter.ErrServerError)
				}
			},
		},
		{
			mistake: "BeforeSend is not called",
			script:  "caller/BeforeSend fails", found: "were sent although BeforeSend failed",
			mutate: func(m *mutant) {
				m.reset = func(ctx context.Context, a *acme, account resetter.Account) (resetter.Receipt, error) {
					return a.Reset(resetter.WithBeforeSend(ctx, func(context.Context) error { return nil }), account)
				}
			},
		},
		{
			mistake: "BeforeSend is called when it is too late",
			script:  "caller/nothing goes wrong", found: "left before BeforeSend",
			mutate: func(m *mutant) {
				m.reset = func(ctx context.Context, a *acme, account resetter.Account) (resetter.Receipt, error) {
					receipt, err := a.Reset(resetter.WithBeforeSend(ctx, func(context.Context) error { return nil }), account)
					_ = resetter.BeforeSend(ctx)
					return receipt, err
				}
			},
		},
		{
			mistake: "waits are slept that should be handed back",
			script:  "reset/429 Retry-After: 30", found: "should have been no more than",
			mutate: func(m *mutant) {
				m.reset = func(ctx context.Context, a *acme, account resetter.Account) (resetter.Receipt, error) {
					patient := resetter.WithBeforeSend(context.Background(), func(context.Context) error { return resetter.BeforeSend(ctx) })
					return a.Reset(patient, account)
				}
			},
		},
		{
			mistake: "there is no time-out",
			script:  "reset/a stall", found: "it does not return",
			options: []transport.Option{transport.WithTimeout(1000 * time.Hour)},
		},
		{
			mistake: "the error repeats what the server said",
			script:  "reset/500", found: "a secret shows in the error",
			mutate: func(m *mutant) {
				m.reset = func(ctx context.Context, a *acme, account resetter.Account) (resetter.Receipt, error) {
					receipt, err := a.Reset(ctx, account)
					if e, ok := errors.AsType[*resetter.Error](err); ok {
						e.Message = "the server said acme-canary-0815-1"
					}
					return receipt, err
				}
			},
		},
		{
			mistake: "the receipt shows the link",
			script:  "caller/nothing goes wrong", found: "a secret shows in the receipt",
			mutate: func(m *mutant) {
				m.reset = func(ctx context.Context, a *acme, account resetter.Account) (resetter.Receipt, error) {
					receipt, err := a.Reset(ctx, account)
					receipt.RequestID = "https://acme.example/reset/acme-canary-0815"
					return receipt, err
				}
			},
		},
		{
			mistake: "the mail goes to somebody else",
			script:  "caller/nothing goes wrong", found: "whom nobody meant",
			mutate: func(m *mutant) {
				m.reset = func(ctx context.Context, a *acme, _ resetter.Account) (resetter.Receipt, error) {
					return a.Reset(ctx, resetter.Account{ID: "p19", Email: "p19@example.com"})
				}
			},
		},
		{
			mistake: "a look-up mails",
			script:  "look up/a dropped connection", found: "whom nobody meant",
			mutate: func(m *mutant) {
				m.resolve = func(ctx context.Context, a *acme, id resetter.Identity) (resetter.Account, error) {
					account, err := a.Resolve(ctx, id)
					if err == nil {
						_, err = a.Reset(ctx, account)
					}
					return account, err
				}
			},
		},
		{
			mistake: "a look-up ends in doubt",
			script:  "look up/500", found: "looking up ends in doubt",
			mutate: func(m *mutant) {
				m.resolve = func(ctx context.Context, a *acme, id resetter.Identity) (resetter.Account, error) {
					account, err := a.Resolve(ctx, id)
					return account, kindIs(err, resetter.ErrServerError)
				}
			},
		},
		{
			mistake: "a refusal that broke off stops the target",
			script:  "reset/404 with a cut body", found: "stops the target, where the next may go better",
			mutate: func(m *mutant) { m.reset = stopping(true) },
		},
		{
			mistake: "an answer that broke off stops the target",
			script:  "reset/a cut body", found: "stops the target, where the next may go better",
			mutate: func(m *mutant) { m.reset = stopping(true) },
		},
		{
			mistake: "the answer of another system does not stop the target",
			script:  `reset/200 with {"login":"required"}`, found: "does not stop the target",
			mutate: func(m *mutant) { m.reset = stopping(false) },
		},
		{
			mistake: "a throttle that broke off is called doubtful",
			script:  "reset/429 with a cut body", found: "should have been success",
			mutate: func(m *mutant) {
				m.reset = func(ctx context.Context, a *acme, account resetter.Account) (resetter.Receipt, error) {
					receipt, err := a.Reset(resetter.WithWaitsHandedBack(ctx), account)
					return receipt, kindIs(err, resetter.ErrServerError)
				}
			},
		},
		{
			mistake: "a server error that broke off is called a failure",
			script:  "reset/503 with a cut body, after the server did it", found: "MAILED, and said not to be",
			mutate: func(m *mutant) {
				m.reset = func(ctx context.Context, a *acme, account resetter.Account) (resetter.Receipt, error) {
					receipt, err := a.Reset(ctx, account)
					return receipt, kindIs(err, resetter.ErrUnavailable)
				}
			},
		},
		{
			mistake: "an error repeats a name as it came",
			script:  "caller/a name of two lines", found: "an error of several lines",
			mutate: func(m *mutant) {
				m.resolve = func(ctx context.Context, a *acme, id resetter.Identity) (resetter.Account, error) {
					account, err := a.Resolve(ctx, id)
					if e, ok := errors.AsType[*resetter.Error](err); ok {
						e.Account = id.Value
					}
					return account, err
				}
			},
		},
		{
			mistake: "a name that nobody can have is looked up",
			script:  "caller/a name of two lines", found: "requests for a name that nobody can have",
			mutate: func(m *mutant) {
				m.resolve = func(ctx context.Context, a *acme, id resetter.Identity) (resetter.Account, error) {
					if id.Validate() != nil {
						id.Value = "ana@example.com"
					}
					return a.Resolve(ctx, id)
				}
			},
		},
	} {
		t.Run(m.mistake, func(t *testing.T) {
			start := acmeSubject(func(url string, terms resettertest.Terms) (resetter.Resetter, error) {
				a, err := newAcme(url, append(terms.Options(), m.options...)...)
				broken := mutant{acme: a}
				if m.mutate != nil && err == nil {
					m.mutate(&broken)
				}
				return broken, err
			})
			wantFinding(t, resettertest.Examine(t, start, func(script string) bool { return script == m.script }), m.found)
		})
	}
}

func TestRandomFaultsFindWhatIsRepeated(t *testing.T) {
	start := acmeSubject(func(url string, terms resettertest.Terms) (resetter.Resetter, error) {
		a, err := newAcme(url, terms.Options()...)
		a.class = transport.Read
		return a, err
	})
	findings := resettertest.Chaos(t, start, 1)
	wantFinding(t, findings, "MAILED")
	wantFinding(t, findings, "sent a reset again")
}

// A request is repeated by net/http itself if its body can be rewound and it is
// marked as repeatable, and by a caller's own loop if its body can be rewound.
// Each of these is found; and with what cannot be repeated there is nothing to
// find, so that it is the repetition that is found.
func TestABodyThatIsReplayedIsFound(t *testing.T) {
	for _, c := range []struct {
		name                        string
		rewindable, keyed, stubborn bool
		found                       bool
	}{
		{name: "rewindable and marked: net/http repeats it", rewindable: true, keyed: true, found: true},
		{name: "rewindable, under a loop that repeats: the loop does", rewindable: true, stubborn: true, found: true},
		{name: "rewindable, and a POST without a mark", rewindable: true},
		{name: "marked, and not to be rewound", keyed: true},
		{name: "not to be rewound, under a loop that repeats", stubborn: true},
		{name: "neither"},
	} {
		t.Run(c.name, func(t *testing.T) {
			start := acmeSubject(func(url string, terms resettertest.Terms) (resetter.Resetter, error) {
				a, err := newAcme(url, terms.Options()...)
				var wire http.RoundTripper = &http.Transport{DialContext: terms.Dial}
				if c.stubborn {
					wire = again{wire}
				}
				plain := &http.Client{Transport: wire, Timeout: terms.Timeout}
				return mutant{acme: a, reset: func(ctx context.Context, _ *acme, account resetter.Account) (resetter.Receipt, error) {
					return plainReset(ctx, plain, url, account, c.rewindable, c.keyed)
				}}, err
			})
			findings := resettertest.Examine(t, start, func(script string) bool {
				return script == "reset/a dropped connection" || script == "reset/a dropped connection, after the server did it"
			})
			if !c.found {
				for _, f := range findings {
					t.Errorf("nothing was repeated, and this found: %s", f)
				}
				return
			}
			wantFinding(t, findings, "sent a reset again")
			wantFinding(t, findings, "MAILED 2 TIMES")
		})
	}
}

// again repeats every request once that failed, if it can rewind the body.
type again struct{ http.RoundTripper }

func (a again) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := a.RoundTripper.RoundTrip(request)
	if err == nil || request.GetBody == nil {
		return response, err
	}
	body, failed := request.GetBody()
	if failed != nil {
		return nil, err
	}
	second := request.Clone(request.Context())
	second.Body = body
	return a.RoundTripper.RoundTrip(second)
}

func (a again) CloseIdleConnections() {
	if c, ok := a.RoundTripper.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// plainReset is a reset as one writes it who trusts net/http.
func plainReset(ctx context.Context, client *http.Client, url string, account resetter.Account, rewindable, keyed bool) (receipt resetter.Receipt, err error) {
	failed := func(kind resetter.Kind) error {
		return &resetter.Error{System: "acme", Op: "reset", Account: account.Email, Kind: kind, Attempts: 1}
	}
	request, err := http.NewRequestWithContext(ctx, "POST", url+"/people/"+account.ID+"/reset", strings.NewReader("{}"))
	if err != nil {
		return receipt, failed(resetter.ErrInvalid)
	}
	request.Header.Set("Authorization", "Bearer acme-canary-0815-1")
	if keyed {
		request.Header.Set("Idempotency-Key", "1")
	}
	if !rewindable {
		request.GetBody = nil
	}
	// On a connection that was used before, whatever the script says.
	warm, err := client.Get(url + "/people")
	if err != nil {
		return receipt, failed(resetter.ErrUnavailable)
	}
	_, _ = io.Copy(io.Discard, warm.Body)
	_ = warm.Body.Close()
	if err := resetter.BeforeSend(ctx); err != nil {
		return receipt, failed(resetter.ErrNotStarted)
	}
	response, err := client.Do(request)
	client.CloseIdleConnections()
	if err != nil {
		return receipt, failed(resetter.ErrLostAnswer)
	}
	_ = response.Body.Close()
	receipt.Attempts = 1
	return receipt, nil
}

func wantFinding(t *testing.T, findings []string, says string) {
	t.Helper()
	for _, f := range findings {
		if strings.Contains(f, says) {
			return
		}
	}
	t.Errorf("nothing says %q among %d findings: %.500q", says, len(findings), findings)
}
