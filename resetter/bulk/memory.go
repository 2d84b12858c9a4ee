package bulk

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/seed57652884/resetctl/resetter"
)

// Memory is a [Journal] that lasts as long as the process: for tests, for
// demonstrations, and for programs that keep a record of their own. It holds
// one run, and all of it in memory.
type Memory struct {
	mu     sync.Mutex
	rows   []*entry // by Row.Seq
	bySeq  map[int]*entry
	people map[person][]*entry // the rows whose account is known
	moving map[string][]*entry // those that change an address, by who they are about as written
}

// An entry is a row and where it stands.
type entry struct {
	Result
	intentAt time.Time // of the open intent; zero where there is none
}

// A person is an account at a target.
type person struct{ target, account string }

// NewMemory returns an empty journal in memory.
func NewMemory() *Memory {
	return &Memory{bySeq: map[int]*entry{}, people: map[person][]*entry{}, moving: map[string][]*entry{}}
}

var _ Journal = (*Memory)(nil)

// Add implements [Journal].
func (m *Memory) Add(ctx context.Context, rows iter.Seq2[Row, error]) error {
	// All are collected before the first is registered, and without the lock,
	// since rows may be slow.
	var added []*entry
	for row, err := range rows {
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if row.Seq < 1 {
			return fmt.Errorf("line %d: rows are numbered from 1, not %d", row.Line, row.Seq)
		}
		row.Cells = slices.Clone(row.Cells)
		added = append(added, &entry{Result: Result{Row: row, Outcome: Pending, Reason: NotStarted}})
	}

	m.mu.Lock()
	defer m.mu.Unlock()
	fresh := make(map[int]bool, len(added))
	for _, e := range added {
		if m.bySeq[e.Row.Seq] != nil || fresh[e.Row.Seq] {
			return fmt.Errorf("row %d is registered already", e.Row.Seq)
		}
		fresh[e.Row.Seq] = true
	}
	for _, e := range added {
		m.bySeq[e.Row.Seq] = e
		if e.Row.Action == resetter.ActionChangeEmail {
			m.moving[e.written()] = append(m.moving[e.written()], e)
		}
	}
	m.rows = append(m.rows, added...)
	slices.SortFunc(m.rows, func(a, b *entry) int { return cmp.Compare(a.Row.Seq, b.Row.Seq) })
	return nil
}

// List implements [Journal].
func (m *Memory) List(ctx context.Context, target string, stage Stage, after, n int) ([]Result, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	start, _ := slices.BinarySearchFunc(m.rows, after+1, func(e *entry, seq int) int { return cmp.Compare(e.Row.Seq, seq) })
	var list []Result
	for _, e := range m.rows[start:] {
		if len(list) >= n {
			break
		}
		if e.Row.Target == target && e.at(stage) {
			list = append(list, e.Result)
		}
	}
	return list, nil
}

// at reports whether the row is at stage.
func (e *entry) at(stage Stage) bool {
	if stage == InDoubt {
		return e.Outcome == Unknown
	}
	if e.Outcome != Pending || !e.intentAt.IsZero() {
		return false
	}
	return e.known() == (stage == Ready)
}

// known reports whether the row's account is known.
func (e *entry) known() bool { return e.Account.ID != "" }

// Resolved implements [Journal].
func (m *Memory) Resolved(ctx context.Context, seq int, account resetter.Account) error {
	return m.change(ctx, seq, func(e *entry) error {
		if account.ID == "" {
			return fmt.Errorf("row %d: its account has no id", seq)
		}
		if !e.intentAt.IsZero() {
			return fmt.Errorf("row %d: its request is under way, so its account cannot change", seq)
		}
		m.forget(e)
		e.Account, e.ReadAt = account, time.Now()
		m.people[m.personOf(e)] = append(m.people[m.personOf(e)], e)
		return nil
	})
}

// forget takes the row's account away, if it is known.
func (m *Memory) forget(e *entry) {
	if e.known() {
		old := m.personOf(e)
		m.people[old] = slices.DeleteFunc(m.people[old], func(o *entry) bool { return o == e })
		e.Account, e.ReadAt = resetter.Account{}, time.Time{}
	}
}

func (m *Memory) personOf(e *entry) person { return person{e.Row.Target, e.Account.ID} }

// change runs f on the row seq, which has to be Pending.
func (m *Memory) change(ctx context.Context, seq int, f func(*entry) error) error {
	return m.changeWhere(ctx, seq, Pending, f)
}

