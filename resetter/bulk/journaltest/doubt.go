package journaltest

import (
	"testing"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/bulk"
)

func aRowInDoubtIsSentOnceMoreByNameAlone(t *testing.T, j journal) {
	j.add(4)
	for seq := 1; seq <= 4; seq++ {
		j.resolve(seq)
	}
	for _, seq := range []int{1, 2, 3} {
		j.intent(seq, 1)
		j.record(seq, bulk.Unknown, "lost_answer")
	}
	j.equal("in doubt", j.list("looker", bulk.InDoubt, 0, 9), []int{1, 2, 3})
	j.equal("in doubt", j.list("looker", bulk.InDoubt, 1, 1), []int{2})
	j.refused(j.Intent(t.Context(), 1, 2), 1, "an intent for a row in doubt")
	j.refused(j.Again(t.Context(), 4, 1), 4, "again, what was never sent")
	j.refused(j.Again(t.Context(), 1, 1), 1, "again, with an attempt that was counted before")

	// In flight again, it can be told from a row that waits.
	j.ok(j.Again(t.Context(), 1, 2))
	j.refused(j.Again(t.Context(), 1, 3), 1, "again, what is in flight")
	j.intent(1, 3) // the second was certainly not sent
	j.equal("ready", j.list("looker", bulk.Ready, 0, 9), []int{4})
	j.equal("in doubt", j.list("looker", bulk.InDoubt, 0, 9), []int{2, 3})
	j.record(1, bulk.Done, bulk.Accepted)
	j.equal("attempts", j.get(1).Attempts, 3)
	j.refused(j.Again(t.Context(), 1, 4), 1, "again, what is done")

	// A process that ends meanwhile leaves it in doubt, and never pending.
	j.ok(j.Again(t.Context(), 2, 2))
	n, err := j.Interrupt(t.Context(), "see for yourself")
	j.ok(err)
	j.equal("interrupted", n, 1)
	j.equal("outcome", j.get(2).Outcome, bulk.Unknown)

	// What was certainly not sent is in doubt as before.
	j.ok(j.Again(t.Context(), 3, 2))
	j.record(3, bulk.Unknown, "lost_answer")
	j.equal("in doubt", j.list("looker", bulk.InDoubt, 0, 9), []int{2, 3})
}

func aRowInDoubtIsSettledAndNothingElse(t *testing.T, j journal) {
	j.add(6)
	for seq := 1; seq <= 6; seq++ {
		j.resolve(seq)
	}
	for seq, outcome := range map[int]bulk.Outcome{1: bulk.Unknown, 2: bulk.Unknown, 3: bulk.Done, 4: bulk.Failed} {
		j.intent(seq, 1)
		j.record(seq, outcome, "why")
	}
	j.intent(5, 1) // and 6 waits
	settle := func(seq int, outcome bulk.Outcome) error {
		return j.Settle(t.Context(), bulk.Result{Row: bulk.Row{Seq: seq}, Outcome: outcome, Reason: bulk.Confirmed,
			Detail: "somebody has looked", Attempts: 1, FinishedAt: noon(9)})
	}
	for _, seq := range []int{3, 4, 5, 6, 7} {
		j.refused(settle(seq, bulk.Done), seq, "settling what is not in doubt")
	}
	for _, outcome := range []bulk.Outcome{bulk.Skipped, bulk.Unknown, bulk.Pending, "perhaps"} {
		j.refused(settle(1, outcome), 1, "settling it as "+string(outcome))
	}
	j.ok(settle(1, bulk.Done))
	j.ok(settle(2, bulk.Failed))
	got := j.get(1)
	if !got.FinishedAt.Equal(noon(9)) {
		t.Errorf("settled at %v", got.FinishedAt)
	}
	got.FinishedAt = noon(9)
	j.equal("result", got, bulk.Result{Row: row(1, "looker", resetter.ActionReset), Account: account("a1"), Outcome: bulk.Done, Reason: bulk.Confirmed,
		Detail: "somebody has looked", Attempts: 1, FinishedAt: noon(9)})
	j.refused(settle(1, bulk.Failed), 1, "settling it twice")
	j.equal("in doubt", j.list("looker", bulk.InDoubt, 0, 9), []int{})
	j.ok(j.Reopen(t.Context(), 2)) // it was not done, so it may be sent
	mailed, err := j.LastMailed(t.Context(), "looker", "a1")
	j.ok(err)
	if !mailed.Accepted.Equal(noon(9)) || !mailed.InDoubt.IsZero() {
		t.Errorf("last mailed: %+v", mailed)
	}
}
