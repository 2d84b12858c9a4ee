package journal_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/seed57652884/resetctl/looker"
	"github.com/seed57652884/resetctl/looker/lookertest"
	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/bulk"
	"github.com/seed57652884/resetctl/resetter/journal"
	"github.com/seed57652884/resetctl/resetter/sandbox"
	"github.com/seed57652884/resetctl/resetter/transport"
)

// A program that goes on where it was interrupted, if it was. The first time it
// is told to stop while Ana is being mailed; the second time it does the rest.
func Example() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	ctx, stop := context.WithCancel(context.Background())
	system := lookertest.NewServer(lookertest.Config{
		Sandbox: sandbox.Config{OnMail: func(sandbox.Mail) { stop() }},
	})
	defer system.Close()
	system.AddUser(lookertest.User{Email: "ana@example.com"})
	system.AddUser(lookertest.User{Email: "bo@example.com"})

	for _, ctx := range []context.Context{ctx, context.Background(), context.Background()} {
		client, err := looker.New(system.URL, looker.Credentials{
			ClientID:     system.ClientID,
			ClientSecret: resetter.NewSecret(system.ClientSecret),
		},
			// Kept with the ledger, so that a later process can compare what
			// this one read; see Engine.Reconcile.
			transport.WithEvidenceKey(resetter.NewSecret("a random key, kept as safe as a password")),
		)
		if err != nil {
			log.Fatal(err)
		}
		if err := work(ctx, filepath.Join(dir, "state"), client); err != nil {
			fmt.Println(err)
		}
		_ = client.Close(context.Background())
	}
	fmt.Println(system.Mailbox().Count("ana@example.com"), system.Mailbox().Count("bo@example.com"))
	// Output:
	// begun
	// map[done:1 pending:1]
	// context canceled
	// going on
	// map[done:2]
	// begun
	// map[skipped:2]
	// 1 1
}

func work(ctx context.Context, stateDir string, client resetter.Resetter) error {
	rows := bulk.Rows(
		bulk.Row{Target: "looker", Identity: resetter.Email("ana@example.com")},
		bulk.Row{Target: "looker", Identity: resetter.Email("bo@example.com")},
	)
	keep := context.WithoutCancel(ctx) // what has happened is written down in any case
	ledger, err := journal.Open(keep, stateDir, journal.Options{})
	if err != nil {
		return err
	}
	defer ledger.Close()
	content, err := journal.Content(rows)
	if err != nil {
		return err
	}
	run, err := ledger.Find(keep, content)
	switch {
	case errors.Is(err, journal.ErrNoRun):
		fmt.Println("begun")
		run, err = ledger.Begin(keep, journal.NewRun{Content: content, Rows: rows})
	case err == nil:
		fmt.Println("going on")
	}
	if err != nil {
		return err
	}

	// Bo was mailed a moment ago when the third process begins: let be for an hour.
	engine := bulk.Engine{
		Journal: run,
		Targets: []bulk.Target{{Name: "looker", Resetter: client, Cooldown: bulk.DefaultCooldown}},
	}
	if _, err := engine.Prepare(ctx); err != nil {
		return err
	}
	summary, acted := engine.Act(ctx)
	fmt.Println(summary.Counts())
	_, err = run.Finish(keep) // it stays unfinished where rows are pending
	return errors.Join(acted, err)
}
