package sugar_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/sandbox"
	"github.com/seed57652884/resetctl/resetter/transport"
	"github.com/seed57652884/resetctl/sugar"
	"github.com/seed57652884/resetctl/sugar/sugartest"
)

func TestTheSignInIsOnAPlatformOfOurOwnAndInNoURL(t *testing.T) {
	t.Parallel()
	for platform, sent := range map[string]string{"": "resetctl", "onboarding": "onboarding"} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			switch r.URL.String() {
			case "/rest/v11_24/oauth2/token":
				var body map[string]string
				want := map[string]string{"grant_type": "password", "client_id": "sugar", "client_secret": "", "username": "svc", "password": "pass-word", "platform": sent}
				if err := json.NewDecoder(r.Body).Decode(&body); err != nil || !maps.Equal(body, want) {
					t.Errorf("signed in with %v, %v; want %v", body, err, want)
				}
				_, _ = w.Write([]byte(`{"access_token":"token-1","expires_in":3600}`))
			case "/rest/v11_24/oauth2/logout":
				_, _ = w.Write([]byte(`{"success":true}`))
			default:
				if got := r.Header.Get("Authorization"); got != "Bearer token-1" || r.Header.Get("OAuth-Token") != "" {
					t.Errorf("authorization %q", got)
				}
				_, _ = w.Write([]byte(`{"current_user":{"id":"1"}}`))
			}
		}))
		client, err := sugar.New(srv.URL, sugar.Credentials{Username: "svc", Password: resetter.NewSecret("pass-word"), Platform: platform})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.Check(t.Context()); err != nil {
			t.Error(err)
		}
		if err := client.Close(t.Context()); err != nil {
			t.Error(err)
		}
		srv.Close()
	}
}

func TestAWrongPasswordIsTriedOnce(t *testing.T) {
	srv := sugartest.NewServer(sugartest.Config{People: 1})
	t.Cleanup(srv.Close)
	client := connect(t, srv, srv.URL, sugar.Credentials{Username: srv.Username, Password: resetter.NewSecret("not-the-password")})
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
	_, err := client.Reset(t.Context(), resetter.Account{ID: srv.Users()[2].ID})
	if e := want(t, err, resetter.ErrUnauthorized); !strings.Contains(e.Error(), "check username and password") || e.Code != "need_login" {
		t.Errorf("got %v", err)
	}
	if n := srv.Calls(sandbox.Login); n != 1 {
		t.Errorf("%d sign-ins, want 1", n)
	}
}

func TestAPlatformThatIsNotRegisteredIsSaidToBe(t *testing.T) {
	srv := sugartest.NewServer(sugartest.Config{})
	t.Cleanup(srv.Close)
	client := connect(t, srv, srv.URL, sugar.Credentials{Username: srv.Username, Password: resetter.NewSecret(srv.Password), Platform: "unheard-of"})
	_, err := client.Check(t.Context())
	if e := want(t, err, resetter.ErrUnauthorized); !e.Stop || !strings.Contains(e.Error(), "Configure API Platforms") {
		t.Errorf("got %+v", e)
	}
	if n := srv.Calls(sandbox.Login); n != 1 {
		t.Errorf("%d sign-ins, want 1", n)
	}
}

func TestAPageAtTheSignInIsAWrongAddressAndNotAWrongPassword(t *testing.T) {
	srv := sugartest.NewServer(sugartest.Config{})
	t.Cleanup(srv.Close)
	client, err := sugar.New(srv.URL+"/crm", sugar.Credentials{Username: srv.Username, Password: resetter.NewSecret(srv.Password)})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close(context.Background())
	_, err = client.Resolve(t.Context(), resetter.ID("1"))
	if e := want(t, err, resetter.ErrRejected); !e.Stop || !strings.Contains(e.Error(), "no Sugar API") {
		t.Errorf("got %+v", e)
	}
}

func TestASignInThatFailsForAMomentIsRepeated(t *testing.T) {
	srv, client := start(t, sugartest.Config{})
	fault := answer(sandbox.Login, 502, page)
	fault.Times = 2
	srv.Inject(fault)
	resolve(t, client, resetter.ID("1"))
	if n := srv.Calls(sandbox.Login); n != 3 {
		t.Errorf("%d sign-ins, want 3", n)
	}
}

