package looker_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed57652884/resetctl/looker"
	"github.com/seed57652884/resetctl/looker/lookertest"
	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/sandbox"
	"github.com/seed57652884/resetctl/resetter/transport"
)

func TestTheKeyGoesIntoTheBodyOfAFormAndIntoNoURL(t *testing.T) {
	tap := &wiretap{}
	srv, client := start(t, lookertest.Config{People: 1}, transport.WithDialContext(tap.dial))
	resolve(t, client, resetter.ID(srv.Users()[1].ID))
	head, rest, _ := strings.Cut(tap.sent(), "\r\n\r\n")
	if !strings.HasPrefix(head, "POST /api/4.0/login HTTP/1.1\r\n") || !strings.Contains(head, "\r\nContent-Type: application/x-www-form-urlencoded\r\n") {
		t.Errorf("the sign-in begins %s", head)
	}
	if strings.Contains(head, srv.ClientSecret) || !strings.HasPrefix(rest, "client_id="+srv.ClientID+"&client_secret="+srv.ClientSecret) {
		t.Error("the secret is not in the form")
	}
	if strings.Count(tap.sent(), srv.ClientSecret) != 1 {
		t.Error("the secret was sent more than once")
	}
}

func TestAWrongKeyIsTriedOnce(t *testing.T) {
	srv := lookertest.NewServer(lookertest.Config{People: 1, LockOutAfter: 2})
	t.Cleanup(srv.Close)
	client := connect(t, srv, srv.URL, looker.Credentials{ClientID: srv.ClientID, ClientSecret: resetter.NewSecret("not-the-secret")})
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			_, err := client.Resolve(t.Context(), resetter.Email("ana@example.com"))
			if e, ok := err.(*resetter.Error); !ok || e.Kind != resetter.ErrUnauthorized || !e.Stop || e.Account != "ana@example.com" {
				t.Errorf("got %+v", err)
			}
		})
	}
	all.Wait()
	_, err := client.Reset(t.Context(), resetter.Account{ID: "100"})
	if e := want(t, err, resetter.ErrUnauthorized); !strings.Contains(e.Error(), "client id or secret is wrong") || !strings.Contains(e.Error(), "API key") {
		t.Errorf("got %v", err)
	}
	if n := srv.Calls(sandbox.Login); n != 1 {
		t.Errorf("%d sign-ins, want 1", n)
	}
}

func TestAPageAtTheSignInIsAWrongAddressAndNotAWrongKey(t *testing.T) {
	srv := lookertest.NewServer(lookertest.Config{})
	t.Cleanup(srv.Close)
	credentials := looker.Credentials{ClientID: srv.ClientID, ClientSecret: resetter.NewSecret(srv.ClientSecret)}
	client, err := looker.New(srv.URL+"/looker", credentials)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close(t.Context())
	_, err = client.Resolve(t.Context(), resetter.ID("1"))
	if e := want(t, err, resetter.ErrRejected); !e.Stop || !strings.Contains(e.Error(), "19999") {
		t.Errorf("got %+v", e)
	}
}

func TestASignInThatFailsForAMomentIsRepeated(t *testing.T) {
	t.Parallel()
	srv, client := start(t, lookertest.Config{People: 1})
	fault := answer(sandbox.Login, 502, page)
	fault.Times = 2
	srv.Inject(fault)
	resolve(t, client, resetter.ID("1"))
	if n := srv.Calls(sandbox.Login); n != 3 {
		t.Errorf("%d sign-ins, want 3", n)
	}
}

func TestASignInWithoutATokenIsNone(t *testing.T) {
	for _, body := range []string{`{}`, `{"access_token":null}`, `{"access_token":" "}`, `[]`, `{`} {
		srv, client := start(t, lookertest.Config{People: 1})
		srv.Inject(answer(sandbox.Login, 200, body))
		_, err := client.Reset(t.Context(), resetter.Account{ID: "100"})
		want(t, err, resetter.ErrUnavailable)
		if n := srv.Mailbox().Len(); n != 0 {
			t.Errorf("%d mails", n)
		}
	}
}

func TestASessionThatIsOverIsRenewedAndTheResetGoesOutOnce(t *testing.T) {
	srv, client := start(t, lookertest.Config{People: 1})
	account := resolve(t, client, resetter.ID(srv.Users()[1].ID))
	srv.ExpireTokens()
	if _, err := client.Reset(t.Context(), account); err != nil {
		t.Fatal(err)
	}
	if logins, mails := srv.Calls(sandbox.Login), srv.Mailbox().Count(account.Email); logins != 2 || mails != 1 {
		t.Errorf("%d sign-ins, %d mails", logins, mails)
	}
}

func TestASessionIsRenewedBeforeItIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pipe := sandbox.NewPipe()
		srv, client := start(t, lookertest.Config{Sandbox: sandbox.Config{Listener: pipe}}, transport.WithDialContext(pipe.DialContext))
		for range 12 {
			resolve(t, client, resetter.ID(srv.Self.ID))
			time.Sleep(10 * time.Minute)
		}
		for _, r := range srv.Requests() {
			if r.Status == 401 {
				t.Errorf("%v", r)
			}
		}
		if n := srv.Calls(sandbox.Login); n != 3 { // at 0, 50 and 100 minutes
			t.Errorf("%d sign-ins in two hours, want 3", n)
		}
	})
}

