package main

import (
	"context"
	"iter"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/ui"
	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/bulk"
)

// Points of a run's life on our side of the wire, where doomed dies. Those on
// the wire are in wire_test.go.
const (
	claimed           = "claimed"            // rows were taken, nothing is known of them
	permitted         = "permitted"          // all that is missing is the intent
	intentCommitting  = "intent-committing"  // it may be on disk or not
	intentCommitted   = "intent-committed"   // and nobody knows but the disk
	answered          = "answered"           // the outcome is known and nowhere written
	outcomeCommitting = "outcome-committing" // as with the intent
	outcomeCommitted  = "outcome-committed"
	resultsWritten    = "results-written" // but not renamed to what they are to be called

	linkAppending = "link-appending" // with --links: it may be on disk or not
	linkAppended  = "link-appended"  // and its outcome is nowhere written
)

// doomed is the program "doomed FAITH POINT N resetctl ARGUMENTS": resetctl that
// is killed when it comes to POINT for the N-th time ("-" is never), and whose
// journal keeps FAITH or breaks it in one way.
func doomed() {
	n, _ := strconv.Atoi(os.Args[3])
	fate := &fate{point: os.Args[2], n: int64(n)}
	unfaithful := faiths[os.Args[1]]
	c := &command{io: ui.Standard(os.Environ()), env: os.Environ(), args: os.Args[4:]}
	c.journal = func(j bulk.Journal) bulk.Journal { return doomedJournal{unfaithful(j), fate} }
	c.links = func(keep handOver) handOver {
		if os.Args[1] == "late-links" {
			keep = late(keep)
		}
		return fate.handOver(keep)
	}
	ctx, stop := interruptible(context.Background(), c.io)
	code := c.main(ctx)
	stop()
	os.Exit(code)
}

// A fate is where the process ends.
type fate struct {
	point string
	n     int64
	met   atomic.Int64
}

func (f *fate) at(point string) {
	if point == f.point && f.met.Add(1) == f.n {
		kill()
	}
}

// during calls do, and dies somewhere in it if it is time; where, differs with n.
func (f *fate) during(point string, do func() error) error {
	if point == f.point && f.met.Add(1) == f.n {
		go func() { _ = do() }()
		<-time.After(time.Duration(f.n) * 100 * time.Microsecond)
		kill()
	}
	return do()
}

// handOver meets its fate around keep.
func (f *fate) handOver(keep handOver) handOver {
	return func(ctx context.Context, r bulk.Result, link resetter.Secret) error {
		err := f.during(linkAppending, func() error { return keep(ctx, r, link) })
		f.at(linkAppended)
		return err
	}
}

// late would keep a link long after its outcome is recorded.
func late(keep handOver) handOver {
	return func(ctx context.Context, r bulk.Result, link resetter.Secret) error {
		time.AfterFunc(time.Hour, func() { _ = keep(ctx, r, link) })
		return nil
	}
}

func kill() {
	if self, err := os.FindProcess(os.Getpid()); err == nil {
		_ = self.Kill() // SIGKILL: nothing of this process does anything any more
	}
	select {}
}

// A doomedJournal meets its fate.
type doomedJournal struct {
	bulk.Journal
	fate *fate
}

func (j doomedJournal) List(ctx context.Context, target string, stage bulk.Stage, after, n int) ([]bulk.Result, error) {
	rows, err := j.Journal.List(ctx, target, stage, after, n)
	if stage == bulk.Ready && len(rows) > 0 {
		j.fate.at(claimed)
	}
	return rows, err
}

func (j doomedJournal) Intent(ctx context.Context, seq, n int) error {
	j.fate.at(permitted)
	err := j.fate.during(intentCommitting, func() error { return j.Journal.Intent(ctx, seq, n) })
	j.fate.at(intentCommitted)
	return err
}

func (j doomedJournal) Record(ctx context.Context, r bulk.Result) error {
	if r.Outcome != bulk.Done {
		return j.Journal.Record(ctx, r)
	}
	j.fate.at(answered)
	err := j.fate.during(outcomeCommitting, func() error { return j.Journal.Record(ctx, r) })
	j.fate.at(outcomeCommitted)
	return err
}

func (j doomedJournal) Results(ctx context.Context) iter.Seq2[bulk.Result, error] {
	return func(yield func(bulk.Result, error) bool) {
		for r, err := range j.Journal.Results(ctx) {
			if !yield(r, err) {
				return
			}
		}
		j.fate.at(resultsWritten)
	}
}

// faiths are the ways in which a journal does what it is there for, or not.
var faiths = map[string]func(bulk.Journal) bulk.Journal{
	"faithful":      func(j bulk.Journal) bulk.Journal { return j },
	"no-intent":     func(j bulk.Journal) bulk.Journal { return noIntent{j} },
	"no-outcome":    func(j bulk.Journal) bulk.Journal { return noOutcome{j} },
	"outcome-first": func(j bulk.Journal) bulk.Journal { return outcomeFirst{j} },
	"late-links":    func(j bulk.Journal) bulk.Journal { return j }, // see late
}

type noIntent struct{ bulk.Journal }

func (noIntent) Intent(context.Context, int, int) error { return nil }

type noOutcome struct{ bulk.Journal }

func (noOutcome) Record(context.Context, bulk.Result) error { return nil }

// An outcomeFirst journal takes what is about to be asked for done.
type outcomeFirst struct{ bulk.Journal }

func (j outcomeFirst) Intent(ctx context.Context, seq, n int) error {
	if err := j.Journal.Intent(ctx, seq, n); err != nil {
		return err
	}
	return j.Journal.Record(ctx, bulk.Result{
		Row: bulk.Row{Seq: seq}, Outcome: bulk.Done, Reason: bulk.Accepted, Attempts: n})
}

func (outcomeFirst) Record(context.Context, bulk.Result) error { return nil }
