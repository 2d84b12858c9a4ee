package resettertest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/resettertest"
	"github.com/seed57652884/resetctl/resetter/transport"
)

// An acmeServer is a test server in good health of a system that nobody has.
type acmeServer struct {
	*httptest.Server
	secret string

	mu      sync.Mutex
	signIns int
	mails   map[string]int
}

func newAcmeServer(listener net.Listener) *acmeServer {
	s := &acmeServer{secret: "acme-canary-0815", mails: map[string]int{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.signIns++
		fmt.Fprintf(w, `{"token":"%s-%d"}`, s.secret, s.signIns)
	})
	mux.HandleFunc("GET /people", s.signedIn(func(w http.ResponseWriter, r *http.Request) {
		address := r.URL.Query().Get("email")
		fmt.Fprintf(w, `{"id":%q,"email":%q}`, strings.TrimSuffix(address, "@example.com"), address)
	}))
	mux.HandleFunc("GET /people/many", s.signedIn(s.many))
	mux.HandleFunc("POST /people/{id}/reset", s.signedIn(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.mails[r.PathValue("id")+"@example.com"]++
		s.mu.Unlock()
		fmt.Fprintf(w, `{"id":%q,"link":"https://acme.example/reset/%s"}`, r.PathValue("id"), s.secret)
	}))
	s.Server = &httptest.Server{Listener: listener, Config: &http.Server{Handler: mux}}
	s.Start()
	return s
}

func (s *acmeServer) signedIn(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer "+s.secret) {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		next(w, r)
	}
}

func (s *acmeServer) counts() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	counts := map[string]int{}
	for address, n := range s.mails {
		counts[address] = n
	}
	return counts
}

// An acme is a Resetter as small as they come, made wrong on demand.
type acme struct {
	http  *transport.Client
	class transport.Class // of a reset: Send, if it is right
}

func newAcme(base string, options ...transport.Option) (*acme, error) {
	a := &acme{}
	var err error
	a.http, err = transport.New(transport.System{
		Name:  "acme",
		Judge: transport.ByStatus,
		Session: &transport.Session{SignIn: func(ctx context.Context) (transport.Token, error) {
			var answer struct{ Token string }
			exchange, err := a.call(ctx, transport.Operation{Name: "sign in", Class: transport.Read, Anonymous: true}, "POST", "/login", &answer)
			if err == nil && answer.Token == "" {
				err = exchange.Unreadable("the answer holds no token")
			}
			return transport.Token{Access: resetter.NewSecret(answer.Token)}, err
		}},
		Authorize: func(r *http.Request, t transport.Token) { r.Header.Set("Authorization", "Bearer "+t.Access.Reveal()) },
		// And no Probe, which not every system has: the bounds hold without one.
	}, base, options...)
	return a, err
}

func (a *acme) call(ctx context.Context, op transport.Operation, method, path string, into any) (*transport.Exchange, error) {
	ctx, exchange := a.http.Begin(ctx, op)
	request, err := http.NewRequestWithContext(ctx, method, a.http.Base()+path, strings.NewReader("{}"))
	if err != nil {
		return exchange, exchange.Failed(err)
	}
	response, err := a.http.Do(request)
	if err != nil {
		return exchange, exchange.Failed(err)
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(into); err != nil {
		return exchange, exchange.Failed(err)
	}
	return exchange, nil
}

func (a *acme) Resolve(ctx context.Context, id resetter.Identity) (resetter.Account, error) {
	var found resetter.Account
	op := transport.Operation{Name: "look up", Class: transport.Read, Account: id.Value}
	if err := id.Validate(); err != nil {
		_, exchange := a.http.Begin(ctx, op)
		return found, exchange.Refuse(resetter.ErrInvalid, err.Error(), "")
	}
	exchange, err := a.call(ctx, op, "GET", "/people?email="+url.QueryEscape(id.Value), &found)
	if err == nil && !resetter.SameEmail(found.Email, id.Value) {
		err = exchange.Unreadable("the answer holds nobody")
	}
	return found, err
}

func (a *acme) Reset(ctx context.Context, account resetter.Account) (resetter.Receipt, error) {
	var mailed resetter.Account
	op := transport.Operation{Name: "reset", Class: a.class, Account: account.Email}
	exchange, err := a.call(ctx, op, "POST", "/people/"+account.ID+"/reset", &mailed)
	switch {
	case err != nil:
		return resetter.Receipt{}, err
	case mailed.ID == "":
		return resetter.Receipt{}, exchange.Unreadable("the answer does not say who was mailed")
	case mailed.ID != account.ID:
		return resetter.Receipt{}, exchange.WrongPerson()
	}
	return exchange.Receipt(), nil
}

func (a *acme) Close(ctx context.Context) error { return a.http.Close(ctx) }

// acmeSubject is how acme is tested, with a client that make makes.
func acmeSubject(make func(url string, terms resettertest.Terms) (resetter.Resetter, error)) resettertest.Start {
	return func(t testing.TB, listener net.Listener) resettertest.Subject {
		srv := newAcmeServer(listener)
		t.Cleanup(srv.Close)
		subject := resettertest.Subject{
			New:      func(terms resettertest.Terms) (resetter.Resetter, error) { return make(srv.URL, terms) },
			Mails:    srv.counts,
			Canary:   srv.secret,
			IsReset:  func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/reset") },
			IsSignIn: func(r *http.Request) bool { return r.URL.Path == "/login" },
		}
		for i := range resettertest.People {
			subject.People = append(subject.People, resetter.Email(fmt.Sprintf("p%02d@example.com", i)))
		}
		return subject
	}
}
