package journal

import (
	"context"
	"database/sql"
	"errors"
	"slices"
)

// maxBatch is how many requests share one commit at the most, so that nobody
// waits long for the first of them to be answered.
const maxBatch = 256

// A request is something that one caller wants written.
type request struct {
	// do writes it. It may be called again, in a new transaction, and has to
	// have written nothing where it returns a refusal.
	do      func(*writer) error
	durable bool
	done    chan struct{}
	err     error // once done is closed
}

func (q *request) answer(err error) {
	q.err = err
	close(q.done)
}

// A refusal is the error of a request that asks for what must not be written,
// such as a second outcome. It concerns nobody else in the same transaction.
type refusal struct{ error }

func (r refusal) Unwrap() error { return r.error }

// write has do carried out and committed, together with what others want
// written at the same time. There is no goroutine for this: of those who wait,
// the one whose turn it is commits for all.
//
// When ctx ends, a request that nobody has begun with is withdrawn; for one
// that is being committed the answer is waited for, since it alone is true.
func (l *Ledger) write(ctx context.Context, durable bool, do func(*writer) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	q := &request{do: do, durable: durable, done: make(chan struct{})}
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return ErrClosed
	}
	l.queue = append(l.queue, q)
	l.mu.Unlock()

	for {
		select {
		case <-q.done:
			return q.err
		case <-ctx.Done():
			if l.withdraw(q) {
				return ctx.Err()
			}
			<-q.done
			return q.err
		case l.turn <- struct{}{}:
			l.commit(l.next())
			<-l.turn
		}
	}
}

// next takes what is to be committed next.
func (l *Ledger) next() []*request {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := min(len(l.queue), maxBatch)
	batch := slices.Clone(l.queue[:n])
	l.queue = slices.Delete(l.queue, 0, n)
	return batch
}

// withdraw takes q back and reports whether it was still in the queue.
func (l *Ledger) withdraw(q *request) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.Index(l.queue, q)
	if i < 0 {
		return false
	}
	l.queue = slices.Delete(l.queue, i, i+1)
	return true
}

// commit writes the batch in one transaction and answers all of it. The caller
// has the turn.
func (l *Ledger) commit(batch []*request) {
	if len(batch) == 0 {
		return
	}
	durable := slices.ContainsFunc(batch, func(q *request) bool { return q.durable })
	refused := make([]error, len(batch))
	broken := false // a statement failed, as opposed to the commit
	err := l.transact(durable, func(w *writer) error {
		for i, q := range batch {
			err := q.do(w)
			if refused[i] = err; err != nil && !errors.As(err, new(refusal)) {
				broken = true
				return err
			}
		}
		return nil
	})
	if broken && len(batch) > 1 {
		// One of them cannot be written, and the others shall not suffer for
		// it: each for itself.
		for _, q := range batch {
			l.commit([]*request{q})
		}
		return
	}
	for i, q := range batch {
		if err != nil {
			q.answer(err)
		} else {
			q.answer(refused[i])
		}
	}
}

// alone has do carried out in a transaction of its own, by the caller himself,
// while all other writers wait: for what takes long or runs a caller's code.
func (l *Ledger) alone(ctx context.Context, do func(*writer) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case l.turn <- struct{}{}:
	}
	defer func() { <-l.turn }()

	l.mu.Lock()
	closed := l.closed
	l.mu.Unlock()
	if closed {
		return ErrClosed
	}
	return l.transact(true, do)
}

// transact runs do in a transaction and commits it; without durable the commit
// is not synced by itself, but with the next one that is. The caller has the
// turn. No caller's context reaches the database here, because interrupting
// one would undo the others.
func (l *Ledger) transact(durable bool, do func(*writer) error) (err error) {
	w := l.writer
	if err := w.sync(durable); err != nil {
		return err
	}
	if err := w.exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	w.asked = false
	committed := false
	defer func() { // also when a caller's code panics
		if !committed {
			_ = w.exec("ROLLBACK") // fails where SQLite has rolled back by itself
		}
	}()
	if err := do(w); err != nil {
		return err
	}
	if err := w.exec("COMMIT"); err != nil {
		return err
	}
	committed = true
	l.mu.Lock()
	l.commits++
	l.mu.Unlock()
	return nil
}

// A writer is the one connection that writes, with its statements. It belongs
// to whoever has the turn.
type writer struct {
	conn    *sql.Conn
	durable bool // whether a commit is synced
	stmts   []*sql.Stmt

	ask     func() error // see mayIntend
	asked   bool         // in this transaction
	refused error        // what it said

	add, resolved, intent, again, record, settle, reopen, attempt, state *sql.Stmt
}

func (w *writer) exec(query string, args ...any) error {
	_, err := w.conn.ExecContext(context.Background(), query, args...)
	return err
}

// sync says whether the next commits are synced.
func (w *writer) sync(durable bool) error {
	if w.durable == durable {
		return nil
	}
	mode := "NORMAL"
	if durable {
		mode = "FULL"
	}
	if err := w.exec("PRAGMA synchronous = " + mode); err != nil {
		return err
	}
	w.durable = durable
	return nil
}

func (w *writer) prepare(ctx context.Context) error {
	for _, s := range []struct {
		stmt  **sql.Stmt
		query string
	}{
		{&w.add, sqlAdd},
		{&w.resolved, sqlResolved},
		{&w.intent, sqlIntent},
		{&w.again, sqlAgain},
		{&w.record, sqlRecord},
		{&w.settle, sqlSettle},
		{&w.reopen, sqlReopen},
		{&w.attempt, sqlAttempt},
		{&w.state, sqlState},
	} {
		stmt, err := w.conn.PrepareContext(ctx, s.query)
		if err != nil {
			return err
		}
		*s.stmt = stmt
		w.stmts = append(w.stmts, stmt)
	}
	return nil
}

func (w *writer) close() error {
	var errs []error
	for _, s := range w.stmts {
		errs = append(errs, s.Close())
	}
	return errors.Join(append(errs, w.conn.Close())...)
}