// changeWhere runs f on the row seq, which has to have the outcome.
func (m *Memory) changeWhere(ctx context.Context, seq int, has Outcome, f func(*entry) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.bySeq[seq]
	if e == nil {
		return fmt.Errorf("row %d is not in the journal", seq)
	}
	switch {
	case e.Outcome == has:
		return f(e)
	case has == Pending:
		return fmt.Errorf("row %d has its outcome already (%s, %s), which is not overwritten", seq, e.Outcome, e.Reason)
	default:
		return fmt.Errorf("row %d is %s, %s, not %s", seq, e.Outcome, e.Reason, has)
	}
}

// Twin implements [Journal].
func (m *Memory) Twin(ctx context.Context, seq int) (Result, bool, error) {
	if err := ctx.Err(); err != nil {
		return Result{}, false, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	of := m.bySeq[seq]
	if of == nil || !of.known() {
		return Result{}, false, nil
	}
	var over, earlier *entry
	for _, e := range m.people[m.personOf(of)] {
		same := e != of && e.Row.Action == of.Row.Action
		switch first := func(f *entry) bool { return f == nil || e.Row.Seq < f.Row.Seq }; {
		case !same:
		case e.Outcome == Done || e.Outcome == Unknown:
			if first(over) {
				over = e
			}
		case e.Row.Seq < seq && (e.Outcome == Pending || e.Reason == Cooldown):
			if first(earlier) {
				earlier = e
			}
		}
	}
	if over == nil {
		over = earlier
	}
	if over == nil {
		return Result{}, false, nil
	}
	return over.Result, true, nil
}

// Adopt implements [Journal]. A journal in memory loses no row of its input, so
// there is never anything to adopt.
func (m *Memory) Adopt(_ context.Context, seq int) (Result, error) {
	return Result{}, fmt.Errorf("row %d has no twin that the input has lost", seq)
}

// LastMailed implements [Journal].
func (m *Memory) LastMailed(ctx context.Context, target, accountID string) (Mailed, error) {
	if err := ctx.Err(); err != nil {
		return Mailed{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var last Mailed
	for _, e := range m.people[person{target, accountID}] {
		switch {
		case !e.Row.Action.Mails():
		case !e.intentAt.IsZero():
			last.InDoubt = later(last.InDoubt, e.intentAt)
		case e.Outcome == Unknown:
			last.InDoubt = later(last.InDoubt, e.FinishedAt)
		case e.Outcome == Done && e.Reason != Already:
			last.Accepted = later(last.Accepted, e.FinishedAt)
		}
	}
	return last, nil
}

// Changed implements [Journal].
func (m *Memory) Changed(ctx context.Context, seq int) (accountID string, ok bool, err error) {
	if err := ctx.Err(); err != nil {
		return "", false, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	of := m.bySeq[seq]
	if of == nil || of.Row.Action != resetter.ActionChangeEmail {
		return "", false, nil
	}
	for _, e := range m.moving[of.written()] {
		if e != of && e.known() && (e.Outcome == Done || e.Outcome == Unknown) && resetter.SameEmail(e.Row.NewEmail, of.Row.NewEmail) {
			accountID, ok = e.Account.ID, true
		}
	}
	return accountID, ok, nil
}

// written is at which target the row is, and about whom, as written but for the
// case.
func (e *entry) written() string {
	return strings.ToLower(strings.Join([]string{e.Row.Target, string(e.Row.Identity.Kind), e.Row.Identity.Value}, "\x00"))
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// Intent implements [Journal].
func (m *Memory) Intent(ctx context.Context, seq, n int) error {
	return m.change(ctx, seq, func(e *entry) error {
		if !e.known() {
			return fmt.Errorf("row %d: nobody has been looked up for it yet, so nothing may be sent", seq)
		}
		if n <= e.Attempts {
			return fmt.Errorf("row %d: attempt %d is not later than attempt %d, which is in the journal already", seq, n, e.Attempts)
		}
		e.Attempts, e.intentAt = n, time.Now()
		e.AskedAt = e.intentAt
		if e.intentAt.Sub(e.ReadAt) > EvidenceLife {
			e.Account.Evidence = ""
		}
		return nil
	})
}

// Again implements [Journal].
func (m *Memory) Again(ctx context.Context, seq, n int) error {
	return m.changeWhere(ctx, seq, Unknown, func(e *entry) error {
		if n <= e.Attempts {
			return fmt.Errorf("row %d: attempt %d is not later than attempt %d, which is in the journal already", seq, n, e.Attempts)
		}
		e.Result = Result{Row: e.Row, Account: e.Account, ReadAt: e.ReadAt, Outcome: Pending, Reason: NotStarted, Attempts: n, AskedAt: time.Now()}
		e.intentAt = e.AskedAt
		return nil
	})
}

// Record implements [Journal].
func (m *Memory) Record(ctx context.Context, r Result) error {
	return m.change(ctx, r.Row.Seq, func(e *entry) error {
		if !slices.Contains(Outcomes(), r.Outcome) {
			return fmt.Errorf("row %d: there is no outcome %q", r.Row.Seq, r.Outcome)
		}
		e.end(r)
		return nil
	})
}

// end takes over what r says became of the row.
func (e *entry) end(r Result) {
	e.Outcome, e.Reason, e.Detail, e.Status = r.Outcome, r.Reason, r.Detail, r.Status
	e.Attempts = max(e.Attempts, r.Attempts)
	e.intentAt = time.Time{}
	switch {
	case r.Outcome == Pending:
		e.FinishedAt = time.Time{}
	case r.FinishedAt.IsZero():
		e.FinishedAt = time.Now()
	default:
		e.FinishedAt = r.FinishedAt
	}
}

// Settle implements [Journal].
func (m *Memory) Settle(ctx context.Context, r Result) error {
	return m.changeWhere(ctx, r.Row.Seq, Unknown, func(e *entry) error {
		if r.Outcome != Done && r.Outcome != Failed {
			return fmt.Errorf("row %d: what is in doubt is settled as done or failed, not as %q", r.Row.Seq, r.Outcome)
		}
		e.end(r)
		return nil
	})
}

// Interrupt implements [Journal].
func (m *Memory) Interrupt(ctx context.Context, detail string) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for _, e := range m.rows {
		if e.intentAt.IsZero() {
			continue
		}
		e.Outcome, e.Reason, e.Detail = Unknown, Reason(resetter.ErrInterrupted), detail
		e.FinishedAt, e.intentAt = time.Now(), time.Time{}
		n++
	}
	return n, nil
}

// Reopen implements [Journal].
func (m *Memory) Reopen(ctx context.Context, seqs ...int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	chosen := make(map[int]bool, len(seqs))
	for _, seq := range seqs {
		switch e := m.bySeq[seq]; {
		case e == nil:
			return fmt.Errorf("row %d is not in the journal", seq)
		case e.Outcome != Failed:
			return fmt.Errorf("row %d is %s, %s: only a failed row is taken again", seq, e.Outcome, e.Reason)
		case chosen[seq]:
			return fmt.Errorf("row %d is named twice", seq)
		}
		chosen[seq] = true
	}
	for _, seq := range seqs {
		e := m.bySeq[seq]
		m.forget(e)
		e.Result = Result{Row: e.Row, Outcome: Pending, Reason: NotStarted, Attempts: e.Attempts, AskedAt: e.AskedAt}
	}
	return nil
}

// Halt implements [Journal].
func (m *Memory) Halt(ctx context.Context, target string, reason Reason, detail string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range m.rows {
		if e.Row.Target == target && e.Outcome == Pending && e.Reason == NotStarted && e.intentAt.IsZero() {
			e.Reason, e.Detail = reason, detail
		}
	}
	return nil
}

// Counts implements [Journal].
func (m *Memory) Counts(ctx context.Context) (map[string]Counts, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	all := map[string]Counts{}
	for _, e := range m.rows {
		if all[e.Row.Target] == nil {
			all[e.Row.Target] = Counts{}
		}
		all[e.Row.Target][e.Outcome]++
	}
	return all, nil
}

// Results implements [Journal].
func (m *Memory) Results(ctx context.Context) iter.Seq2[Result, error] {
	return func(yield func(Result, error) bool) {
		m.mu.Lock()
		moment := make([]Result, len(m.rows))
		for i, e := range m.rows {
			moment[i] = e.Result
		}
		m.mu.Unlock()
		for _, r := range moment {
			if err := ctx.Err(); err != nil {
				yield(Result{}, err)
				return
			}
			if !yield(r, nil) {
				return
			}
		}
	}
}
