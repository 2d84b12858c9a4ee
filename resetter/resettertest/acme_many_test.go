package resettertest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/resettertest"
	"github.com/seed57652884/resetctl/resetter/transport"
)

// manyPeople are people as acme tells them, with how often they were reset.
type manyPeople struct{ People []onePerson }

type onePerson struct {
	ID, Email string
	Resets    int
}

// many tells those of the addresses that are people's, in an order of its own.
func (s *acmeServer) many(w http.ResponseWriter, r *http.Request) {
	answer := manyPeople{People: []onePerson{}}
	counts := s.counts()
	asked := strings.Split(r.URL.Query().Get("email"), ",")
	for i := range resettertest.People {
		email := fmt.Sprintf("p%02d@example.com", resettertest.People-1-i)
		if slices.ContainsFunc(asked, func(a string) bool { return strings.EqualFold(a, email) }) {
			answer.People = append(answer.People, onePerson{strings.TrimSuffix(email, "@example.com"), email, counts[email]})
		}
	}
	_ = json.NewEncoder(w).Encode(answer)
}

// A crowd is an acme that looks many people up at once, and reads whether they
// were reset: made wrong on demand.
type crowd struct {
	*acme
	batch     func(ctx context.Context, c crowd, ids []resetter.Identity) ([]resetter.Resolution, error)
	reconcile func(ctx context.Context, c crowd, before []resetter.Account) ([]resetter.Finding, error)
}

func (c crowd) BatchSize(resetter.IdentityKind) int { return 8 }

func (c crowd) ResolveBatch(ctx context.Context, ids []resetter.Identity) ([]resetter.Resolution, error) {
	if c.batch != nil {
		return c.batch(ctx, c, ids)
	}
	return c.resolve(ctx, ids)
}

func (c crowd) Reconcile(ctx context.Context, before []resetter.Account) ([]resetter.Finding, error) {
	if c.reconcile != nil {
		return c.reconcile(ctx, c, before)
	}
	return c.read(ctx, before)
}

func (c crowd) resolve(ctx context.Context, ids []resetter.Identity) ([]resetter.Resolution, error) {
	resolutions := make([]resetter.Resolution, len(ids))
	_, exchange := c.http.Begin(ctx, transport.Operation{Name: "look up", Class: transport.Read})
	var emails []string
	for i, id := range ids {
		if err := id.Validate(); err != nil {
			resolutions[i].Err = exchange.About(id.Value).Refuse(resetter.ErrInvalid, err.Error(), "")
			continue
		}
		emails = append(emails, id.Value)
	}
	people, exchange, err := c.people(ctx, emails)
	if err != nil {
		return nil, err
	}
	for i, id := range ids {
		at := slices.IndexFunc(people, func(p onePerson) bool { return resetter.SameEmail(p.Email, id.Value) })
		switch {
		case resolutions[i].Err != nil:
		case at < 0:
			resolutions[i].Err = exchange.About(id.Value).Refuse(resetter.ErrNotFound, "", "")
		default:
			p := people[at]
			resolutions[i].Account = resetter.Account{ID: p.ID, Email: p.Email, Evidence: fmt.Sprint("acme1:", p.Resets)}
		}
	}
	return resolutions, nil
}

func (c crowd) people(ctx context.Context, emails []string) ([]onePerson, *transport.Exchange, error) {
	op := transport.Operation{Name: "look up", Class: transport.Read}
	_, exchange := c.http.Begin(ctx, op)
	if len(emails) == 0 {
		return nil, exchange, nil
	}
	var found manyPeople
	exchange, err := c.call(ctx, op, "GET", "/people/many?email="+url.QueryEscape(strings.Join(emails, ",")), &found)
	if err == nil && found.People == nil {
		err = exchange.Unreadable("the answer holds no list")
	}
	if err != nil {
		err = exchange.FailedForAll(err)
	}
	return found.People, exchange, err
}

func (c crowd) read(ctx context.Context, before []resetter.Account) ([]resetter.Finding, error) {
	var emails []string
	for _, a := range before {
		emails = append(emails, a.Email)
	}
	people, _, err := c.people(ctx, emails)
	if err != nil {
		return nil, err
	}
	findings := make([]resetter.Finding, len(before))
	for i, a := range before {
		at := slices.IndexFunc(people, func(p onePerson) bool { return p.ID == a.ID })
		findings[i].Evidence = "as many resets as before"
		if at >= 0 && strings.HasPrefix(a.Evidence, "acme1:") && a.Evidence != fmt.Sprint("acme1:", people[at].Resets) {
			findings[i] = resetter.Finding{Done: true, Evidence: "more resets than before"}
		}
	}
	return findings, nil
}

func TestASystemThatLooksManyUpKeepsThePromises(t *testing.T) {
	resettertest.Test(t, *seed, acmeSubject(func(url string, terms resettertest.Terms) (resetter.Resetter, error) {
		a, err := newAcme(url, terms.Options()...)
		return crowd{acme: a}, err
	}))
}

