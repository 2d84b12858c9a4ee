package bulk

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/seed57652884/resetctl/resetter"
)

const (
	// window bounds the rows of a target that are held in memory.
	window = 1024
	// page is how many rows are asked of the journal at once.
	page = 256
	// shortestWait keeps a Resetter whose waits are over already from being
	// asked again and again without pause.
	shortestWait = 100 * time.Millisecond
	// tooManyRefusals in a row that are systemic stop a target.
	tooManyRefusals = 5
)

// ErrTimeUp means that the Engine's Deadline has come.
var ErrTimeUp = errors.New("the time is up")

// A lane works off the rows of one target at one stage. It is the dispatcher:
// what comes next, and when, is decided here and nowhere else.
//
// Its state belongs to the goroutine that is in run. Rows are worked by
// goroutines of their own, at most Concurrency at a time, which never wait for
// a time: they hand the wait back, and the lane takes the row up again then.
type lane struct {
	journal  Journal
	target   *Target
	stage    Stage
	phase    Phase // of its target while it runs
	limit    int
	deadline time.Time
	// batch is how many rows one task has, in task.rows; 0 where a task is a row.
	batch int
	// size, where set, is how many rows such as this one are a batch, at most
	// batch; rows of different sizes are in none together.
	size func(Result) int
	// room, where set, is how many more rows may be taken. One that is left out
	// gives its place back.
	room *int
	// systemic are the refusals that speak of the system or of us, not of the
	// row, when several come in a row.
	systemic []resetter.Kind
	// key names what may be worked by one row at a time and in the order of
	// the input; rows whose key is empty are independent.
	key func(Result) string
	// work works a row and records what became of it.
	work func(context.Context, *task) verdict
	// giveUp records what becomes of a row that was put off for too long, the
	// last time by that verdict.
	giveUp func(context.Context, *task, verdict) error
	// show is told of every change.
	show func(func(*TargetProgress))

	after     int  // the last row that was read
	exhausted bool // there is no row after that
	held      int  // rows in ready, later, flying and behind
	dropped   int  // rows that were let go of since that was shown
	ready     tasks
	later     tasks
	flying    map[*task]bool
	behind    map[string][]*task // by key, rows that wait for an earlier one of it

	latest     time.Time     // no row of later waits longer
	gate       time.Time     // no row is begun before
	why        resetter.Kind // of the gate
	guess      bool          // the system did not say until when
	stuckSince time.Time     // when the system asked us to wait and has not answered a row since; else zero
	refusals   int           // how many of systemic came in a row
	stopped    error         // why no row of this target is begun any more; nil where it goes on
}

// A task is a row in the hands of a lane, or several that are asked about
// together.
type task struct {
	Result          // of a batch the first
	rows   []Result // of a batch those that are left, else nil
	weight int      // how many rows are held with it
	split  bool     // it was part of a batch that could not be asked about together
	doubt  *Result  // what the row was before, where it is sent once more

	at     time.Time     // when it may be taken up again
	waited time.Duration // how long it was put off, in all

	mu       sync.Mutex
	departed bool // a request may be on its way: let it finish
	grounded bool // no request may leave any more
	cancel   context.CancelCauseFunc
}

// A verdict is what a task came to, for its lane to act on.
type verdict struct {
	task *task
	// until, where not zero, is when the row is to be taken up again, and scope
	// whom that wait concerns.
	until time.Time
	scope resetter.Scope
	why   *resetter.Error // why the row waits
	tried bool            // the system turned its own request away
	// split is true where the rows of a batch are to be tasks of their own.
	split bool
	// leftOut is true where a row proved to be one that is not worked.
	leftOut bool
	// answered is true where the row is through, and refusal what the system
	// said, if it was not yes.
	answered bool
	refusal  *resetter.Error
	// err ends the whole phase.
	err error
}

// depart is asked right before a request leaves, and refuses it where the lane
// has been told to stop. From the first success on the task is not cancelled.
func (t *task) depart(ctx context.Context) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := context.Cause(ctx); err != nil {
		t.grounded = true
		return err
	}
	if t.grounded {
		return context.Canceled
	}
	t.departed = true
	return nil
}

// ground keeps the task from sending anything from now on, and ends it where
// it has not sent anything yet.
func (t *task) ground(cause error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.grounded = true
	if !t.departed {
		t.cancel(cause)
	}
}

func (t *task) isGrounded() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.grounded
}

// A stopError is a refusal that stopped a target. It does not say about whom
// the refusal was, since it stands for everybody.
type stopError struct {
	intro   string
	refusal *resetter.Error
}

func (e stopError) Error() string { return e.intro + e.refusal.Detail() }
func (e stopError) Unwrap() error { return e.refusal }

