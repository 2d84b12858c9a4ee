package resettertest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/transport"
)

// A wiki is a whole client of a system that nobody has: what one file and no
// more makes of package transport. It is a Resetter, a Checker, a Locker and a
// Closer.
type wiki struct{ http *transport.Client }

var (
	_ resetter.Resetter = (*wiki)(nil)
	_ resetter.Checker  = (*wiki)(nil)
	_ resetter.Locker   = (*wiki)(nil)
	_ resetter.Closer   = (*wiki)(nil)
)

func newWiki(baseURL string, key resetter.Secret, options ...transport.Option) (*wiki, error) {
	w := &wiki{}
	var err error
	w.http, err = transport.New(transport.System{
		Name:      "wiki",
		Judge:     judgeWiki,
		Authorize: func(r *http.Request, _ transport.Token) { r.Header.Set("X-Key", key.Reveal()) },
		Probe:     func() (*http.Request, error) { return http.NewRequest("GET", w.http.Base()+"/health", nil) },
		Secrets:   []resetter.Secret{key},
	}, baseURL, options...)
	if key.IsZero() {
		err = errors.Join(err, errors.New("the key is empty"))
	}
	return w, err
}

// judgeWiki refines what the statuses say by the wiki's own words.
func judgeWiki(a transport.Answer) transport.Verdict {
	v := transport.ByStatus(a)
	var said struct{ Error string }
	if json.Unmarshal(a.Body, &said) == nil && a.Status >= 400 {
		v.Message = said.Error
	}
	if a.Status == http.StatusUnauthorized {
		v.Stop, v.Advice = true, "check the key"
	}
	return v
}

// wikiPerson is a person as the wiki tells them.
type wikiPerson struct {
	ID, Email     string
	Locked, Admin bool
}

// call makes one request and decodes its answer.
func (w *wiki) call(ctx context.Context, op transport.Operation, method, path string, body, into any) (*transport.Exchange, error) {
	ctx, exchange := w.http.Begin(ctx, op)
	var sent bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&sent).Encode(body); err != nil {
			return exchange, exchange.Failed(err)
		}
	}
	request, err := http.NewRequestWithContext(ctx, method, w.http.Base()+path, &sent)
	if err != nil {
		return exchange, exchange.Failed(err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := w.http.Do(request)
	if err != nil {
		return exchange, exchange.Failed(err)
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(into); err != nil {
		return exchange, exchange.Failed(err)
	}
	return exchange, nil
}

func (w *wiki) Resolve(ctx context.Context, id resetter.Identity) (resetter.Account, error) {
	op := transport.Operation{Name: "look up", Class: transport.Read, Account: id.Value}
	_, exchange := w.http.Begin(ctx, op)
	if err := id.Validate(); err != nil {
		return resetter.Account{}, exchange.Refuse(resetter.ErrInvalid, err.Error(), "")
	}
	if id.Kind != resetter.ByEmail {
		return resetter.Account{}, exchange.Refuse(resetter.ErrInvalid, "the wiki looks people up by e-mail only", "")
	}
	var found struct{ People *[]wikiPerson }
	exchange, err := w.call(ctx, op, "GET", "/people?email="+url.QueryEscape(id.Value), nil, &found)
	switch {
	case err != nil:
		return resetter.Account{}, err
	case found.People == nil:
		return resetter.Account{}, exchange.Unreadable("the answer holds no list of people")
	}
	for _, p := range *found.People { // the wiki matches parts of addresses, too
		if resetter.SameEmail(p.Email, id.Value) {
			account := resetter.Account{ID: p.ID, Email: p.Email}
			if p.Locked {
				account.Ineligible = "the account is locked"
			}
			return account, nil
		}
	}
	return resetter.Account{}, exchange.Refuse(resetter.ErrNotFound, "", "check the address")
}

func (w *wiki) Reset(ctx context.Context, account resetter.Account) (resetter.Receipt, error) {
	// Class is Send where nothing is said.
	return w.change(ctx, transport.Operation{Name: "send password reset"}, account, "POST", "/reset", nil)
}

func (w *wiki) Lock(ctx context.Context, account resetter.Account, _ resetter.LockOptions) (resetter.Receipt, error) {
	return w.change(ctx, transport.Operation{Name: "lock", Class: transport.Write}, account, "PUT", "", map[string]bool{"locked": true})
}

func (w *wiki) Unlock(ctx context.Context, account resetter.Account) (resetter.Receipt, error) {
	return w.change(ctx, transport.Operation{Name: "unlock", Class: transport.Write}, account, "PUT", "", map[string]bool{"locked": false})
}

// change does something to an account, and makes sure that it was that one.
func (w *wiki) change(ctx context.Context, op transport.Operation, account resetter.Account, method, path string, body any) (resetter.Receipt, error) {
	op.Account = account.Email
	if err := resetter.ID(account.ID).Validate(); err != nil {
		_, exchange := w.http.Begin(ctx, op)
		return resetter.Receipt{}, exchange.Refuse(resetter.ErrInvalid, err.Error(), "")
	}
	var changed wikiPerson
	exchange, err := w.call(ctx, op, method, "/people/"+account.ID+path, body, &changed)
	switch {
	case err != nil:
		return resetter.Receipt{}, err
	case changed.ID == "":
		return resetter.Receipt{}, exchange.Unreadable("the answer does not say whom it is about")
	case changed.ID != account.ID:
		return resetter.Receipt{}, exchange.WrongPerson()
	}
	return exchange.Receipt(), nil
}

func (w *wiki) Check(ctx context.Context) (resetter.Status, error) {
	var self wikiPerson
	exchange, err := w.call(ctx, transport.Operation{Name: "read own account", Class: transport.Read}, "GET", "/me", nil, &self)
	switch {
	case err != nil:
		return resetter.Status{}, err
	case self.ID == "":
		return resetter.Status{}, exchange.Unreadable("the answer does not say who we are")
	case !self.Admin:
		return resetter.Status{}, exchange.Refuse(resetter.ErrForbidden, "the key's owner is no administrator", "use an administrator's key")
	}
	return resetter.Status{
		Self: resetter.Account{ID: self.ID, Email: self.Email}, Mailer: resetter.MailerUnknown, ClockSkew: exchange.ClockSkew(),
	}, nil
}

func (w *wiki) Close(ctx context.Context) error { return w.http.Close(ctx) }
