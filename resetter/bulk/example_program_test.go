package bulk_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/seed57652884/resetctl/looker"
	"github.com/seed57652884/resetctl/looker/lookertest"
	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/bulk"
)

// mailAll has Looker mail everybody, and says what became of each.
func mailAll(ctx context.Context, client resetter.Resetter, people []string, out io.Writer) error {
	rows := make([]bulk.Row, len(people))
	for i, address := range people {
		rows[i] = bulk.Row{Target: "looker", Identity: resetter.Email(address)}
	}
	journal := bulk.NewMemory()
	if err := journal.Add(ctx, bulk.Rows(rows...)); err != nil {
		return err
	}
	engine := bulk.Engine{Journal: journal, Targets: []bulk.Target{{Name: "looker", Resetter: client, Concurrency: 8}}}
	if _, err := engine.Prepare(ctx); err != nil {
		return err
	}
	_, acted := engine.Act(ctx)
	_, read := engine.Reconcile(ctx)
	for r, err := range journal.Results(ctx) {
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%s: %s, %s\n", r.Row.Identity, r.Outcome, r.Reason)
	}
	return errors.Join(acted, read)
}

// A whole program that resets a list of people. That nobody is mailed twice,
// whatever is lost on the way, is the business of the engine; a test of it is in
// program_test.go.
func Example_program() {
	system := lookertest.NewServer(lookertest.Config{}) // stands for https://example.cloud.looker.com
	defer system.Close()
	system.AddUser(lookertest.User{Email: "ana@example.com"})

	ctx := context.Background()
	client, err := looker.New(system.URL, looker.Credentials{
		ClientID:     system.ClientID,
		ClientSecret: resetter.NewSecret(system.ClientSecret),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close(ctx)
	people := []string{"ana@example.com", "nobody@example.com", "Ana@example.com"}
	if err := mailAll(ctx, client, people, os.Stdout); err != nil {
		fmt.Println(err)
	}
	// Output:
	// ana@example.com: done, accepted
	// nobody@example.com: failed, not_found
	// Ana@example.com: skipped, duplicate
}