func TestEveryMistakeWithManyIsFound(t *testing.T) {
	type resolutions = []resetter.Resolution
	edited := func(edit func(ids []resetter.Identity, found resolutions) resolutions) func(*crowd) {
		return func(c *crowd) {
			c.batch = func(ctx context.Context, c crowd, ids []resetter.Identity) ([]resetter.Resolution, error) {
				found, err := c.resolve(ctx, ids)
				if err != nil {
					return nil, err
				}
				return edit(ids, found), nil
			}
		}
	}
	findings := func(edit func(before []resetter.Account, found []resetter.Finding) []resetter.Finding) func(*crowd) {
		return func(c *crowd) {
			c.reconcile = func(ctx context.Context, c crowd, before []resetter.Account) ([]resetter.Finding, error) {
				found, err := c.read(ctx, before)
				if err != nil {
					return nil, err
				}
				return edit(before, found), nil
			}
		}
	}
	const well, some = "look up many/nothing goes wrong", "reconcile/some were reset"
	for _, m := range []struct {
		mistake, found, script string
		mutate                 func(*crowd)
	}{
		{"the order is the system's", "which by itself is", well, edited(func(_ []resetter.Identity, found resolutions) resolutions {
			slices.Reverse(found[2:])
			return found
		})},
		{"who is named twice is found once", "resolutions for", well, edited(func(_ []resetter.Identity, found resolutions) resolutions {
			return found[:len(found)-1]
		})},
		{"case matters", "which by itself is", well, edited(func(ids []resetter.Identity, found resolutions) resolutions {
			for i, r := range found {
				if r.Account.Email != ids[i].Value && r.Err == nil {
					found[i] = resetter.Resolution{Err: &resetter.Error{Kind: resetter.ErrNotFound}}
				}
			}
			return found
		})},
		{"somebody is found for nobody", "what should have been not found", well, edited(func(_ []resetter.Identity, found resolutions) resolutions {
			found[1] = found[2]
			return found
		})},
		{"everybody is looked up three times", "requests to look", well, func(c *crowd) {
			c.batch = func(ctx context.Context, c crowd, ids []resetter.Identity) (all []resetter.Resolution, err error) {
				for _, id := range ids {
					for range 2 {
						_, _ = c.resolve(ctx, []resetter.Identity{id})
					}
					one, err := c.resolve(ctx, []resetter.Identity{id})
					if err != nil {
						return nil, err
					}
					all = append(all, one...)
				}
				return all, nil
			}
		}},
		{"somebody is mailed", "was mailed, whom nobody meant", well, func(c *crowd) {
			c.batch = func(ctx context.Context, c crowd, ids []resetter.Identity) ([]resetter.Resolution, error) {
				_, _ = c.Reset(ctx, resetter.Account{ID: "p07", Email: "p07@example.com"})
				return c.resolve(ctx, ids)
			}
		}},
		{"what failed is said of each", "which by itself is", "look up many/400", func(c *crowd) {
			c.batch = func(ctx context.Context, c crowd, ids []resetter.Identity) ([]resetter.Resolution, error) {
				found, err := c.resolve(ctx, ids)
				if err != nil {
					found = make([]resetter.Resolution, len(ids))
					for i := range found {
						found[i].Err = &resetter.Error{Kind: resetter.ErrNotFound}
					}
				}
				return found, nil
			}
		}},
		{"of everybody is said what holds of one", "says of everybody", "look up many/404", func(c *crowd) {
			c.batch = func(ctx context.Context, c crowd, ids []resetter.Identity) ([]resetter.Resolution, error) {
				found, err := c.resolve(ctx, ids)
				if e, ok := errors.AsType[*resetter.Error](err); ok && e.Status == 404 {
					err = kindIs(err, resetter.ErrNotFound)
				}
				return found, err
			}
		}},
		{"the system is asked about nobody", "requests for nobody", "look up many/nobody to look up", func(c *crowd) {
			c.batch = func(ctx context.Context, c crowd, ids []resetter.Identity) ([]resetter.Resolution, error) {
				_, _, err := c.people(ctx, []string{"p00@example.com"})
				if err != nil {
					return nil, err
				}
				return c.resolve(ctx, ids)
			}
		}},
		{"a credential is part of the evidence", "a secret shows in what was found", well, edited(func(_ []resetter.Identity, found resolutions) resolutions {
			found[2].Account.Evidence = "acme-canary-0815"
			return found
		})},
		{"every reset is called done", "is found to", some, findings(func(_ []resetter.Account, found []resetter.Finding) []resetter.Finding {
			for i := range found {
				found[i].Done = true
			}
			return found
		})},
		{"no reset is found", "is found to", "reconcile/a reset, then a dropped connection, after the server did it", findings(func(_ []resetter.Account, found []resetter.Finding) []resetter.Finding {
			for i := range found {
				found[i].Done = false
			}
			return found
		})},
		{"the findings are in another order", "is found to", some, findings(func(_ []resetter.Account, found []resetter.Finding) []resetter.Finding {
			slices.Reverse(found)
			return found
		})},
		{"it does not say what was read", "does not say what it read", some, findings(func(_ []resetter.Account, found []resetter.Finding) []resetter.Finding {
			for i := range found {
				found[i].Evidence = ""
			}
			return found
		})},
		{"what cannot be compared is called done", "is found to", "reconcile/nothing was read before", findings(func(before []resetter.Account, found []resetter.Finding) []resetter.Finding {
			for i := range found {
				found[i].Done = found[i].Done || !strings.HasPrefix(before[i].Evidence, "acme1:")
			}
			return found
		})},
		{"it resets to see whether it can", "was mailed, whom nobody meant", some, func(c *crowd) {
			c.reconcile = func(ctx context.Context, c crowd, before []resetter.Account) ([]resetter.Finding, error) {
				if len(before) > 0 {
					_, _ = c.Reset(ctx, before[0])
				}
				return c.read(ctx, before)
			}
		}},
	} {
		t.Run(m.mistake, func(t *testing.T) {
			start := acmeSubject(func(url string, terms resettertest.Terms) (resetter.Resetter, error) {
				a, err := newAcme(url, terms.Options()...)
				c := crowd{acme: a}
				m.mutate(&c)
				return c, err
			})
			wantFinding(t, resettertest.Examine(t, start, func(script string) bool { return script == m.script }), m.found)
		})
	}
}
