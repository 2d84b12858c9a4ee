package unleash_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/sandbox"
	"github.com/seed57652884/resetctl/unleash"
	"github.com/seed57652884/resetctl/unleash/unleashtest"
)

func TestTheTokenGoesBareIntoTheHeader(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Values("Authorization"); len(got) != 1 || got[0] != "user:abc" {
			t.Errorf("authorization %q", got)
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"id":7,"email":"ana@example.com"}`))
	}))
	defer srv.Close()
	client, err := unleash.New(srv.URL, unleash.Credentials{Token: resetter.NewSecret("user:abc")})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close(context.Background())
	resolve(t, client, resetter.ID("7"))
}

func TestThereIsNoSessionToBeginOrToEnd(t *testing.T) {
	srv, client := start(t, unleashtest.Config{})
	resolve(t, client, resetter.ID("1"))
	for range 2 {
		if err := client.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}
	if requests := srv.Requests(); len(requests) != 1 || requests[0].Operation != sandbox.Get {
		t.Errorf("requests %v", requests)
	}
}

func TestAWrongTokenIsNotTriedAgainForOneCall(t *testing.T) {
	srv := unleashtest.NewServer(unleashtest.Config{People: 1})
	t.Cleanup(srv.Close)
	client := connect(t, srv, srv.URL, unleash.Credentials{Token: resetter.NewSecret("user:not-the-token")})
	_, err := client.Reset(t.Context(), resetter.Account{ID: "3", Email: srv.Users()[2].Email})
	if e := want(t, err, resetter.ErrUnauthorized); !e.Stop || e.Attempts != 1 {
		t.Errorf("got %+v", e)
	}
	if len(srv.Requests()) != 1 || srv.Mailbox().Len() != 0 {
		t.Errorf("%d requests, %d mails", len(srv.Requests()), srv.Mailbox().Len())
	}
}