// run works until nothing is left, there is no more room, nothing can be done
// before the deadline, the target is stopped or ctx is done. All its goroutines
// have ended when it returns. It may be called again, and goes on. fail ends the phase for the other lanes too; run returns the first
// error that it passed on so.
func (l *lane) run(ctx context.Context, fail context.CancelCauseFunc) error {
	var failed error
	giveUp := func(err error) {
		if err != nil && failed == nil {
			failed = err
			fail(err)
		}
	}
	landed := make(chan verdict)
	alarm := time.NewTimer(time.Hour)
	alarm.Stop()
	done := ctx.Done()
	for {
		open := ctx.Err() == nil && l.stopped == nil
		if open {
			giveUp(l.launch(ctx, landed))
			open = failed == nil
		}
		l.publish()
		var next time.Time
		if open {
			next = l.next()
		}
		if len(l.flying) == 0 {
			beyond := !l.deadline.IsZero() && next.After(l.deadline)
			if !open || l.held == 0 || beyond {
				return failed
			}
		}
		if !next.IsZero() {
			pause := time.Until(next)
			if pause <= 0 {
				continue
			}
			alarm.Reset(pause)
		}
		select {
		case v := <-landed:
			giveUp(l.settle(ctx, v))
		case <-alarm.C:
		case <-done:
			l.ground(context.Cause(ctx))
			done = nil
		}
		alarm.Stop()
	}
}

// launch begins as many rows as may be begun now.
func (l *lane) launch(ctx context.Context, landed chan<- verdict) error {
	now := time.Now()
	for len(l.later.list) > 0 && !l.later.list[0].at.After(now) {
		heap.Push(&l.ready, heap.Pop(&l.later))
	}
	for len(l.flying) < l.target.concurrency() {
		if err := l.fill(ctx); err != nil || len(l.ready.list) == 0 || now.Before(l.gate) {
			return err
		}
		t := heap.Pop(&l.ready).(*task)
		// What is under way must outlive ctx once its request has left.
		taskCtx, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
		t.departed, t.grounded, t.cancel = false, false, cancel
		l.flying[t] = true
		go func() {
			v := l.work(taskCtx, t)
			cancel(nil)
			v.task = t
			landed <- v
		}()
	}
	return nil
}

// fill reads rows until one is ready, there are no more, or the window or the
// room is full.
func (l *lane) fill(ctx context.Context) error {
	batch := max(l.batch, 1)
	for len(l.ready.list) == 0 && !l.exhausted && l.held+batch <= max(window, batch) {
		n := max(batch, min(page, window-l.held)/batch*batch)
		if l.room != nil {
			if n = min(n, *l.room); n == 0 {
				return nil
			}
		}
		results, err := l.journal.List(ctx, l.target.Name, l.stage, l.after, n)
		if ctx.Err() != nil {
			return nil // the lane ends anyway
		}
		if err != nil {
			return fmt.Errorf("the journal could not list the rows of target %s; no further row is begun: %w", l.target.Name, err)
		}
		l.exhausted = len(results) < n
		for i, r := range results {
			if l.limit > 0 && r.Row.Seq > l.limit {
				l.exhausted, results = true, results[:i]
				break
			}
			l.after = r.Row.Seq
		}
		if l.room != nil {
			*l.room -= len(results)
		}
		for len(results) > 0 {
			n := l.together(results, batch)
			t := &task{Result: results[0], weight: n}
			if l.batch > 0 {
				t.rows = results[:n:n]
			}
			results = results[n:]
			l.take(t)
		}
	}
	return nil
}

// together is how many of the rows, from the first on, make one task.
func (l *lane) together(rows []Result, batch int) int {
	if l.size == nil {
		return min(len(rows), batch)
	}
	size, n := l.size(rows[0]), 1
	for n < len(rows) && n < size && l.size(rows[n]) == size {
		n++
	}
	return n
}

// take holds a row that was read, behind the earlier one of its key if there
// is one.
func (l *lane) take(t *task) {
	l.held += t.weight
	if k := l.key(t.Result); k != "" {
		if queue, busy := l.behind[k]; busy {
			l.behind[k] = append(queue, t)
			return
		}
		l.behind[k] = nil
	}
	heap.Push(&l.ready, t)
}

// drop lets go of a row that the lane has done with, so that the next of its
// key may be begun.
func (l *lane) drop(t *task) {
	l.held -= t.weight
	l.dropped += t.weight
	k := l.key(t.Result)
	if k == "" {
		return
	}
	if queue := l.behind[k]; len(queue) > 0 {
		l.behind[k] = queue[1:]
		heap.Push(&l.ready, queue[0])
		return
	}
	delete(l.behind, k)
}

