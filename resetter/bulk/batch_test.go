package bulk_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/bulk"
)

// batching is a system that can be asked about several people at once.
type batching struct {
	*system
	size  int
	batch func(ids []resetter.Identity) ([]resetter.Resolution, error)
	sizes []int // of the batches that were asked
}

func (b *batching) BatchSize(kind resetter.IdentityKind) int {
	if kind == resetter.ByUsername {
		return 1
	}
	return b.size
}

func (b *batching) ResolveBatch(_ context.Context, ids []resetter.Identity) ([]resetter.Resolution, error) {
	b.mu.Lock()
	b.sizes = append(b.sizes, len(ids))
	b.mu.Unlock()
	if b.batch != nil {
		return b.batch(ids)
	}
	return found(ids), nil
}

func found(ids []resetter.Identity) []resetter.Resolution {
	all := make([]resetter.Resolution, len(ids))
	for i, id := range ids {
		all[i].Account = account(id.Value)
	}
	return all
}

func TestPeopleAreLookedUpManyAtATime(t *testing.T) {
	for size, calls := range map[int]int{1: 0, 7: 9, 60: 1, 1000: 1} {
		b := &batching{system: &system{}, size: size}
		j := newLedger(t, append(people("a", 60), person("a", "not an address"), bulk.Row{Target: "a", Action: resetter.ActionLock, Identity: resetter.ID("1")})...)
		work(t, &bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "a", Resetter: b, Concurrency: 3}}})
		for i, r := range results(t, j) {
			switch {
			case i < 60:
				is(t, r, "done/accepted")
			case i == 60:
				is(t, r, "failed/invalid")
			default:
				is(t, r, "failed/unsupported")
			}
		}
		if len(b.sizes) != calls || (b.lookUps > 0) != (calls == 0) {
			t.Errorf("batches of %d: %v, and %d people one by one", size, b.sizes, b.lookUps)
		}
		mailedOnce(t, b.system)
	}
}

func TestWhatABatchSaysOfEachPersonIsTrueOfThatPersonAlone(t *testing.T) {
	b := &batching{system: &system{}, size: 10, batch: func(ids []resetter.Identity) ([]resetter.Resolution, error) {
		all := found(ids)
		all[1] = resetter.Resolution{Err: refusal(resetter.ErrNotFound, nil)}
		all[2] = resetter.Resolution{Err: refusal(resetter.ErrAmbiguous, nil)}
		all[3].Account.ID = ""
		return all, nil
	}}
	j := newLedger(t, people("a", 5)...)
	work(t, &bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "a", Resetter: b}}})
	for i, want := range []string{"done/accepted", "failed/not_found", "failed/ambiguous", "failed/unavailable", "done/accepted"} {
		is(t, results(t, j)[i], want)
	}
}

// A journal that writes durably does so for many at once: whatever is known of
// them is therefore recorded at once.
func TestWhatABatchSaysIsRecordedTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &batching{system: &system{}, size: 60, batch: func(ids []resetter.Identity) ([]resetter.Resolution, error) {
			all := found(ids)
			for i := range all[:30] {
				all[i] = resetter.Resolution{Err: refusal(resetter.ErrNotFound, nil)}
			}
			return all, nil
		}}
		j := newLedger(t, people("a", 60)...)
		j.resolved = func() { time.Sleep(time.Second) }
		j.record = func(bulk.Result) error { time.Sleep(time.Second); return nil }
		begun := time.Now()
		if would := prepare(t, &bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "a", Resetter: b}}}).Would(); would != 30 {
			t.Errorf("%d would be done", would)
		}
		if took := time.Since(begun); took != time.Second {
			t.Errorf("it took %v where a record takes a second", took)
		}
	})
}

