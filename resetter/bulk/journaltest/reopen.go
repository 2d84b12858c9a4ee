package journaltest

import (
	"fmt"
	"testing"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/bulk"
)

func aFailedRowIsTakenAgainAndNothingElse(t *testing.T, j journal) {
	j.add(6)
	for seq := 1; seq <= 5; seq++ {
		j.resolve(seq)
		j.intent(seq, 1)
	}
	j.ok(j.Record(t.Context(), bulk.Result{Row: bulk.Row{Seq: 1}, Outcome: bulk.Failed, Reason: "rejected", Detail: "no", Attempts: 2, Status: 409}))
	j.record(2, bulk.Done, bulk.Accepted)
	j.record(3, bulk.Unknown, "lost_answer")
	j.record(4, bulk.Skipped, bulk.Cooldown)
	// 5 is in flight, and 6 was never looked up.
	for seq := 2; seq <= 7; seq++ {
		j.refused(j.Reopen(t.Context(), seq), seq, "taking again what has not failed")
	}
	j.ok(j.Reopen(t.Context(), 1))
	j.equal("result", j.get(1), bulk.Result{Row: row(1, "looker", resetter.ActionReset), Outcome: bulk.Pending, Reason: bulk.NotStarted, Attempts: 2})
	j.refused(j.Reopen(t.Context(), 1), 1, "taking again what is pending already")

	// It is looked up anew, and its attempts count on.
	j.equal("new", j.list("looker", bulk.New, 0, 9), []int{1, 6})
	j.refused(j.Intent(t.Context(), 1, 3), 1, "an intent before it is looked up anew")
	j.resolve(1, "other")
	j.equal("ready", j.list("looker", bulk.Ready, 0, 9), []int{1})
	j.refused(j.Intent(t.Context(), 1, 2), 1, "an attempt that was counted before")
	j.intent(1, 3)
	j.record(1, bulk.Failed, "rejected")
	j.ok(j.Reopen(t.Context(), 1)) // as often as wanted
	j.equal("attempts", j.get(1).Attempts, 3)

	counts, err := j.Counts(t.Context())
	j.ok(err)
	j.equal("counts", counts, map[string]bulk.Counts{"looker": {bulk.Done: 1, bulk.Unknown: 1, bulk.Skipped: 1, bulk.Pending: 3}})
}

func reopenTakesAllOrNone(t *testing.T, j journal) {
	j.add(4)
	for _, seq := range []int{1, 2, 4} {
		j.record(seq, bulk.Failed, "not_found")
	}
	j.refused(j.Reopen(t.Context(), 1, 2, 3), 3, "one of them has not failed")
	j.refused(j.Reopen(t.Context(), 1, 2, 2), 2, "one of them twice")
	j.equal("new", j.list("looker", bulk.New, 0, 9), []int{3})
	j.ok(j.Reopen(t.Context()))
	j.ok(j.Reopen(t.Context(), 4, 1))
	j.equal("new", j.list("looker", bulk.New, 0, 9), []int{1, 3, 4})
}

func aReopenedRowHasALaterTwinThatWasDone(t *testing.T, j journal) {
	j.add(7)
	// 1, 3 and 5 fail, and the row behind each is of the same account.
	for seq := 1; seq <= 6; seq++ {
		j.resolve(seq, fmt.Sprint((seq+1)/2))
	}
	for _, seq := range []int{1, 3, 5} {
		j.record(seq, bulk.Failed, "unavailable")
	}
	j.record(2, bulk.Done, bulk.Accepted)
	j.record(4, bulk.Unknown, "lost_answer")
	j.record(6, bulk.Failed, "rejected") // so 5 may be done
	j.ok(j.Reopen(t.Context(), 1, 3, 5))
	for _, seq := range []int{1, 3, 5} {
		j.resolve(seq, fmt.Sprint((seq+1)/2))
	}
	j.resolve(7, "1") // behind both
	for seq, twin := range map[int]int{1: 2, 3: 4, 5: 0, 7: 2} {
		j.twin(seq, twin)
	}
}
