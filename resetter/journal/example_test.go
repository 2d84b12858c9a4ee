package journal_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log"
	"os"
	"path/filepath"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/bulk"
	"github.com/seed57652884/resetctl/resetter/journal"
)

// A program that goes on where it was interrupted, if it was.
func Example() {
	temporary, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(temporary)
	stateDir := filepath.Join(temporary, "state")

	for range 2 { // the second time it goes on with the first one's run
		if err := work(context.Background(), stateDir); err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// begun: map[looker:map[pending:2]]
	// going on, 0 in doubt: map[looker:map[pending:2]]
}

func work(ctx context.Context, stateDir string) error {
	ledger, err := journal.Open(ctx, stateDir, journal.Options{})
	if err != nil {
		return err
	}
	defer ledger.Close()
	content, err := journal.Content(people())
	if err != nil {
		return err
	}

	run, err := ledger.Find(ctx, content)
	switch {
	case errors.Is(err, journal.ErrNoRun):
		run, err = ledger.Begin(ctx, journal.NewRun{Content: content, Columns: []string{"email"}, Rows: people()})
		if err != nil {
			return err
		}
		fmt.Print("begun: ")
	case err != nil:
		return err
	default:
		n, err := run.Interrupt(ctx, "the process ended before the answer came: see with the person")
		if err != nil {
			return err
		}
		fmt.Printf("going on, %d in doubt: ", n)
	}
	// Here a bulk.Engine would work the run off.
	counts, err := run.Counts(ctx)
	fmt.Println(counts)
	return err
}

func people() iter.Seq2[bulk.Row, error] {
	return func(yield func(bulk.Row, error) bool) {
		for i, address := range []string{"ana@example.com", "ben@example.com"} {
			if !yield(bulk.Row{Seq: i + 1, Line: i + 2, Target: "looker", Action: resetter.ActionReset,
				Identity: resetter.Email(address), Cells: []string{address}}, nil) {
				return
			}
		}
	}
}