// Where many cannot be asked about together, each is asked about alone: what
// was wrong with the call is nobody's fault.
func TestABatchThatFailsIsAskedOneByOne(t *testing.T) {
	for name, batch := range map[string]func([]resetter.Identity) ([]resetter.Resolution, error){
		"an error": func([]resetter.Identity) ([]resetter.Resolution, error) {
			return nil, refusal(resetter.ErrUnavailable, nil)
		},
		"something else": func([]resetter.Identity) ([]resetter.Resolution, error) { return nil, errors.New("odd") },
		"a panic":        func([]resetter.Identity) ([]resetter.Resolution, error) { panic("a bug") },
		"one too few":    func(ids []resetter.Identity) ([]resetter.Resolution, error) { return found(ids)[1:], nil },
	} {
		b := &batching{system: &system{}, size: 8, batch: batch}
		j := newLedger(t, people("a", 20)...)
		work(t, &bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "a", Resetter: b, Concurrency: 2}}})
		all(t, j, "done/accepted")
		if b.lookUps != 20 {
			t.Errorf("%s: %d people were asked about one by one", name, b.lookUps)
		}
	}
}

func TestATargetThatRefusesABatchCannotBeWorkedWith(t *testing.T) {
	b := &batching{system: &system{}, size: 8, batch: func([]resetter.Identity) ([]resetter.Resolution, error) {
		return nil, refusal(resetter.ErrUnauthorized, nil)
	}}
	j := newLedger(t, people("a", 20)...)
	_, err := (&bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "a", Resetter: b}}}).Prepare(t.Context())
	if target := (*bulk.TargetError)(nil); !errors.As(err, &target) || b.lookUps > 0 {
		t.Errorf("Prepare returned %v after %d look-ups", err, b.lookUps)
	}
	all(t, j, "pending/not_started")
}

// A pause in the middle of a batch does not cost those who were found before
// it, so that a system with a low limit is got through with in the end.
func TestAPauseInTheMiddleOfABatchLosesNobodyAndNoWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		b := &batching{system: &system{}, size: 25}
		b.batch = func(ids []resetter.Identity) ([]resetter.Resolution, error) {
			if asked++; asked == 1 {
				return nil, throttled(10*time.Second, resetter.ScopeTarget)
			}
			all := found(ids)
			for i := 2; i < len(ids); i++ { // two, and then a pause
				all[i] = resetter.Resolution{Err: throttled(10*time.Second, resetter.ScopeTarget)}
			}
			return all, nil
		}
		j := newLedger(t, people("a", 50)...)
		begun := time.Now()
		work(t, &bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "a", Resetter: b, MaxWait: time.Minute}}})
		all(t, j, "done/accepted")
		if took := time.Since(begun); took > 30*10*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

func TestTheLimitHoldsWithinABatch(t *testing.T) {
	b := &batching{system: &system{}, size: 8}
	j := newLedger(t, people("a", 20)...)
	work(t, &bulk.Engine{Journal: j, Limit: 5, Targets: []bulk.Target{{Name: "a", Resetter: b}}})
	if len(b.order) != 5 || len(b.sizes) != 1 || b.sizes[0] != 5 {
		t.Errorf("%d were done, in batches of %v", len(b.order), b.sizes)
	}
}

// What is known of a batch is known when it is over, and lost where the process
// is killed before. So people of a kind that gains nothing are not in one.
func TestPeopleAreInABatchOnlyWhereThatSparesCalls(t *testing.T) {
	b := &batching{system: &system{}, size: 5}
	var rows []bulk.Row
	for i := range 20 {
		id := resetter.Username(fmt.Sprintf("u%d", i))
		if i%10 > 3 {
			id = resetter.ID(fmt.Sprintf("i%d", i))
		}
		rows = append(rows, bulk.Row{Target: "a", Identity: id})
	}
	j := newLedger(t, rows...)
	work(t, &bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "a", Resetter: b}}})
	all(t, j, "done/accepted")
	if b.lookUps != 8 || fmt.Sprint(b.sizes) != "[5 1 5 1]" {
		t.Errorf("%d people one by one, and batches of %v", b.lookUps, b.sizes)
	}
}
