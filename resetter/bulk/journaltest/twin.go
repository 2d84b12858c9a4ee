package journaltest

import (
	"testing"
	"time"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/bulk"
)

// twin checks which row makes seq superfluous; 0 is none.
func (j journal) twin(seq, want int) {
	j.t.Helper()
	r, ok, err := j.Twin(j.t.Context(), seq)
	j.ok(err)
	if ok != (want != 0) || r.Row.Seq != want {
		j.t.Errorf("the twin of row %d is %d (%v), want %d", seq, r.Row.Seq, ok, want)
	}
}

func aRowThatDoesTheSameIsATwin(t *testing.T, j journal) {
	moved := row(14, "looker", resetter.ActionChangeEmail)
	other := row(15, "looker", resetter.ActionChangeEmail)
	moved.NewEmail, other.NewEmail = "new@example.com", "newer@example.com"
	j.ok(j.Add(t.Context(), each(
		row(1, "looker", resetter.ActionReset),
		row(2, "looker", resetter.ActionReset),
		row(3, "looker", resetter.ActionReset),
		row(4, "sugar", resetter.ActionReset), // another target
		row(5, "looker", resetter.ActionLock), // another action
		row(6, "looker", resetter.ActionReset),
		row(7, "looker", resetter.ActionReset), // another account
		row(8, "looker", resetter.ActionReset),
		row(9, "looker", resetter.ActionReset), // in flight
		row(10, "sugar", resetter.ActionLock),
		row(11, "sugar", resetter.ActionLock),
		row(12, "sugar", resetter.ActionLock),
		row(13, "sugar", resetter.ActionLock),
		moved, other, // to another address
	)))
	for _, seq := range []int{1, 2, 3, 4, 5, 6, 9, 14, 15} {
		j.resolve(seq, "ana")
	}
	j.resolve(7, "ben")
	j.resolve(8, "dee")
	for _, seq := range []int{10, 11, 12, 13} {
		j.resolve(seq, "cem")
	}
	j.twin(3, 1) // pending, and before it
	j.twin(1, 0)
	j.record(1, bulk.Failed, "invalid") // so 2 is the first
	j.twin(3, 2)
	j.intent(2, 1)
	j.twin(3, 2)
	j.record(3, bulk.Unknown, "lost_answer")
	j.twin(2, 3) // it may have been done, wherever it stands
	j.twin(6, 3)
	j.record(2, bulk.Done, bulk.Accepted)
	j.twin(6, 2)
	j.intent(9, 1)
	j.twin(9, 2)

	j.record(10, bulk.Skipped, bulk.Excluded)
	j.twin(11, 0)
	j.twin(12, 11)
	j.record(11, bulk.Skipped, bulk.Cooldown) // the same holds for all
	j.twin(12, 11)
	j.record(12, bulk.Skipped, bulk.Duplicate)
	j.twin(13, 11)
	j.twin(15, 14) // whatever the two want
	for _, alone := range []int{4, 5, 7, 8, 14} {
		j.twin(alone, 0)
	}
	r, _, err := j.Twin(t.Context(), 6)
	j.ok(err)
	r.AskedAt, r.ReadAt = time.Time{}, time.Time{}
	j.equal("twin", r, j.get(2))
}
