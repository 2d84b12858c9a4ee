package bulk_test

import (
	"strings"
	"testing"

	"github.com/seed57652884/resetctl/looker"
	"github.com/seed57652884/resetctl/looker/lookertest"
	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/sandbox"
)

// The test of Example_program, as a program of anybody's would have it: the
// answer to Ana's reset is lost, and she is mailed once all the same.
func TestAProgramMailsOnceWhoseAnswerWasLost(t *testing.T) {
	srv := lookertest.NewServer(lookertest.Config{})
	defer srv.Close()
	for _, address := range []string{"ana@example.com", "bo@example.com"} {
		srv.AddUser(lookertest.User{Email: address})
	}
	srv.Inject(sandbox.Fault{Kind: sandbox.Drop, Processed: true, On: sandbox.Reset, Person: "ana@example.com"})
	client, err := looker.New(srv.URL, looker.Credentials{ClientID: srv.ClientID, ClientSecret: resetter.NewSecret(srv.ClientSecret)})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close(t.Context())

	var out strings.Builder
	if err := mailAll(t.Context(), client, []string{"ana@example.com", "bo@example.com"}, &out); err != nil {
		t.Fatal(err)
	}
	if want := "ana@example.com: done, confirmed\nbo@example.com: done, accepted\n"; out.String() != want {
		t.Errorf("it says\n%s", out.String())
	}
	for _, address := range []string{"ana@example.com", "bo@example.com"} {
		if n := srv.Mailbox().Count(address); n != 1 {
			t.Errorf("%s was mailed %d times", address, n)
		}
	}
	for _, v := range srv.Violations() {
		t.Error(v)
	}
}