// Some servers, and what stands before them, spell a number as a text.
func TestALifeIsUnderstoodHoweverItIsSpelled(t *testing.T) {
	for _, life := range []string{`3600`, `"3600"`, `3600.0`} {
		synctest.Test(t, func(t *testing.T) {
			logins := 0
			pipe := sandbox.NewPipe()
			srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch w.Header().Set("Content-Type", "application/json"); r.URL.Path {
				case "/api/4.0/login":
					logins++
					_, _ = w.Write([]byte(`{"access_token":"secret-token-1","expires_in":` + life + `}`))
				default:
					_, _ = w.Write([]byte(`{"id":"7","email":"ana@example.com","credentials_email":{"email":"ana@example.com"}}`))
				}
			})}
			go func() { _ = srv.Serve(pipe) }()
			client, err := looker.New("http://127.0.0.1", looker.Credentials{ClientID: "id", ClientSecret: resetter.NewSecret("secret")}, transport.WithDialContext(pipe.DialContext))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := errors.Join(client.Close(context.Background()), srv.Close()); err != nil {
					t.Error(err)
				}
			})
			for range 3 {
				resolve(t, client, resetter.ID("7"))
				time.Sleep(25 * time.Minute)
			}
			if logins != 2 { // now, and when four fifths of the hour are over
				t.Errorf("expires_in %s: %d sign-ins in 75 minutes", life, logins)
			}
		})
	}
}

func TestALifeThatMakesNoSenseIsNotBelieved(t *testing.T) {
	t.Parallel()
	for _, life := range []string{"0", "-3600", "null", "9223372036854775807"} {
		logins, reads := 0, 0
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			switch r.URL.Path {
			case "/api/4.0/login":
				logins++
				_, _ = w.Write([]byte(`{"access_token":"secret-token-1","expires_in":` + life + `}`))
			case "/api/4.0/logout":
				w.WriteHeader(http.StatusNoContent)
			default:
				reads++
				_, _ = w.Write([]byte(`{"id":"7","email":"ana@example.com","credentials_email":{"email":"ana@example.com"}}`))
			}
		}))
		client, err := looker.New(srv.URL, looker.Credentials{ClientID: "id", ClientSecret: resetter.NewSecret("secret")})
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			resolve(t, client, resetter.ID("7"))
		}
		if err := client.Close(t.Context()); err != nil {
			t.Error(err)
		}
		srv.Close()
		if logins != 1 || reads != 3 {
			t.Errorf("expires_in %s: %d sign-ins for %d reads", life, logins, reads)
		}
	}
}

func TestCloseSignsOutWhoSignedIn(t *testing.T) {
	srv, client := start(t, lookertest.Config{})
	if err := client.Close(context.Background()); err != nil || len(srv.Requests()) != 0 {
		t.Errorf("before any call: %v, %v", srv.Requests(), err)
	}
	srv, client = start(t, lookertest.Config{})
	resolve(t, client, resetter.ID(srv.Self.ID))
	for range 2 {
		if err := client.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}
	if n := srv.Calls(sandbox.Logout); n != 1 {
		t.Errorf("%d sign-outs, want 1", n)
	}
}

func TestSigningOutWaitsForNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pipe := sandbox.NewPipe()
		srv, client := start(t, lookertest.Config{Sandbox: sandbox.Config{Listener: pipe}}, transport.WithDialContext(pipe.DialContext))
		resolve(t, client, resetter.ID(srv.Self.ID))
		srv.Inject(sandbox.Fault{Kind: sandbox.Throttle, On: sandbox.Get, RetryAfter: 10 * time.Minute})
		_, err := client.Resolve(resetter.WithWaitsHandedBack(t.Context()), resetter.ID(srv.Self.ID))
		want(t, err, resetter.ErrRateLimited)
		before := time.Now()
		_ = client.Close(t.Context())
		if waited := time.Since(before); waited > time.Second {
			t.Errorf("waited %v", waited)
		}
	})
}

func TestAWaitIsSleptForWhoDoesNotAskForItBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pipe := sandbox.NewPipe()
		srv, client := start(t, lookertest.Config{People: 1, Sandbox: sandbox.Config{Listener: pipe}}, transport.WithDialContext(pipe.DialContext))
		account := resolve(t, client, resetter.ID(srv.Users()[1].ID))
		srv.Inject(sandbox.Fault{Kind: sandbox.Throttle, On: sandbox.Reset, RetryAfter: time.Minute, Times: 2})
		before := time.Now()
		receipt, err := client.Reset(t.Context(), account)
		if err != nil || receipt.Attempts != 3 {
			t.Fatalf("receipt %+v, %v", receipt, err)
		}
		if waited := time.Since(before); waited < 2*time.Minute || waited > 3*time.Minute {
			t.Errorf("waited %v", waited)
		}
		if n := srv.Mailbox().Count(account.Email); n != 1 {
			t.Errorf("%d mails", n)
		}
	})
}