// settle acts on what a row came to.
func (l *lane) settle(ctx context.Context, v verdict) error {
	delete(l.flying, v.task)
	switch {
	case v.err != nil:
		l.drop(v.task)
		return v.err
	case !v.until.IsZero():
		if v.answered { // part of a batch is through
			l.stuckSince, v.task.waited = time.Time{}, 0
			l.held -= v.task.weight - len(v.task.rows)
			v.task.weight = len(v.task.rows)
		}
		return l.putOff(ctx, v)
	}
	l.drop(v.task)
	if v.leftOut && l.room != nil {
		*l.room++
	}
	if v.split {
		for _, r := range v.task.rows {
			l.take(&task{Result: r, rows: []Result{r}, weight: 1, split: true})
		}
		return nil
	}
	if v.answered {
		l.stuckSince = time.Time{}
		if v.refusal != nil && slices.Contains(l.systemic, v.refusal.Kind) {
			l.refusals++
		} else {
			l.refusals = 0
		}
	}
	switch {
	case v.refusal != nil && v.refusal.Stop:
		l.stop(stopError{"", v.refusal})
	case l.refusals >= tooManyRefusals:
		l.stop(stopError{fmt.Sprintf("%d rows in a row were refused: ", l.refusals), v.refusal})
	}
	return nil
}

// putOff has a row taken up again when its wait is over, unless that is too long.
func (l *lane) putOff(ctx context.Context, v verdict) error {
	t, now := v.task, time.Now()
	until := v.until
	if soonest := now.Add(shortestWait); until.Before(soonest) {
		until = soonest
	}
	t.waited += until.Sub(now)
	if v.scope != resetter.ScopePerson {
		if l.stuckSince.IsZero() {
			l.stuckSince = now
		}
		if until.Sub(l.stuckSince) > l.target.maxWait() {
			return l.tooLong(ctx, v, until)
		}
		if until.After(l.gate) {
			l.gate, l.why, l.guess = until, v.why.Kind, v.why.Guessed
		}
	}
	if t.waited > l.target.maxWait() {
		err := l.giveUp(ctx, t, v)
		l.drop(t)
		return err
	}
	if v.scope == resetter.ScopePerson {
		t.at = until
		if until.After(l.latest) {
			l.latest = until
		}
		heap.Push(&l.later, t)
	} else {
		heap.Push(&l.ready, t)
	}
	return nil
}

// tooLong stops the target since its system keeps us waiting for longer than we
// wait. A row that it has turned away all the time, without a word of when to come
// back, ends with that.
func (l *lane) tooLong(ctx context.Context, v verdict, until time.Time) (err error) {
	longest := l.target.maxWait()
	switch {
	case v.why.Kind == resetter.ErrUnavailable:
		l.stop(fmt.Errorf("the system has not been there since %s, and we wait %v at most; go on when it is", clock(l.stuckSince), longest))
	case v.why.Guessed:
		if v.tried {
			err = l.giveUp(ctx, v.task, v)
		}
		l.stop(fmt.Errorf("the system has turned us away since %s without saying for how long, and we wait %v at most; go on later", clock(l.stuckSince), longest))
	default:
		l.stop(fmt.Errorf("the system asks us to wait until %s, which makes more than the %v that we wait; go on after that", clock(until), longest))
	}
	l.drop(v.task)
	return err
}

// stop begins no further row of this target.
func (l *lane) stop(why error) {
	if l.stopped == nil {
		l.stopped = why
		l.ground(why)
	}
}

func (l *lane) ground(cause error) {
	for t := range l.flying {
		t.ground(cause)
	}
}

// next returns when the lane has to look up by itself; zero where something
// else has to happen first.
func (l *lane) next() time.Time {
	switch {
	case len(l.flying) >= l.target.concurrency():
		return time.Time{}
	case len(l.ready.list) > 0:
		return l.gate
	case len(l.later.list) == 0:
		return time.Time{}
	case l.later.list[0].at.Before(l.gate):
		return l.gate
	}
	return l.later.list[0].at
}

func (l *lane) publish() {
	l.show(func(p *TargetProgress) {
		p.Phase, p.InFlight = l.phase, 0
		for t := range l.flying {
			p.InFlight += t.weight
		}
		if l.stage == InDoubt && l.phase == Acting {
			if p.again = max(0, p.again-l.dropped); l.exhausted {
				p.again = l.held
			}
			l.dropped = 0
		}
		p.Deferred, p.DeferredUntil, p.GatedUntil = len(l.later.list), time.Time{}, time.Time{}
		if p.Deferred > 0 {
			p.DeferredUntil = l.latest
		}
		if time.Now().Before(l.gate) {
			p.GatedUntil, p.Gate, p.Guessed = l.gate, l.why, l.guess
		}
		if l.stopped != nil {
			p.Stopped = l.stopped.Error()
		}
	})
}

// tasks is a heap of them.
type tasks struct {
	list   []*task
	before func(a, b *task) bool
}

func (h *tasks) Len() int           { return len(h.list) }
func (h *tasks) Less(i, j int) bool { return h.before(h.list[i], h.list[j]) }
func (h *tasks) Swap(i, j int)      { h.list[i], h.list[j] = h.list[j], h.list[i] }
func (h *tasks) Push(x any)         { h.list = append(h.list, x.(*task)) }
func (h *tasks) Pop() any {
	t := h.list[len(h.list)-1]
	h.list[len(h.list)-1] = nil
	h.list = h.list[:len(h.list)-1]
	return t
}