func TestASignInDuringMaintenanceIsAPauseAndNoRefusal(t *testing.T) {
	t.Parallel()
	srv, client := start(t, sugartest.Config{})
	srv.SetMaintenance(true)
	_, err := client.Check(resetter.WithWaitsHandedBack(t.Context()))
	if e := want(t, err, resetter.ErrUnavailable); e.Until.IsZero() {
		t.Errorf("got %+v", e)
	}
	srv.SetMaintenance(false)
	if _, err := client.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestASignInWithoutATokenIsNone(t *testing.T) {
	for _, body := range []string{`{}`, `{"access_token":null}`, `{"access_token":""}`, `[]`, `{`} {
		srv, client := start(t, sugartest.Config{People: 1})
		srv.Inject(answer(sandbox.Login, 200, body))
		_, err := client.Reset(t.Context(), resetter.Account{ID: srv.Users()[2].ID})
		want(t, err, resetter.ErrUnavailable)
		if n := srv.Mailbox().Len(); n != 0 {
			t.Errorf("%d mails", n)
		}
	}
}

func TestASessionThatIsOverIsRefreshedAndTheResetGoesOutOnce(t *testing.T) {
	t.Parallel()
	srv, client := start(t, sugartest.Config{People: 1})
	account := resolve(t, client, resetter.Email(srv.Users()[2].Email))
	for range 3 { // each renewal replaces both tokens, so the next needs the newest
		srv.ExpireTokens()
		resolve(t, client, resetter.ID(account.ID))
	}
	srv.ExpireTokens()
	if _, err := client.Reset(t.Context(), account); err != nil {
		t.Fatal(err)
	}
	if renewals, mails := srv.Calls(sandbox.Login), srv.Mailbox().Count(account.Email); renewals != 5 || mails != 1 {
		t.Errorf("%d sign-ins and renewals, want 5; %d mails", renewals, mails)
	}
}

func TestWhoIsThrownOutSignsInAgain(t *testing.T) {
	t.Parallel()
	srv, client := start(t, sugartest.Config{People: 1})
	account := resolve(t, client, resetter.Email(srv.Users()[2].Email))
	srv.Displace() // the refresh token is dead as well
	if _, err := client.Reset(t.Context(), account); err != nil {
		t.Fatal(err)
	}
	if logins, mails := srv.Calls(sandbox.Login), srv.Mailbox().Count(account.Email); logins != 3 || mails != 1 {
		t.Errorf("%d sign-ins and renewals, want 3; %d mails", logins, mails)
	}
}

func TestManyCallersShareOneRenewal(t *testing.T) {
	t.Parallel()
	srv, client := start(t, sugartest.Config{People: 1})
	resolve(t, client, resetter.ID("1"))
	srv.ExpireTokens()
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			if _, err := client.Resolve(t.Context(), resetter.ID("1")); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := srv.Calls(sandbox.Login); n != 2 {
		t.Errorf("%d sign-ins and renewals, want 2", n)
	}
}

func TestASessionIsRenewedBeforeItIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pipe := sandbox.NewPipe()
		srv, client := start(t, sugartest.Config{Sandbox: sandbox.Config{Listener: pipe}}, transport.WithDialContext(pipe.DialContext))
		for range 12 {
			resolve(t, client, resetter.ID("1"))
			time.Sleep(10 * time.Minute)
		}
		for _, r := range srv.Requests() {
			if r.Status >= 400 {
				t.Errorf("%v", r)
			}
		}
		if n := srv.Calls(sandbox.Login); n != 3 { // at 0, 50 and 100 minutes
			t.Errorf("%d sign-ins and renewals in two hours, want 3", n)
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
				case "/rest/v11_24/oauth2/token":
					logins++
					_, _ = w.Write([]byte(`{"access_token":"secret-token-1","refresh_token":"secret-token-2","refresh_expires_in":` + life + `,"expires_in":` + life + `}`))
				default:
					_, _ = w.Write([]byte(`{"id":"7"}`))
				}
			})}
			go func() { _ = srv.Serve(pipe) }()
			client, err := sugar.New("http://127.0.0.1", sugar.Credentials{Username: "svc", Password: resetter.NewSecret("pass-word")}, transport.WithDialContext(pipe.DialContext))
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
	for _, life := range []string{"0", "-3600", "9223372036854775807"} {
		logins, reads := 0, 0
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			switch r.URL.Path {
			case "/rest/v11_24/oauth2/token":
				logins++
				_, _ = w.Write([]byte(`{"access_token":"secret-token-1","refresh_token":"secret-token-2","expires_in":` + life + `}`))
			case "/rest/v11_24/oauth2/logout":
				_, _ = w.Write([]byte(`{"success":true}`))
			default:
				reads++
				_, _ = w.Write([]byte(`{"id":"7"}`))
			}
		}))
		client, err := sugar.New(srv.URL, sugar.Credentials{Username: "svc", Password: resetter.NewSecret("pass-word")}, transport.WithRate(20))
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
	srv, client := start(t, sugartest.Config{})
	if err := client.Close(context.Background()); err != nil || len(srv.Requests()) != 0 {
		t.Errorf("before any call: %v, %v", srv.Requests(), err)
	}
	srv, client = start(t, sugartest.Config{})
	resolve(t, client, resetter.ID("1"))
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
		srv, client := start(t, sugartest.Config{Sandbox: sandbox.Config{Listener: pipe}}, transport.WithDialContext(pipe.DialContext))
		resolve(t, client, resetter.ID("1"))
		srv.Inject(sandbox.Fault{Kind: sandbox.Throttle, On: sandbox.Get, RetryAfter: 10 * time.Minute})
		_, err := client.Resolve(resetter.WithWaitsHandedBack(t.Context()), resetter.ID("1"))
		want(t, err, resetter.ErrRateLimited)
		before := time.Now()
		_ = client.Close(t.Context())
		if waited := time.Since(before); waited > time.Second {
			t.Errorf("waited %v", waited)
		}
	})
}
