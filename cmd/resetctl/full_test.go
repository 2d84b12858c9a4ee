package main

import (
	"context"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/ui"
	"github.com/seed57652884/resetctl/resetter/journal"
)

// cramped is the program "cramped PAGES resetctl ARGUMENTS": resetctl whose
// ledger has room for that many pages.
func cramped() {
	pages, _ := strconv.Atoi(os.Args[1])
	c := &command{io: ui.Standard(os.Environ()), env: os.Environ(), args: os.Args[2:], bounds: journal.Options{MaxPages: pages}}
	ctx, stop := interruptible(context.Background(), c.io)
	code := c.main(ctx)
	stop()
	os.Exit(code)
}

// A ledger that fills up while the run is under way, at whatever write it may
// be: nobody is mailed without an intent on disk, the run says so and ends with
// 1, and with room again it goes on to its end.
func TestAFullLedgerSendsNothingMoreAndIsGoneOnWith(t *testing.T) {
	for _, pages := range []int{1, 19, 20, 21, 22, 23, 24} {
		t.Run(strconv.Itoa(pages), func(t *testing.T) {
			t.Parallel()
			c := newChain(t, 40, 1000, 0)
			p := c.start("cramped", strconv.Itoa(pages))
			<-p.gone
			if code := p.cmd.ProcessState.ExitCode(); code != exitUnexpected {
				t.Fatalf("it ended with %d, so the ledger was not full:\n%s", code, c.said())
			}
			if said := c.said(); !strings.Contains(said, "there is no room left for the ledger") {
				t.Errorf("it does not say why it ended:\n%s", said)
			}
			sent := c.mails()
			c.report(c.afterKill()) // an outcome that could not be written is like a kill
			if rows, _, err := ledger(c, c.state()); err != nil || len(rows) == 0 && sent > 0 {
				t.Errorf("%d mails were sent without a run in the ledger (%v)", sent, err)
			}
			t.Logf("full after %d mails", sent)
			p = c.start()
			c.report(append(c.link(p, 0), c.atEnd(p)...))
			if c.mails() < sent || c.unknown > inFlight {
				t.Errorf("%d mails, %d unknown", c.mails(), c.unknown)
			}
			if _, _, err := ledger(c, c.state()); err != nil {
				t.Error(err)
			}
		})
	}
}
