package journaltest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/bulk"
)

func resultsShowOneMomentWhileOthersRecord(t *testing.T, j journal) {
	const n = 400
	j.add(n)
	ctx, stop := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() {
			for seq := 1 + w; seq <= n && ctx.Err() == nil; seq += 4 {
				err := errors.Join(
					j.Resolved(t.Context(), seq, account(fmt.Sprint(seq))),
					j.Intent(t.Context(), seq, 1),
					j.Record(t.Context(), bulk.Result{Row: bulk.Row{Seq: seq}, Outcome: bulk.Done, Reason: bulk.Accepted}))
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for finished := 0; finished < n && !t.Failed(); {
		at, before := 0, finished
		finished = 0
		for r, err := range j.Results(t.Context()) {
			if err != nil {
				t.Error(err)
				break
			}
			at++
			if r.Row.Seq != at {
				t.Errorf("row %d stands at place %d", r.Row.Seq, at)
				break
			}
			if r.Outcome == bulk.Done {
				finished++
			}
		}
		if at != n || finished < before {
			t.Errorf("%d of %d rows, %d finished after %d", at, n, finished, before)
		}
	}
	stop()
	writers.Wait()

	// One moment, and the loop may stop and write as it likes.
	first := true
	for r, err := range j.Results(t.Context()) {
		j.ok(err)
		if first {
			j.ok(j.Add(t.Context(), each(row(n+1, "looker", resetter.ActionReset))))
			first = false
		}
		if r.Row.Seq > n {
			t.Error("a row shows that was added after the moment")
		}
	}
	for range j.Results(t.Context()) {
		break
	}
}

func oneOfManyIntentsForARowWins(t *testing.T, j journal) {
	j.add(1)
	j.resolve(1)
	var mu sync.Mutex
	var won int
	var callers sync.WaitGroup
	for range 16 {
		callers.Go(func() {
			if err := j.Intent(t.Context(), 1, 1); err == nil {
				mu.Lock()
				won++
				mu.Unlock()
			}
		})
	}
	callers.Wait()
	j.equal("intents that were let through", won, 1)
}
