package journal

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"sync/atomic"
	"time"

	"github.com/seed57652884/resetctl/resetter/bulk"
)

// A NewRun says what a run is about.
type NewRun struct {
	// Content identifies the work; see [Content].
	Content string
	// Exact identifies the input that the rows are from to the letter, in words
	// of the caller's own, so that the same one need not be read again; may be
	// empty.
	Exact string
	// Columns is the header of the input, to which the cells of its rows belong.
	Columns []string
	// Plan is true where nothing will be sent. Such a run is never found to be
	// gone on with; discard it in the end.
	Plan bool
	// Rows are registered in the same transaction, so that there is no run
	// without its rows; more may be added later with Run.Add.
	Rows iter.Seq2[bulk.Row, error]
	// Excluded are targets whose rows are left out from the beginning, by the
	// operator's choice: they are Skipped, Excluded.
	Excluded []string
	// By says who begins it, for the audit.
	By Invocation
}

// A Run is one run in the ledger, and the [bulk.Journal] of it. Its errors name
// the run and, where one is concerned, the row.
type Run struct {
	ledger   *Ledger
	key      int64
	id       string
	content  string
	exact    string
	columns  []string
	plan     bool
	started  time.Time
	finished atomic.Int64 // nanoseconds since 1970; 0 while unfinished

	// interrupted is the detail of what is in doubt since it is in flight and
	// nobody works it off, though that could not be recorded; nil otherwise.
	interrupted atomic.Pointer[string]
}

var (
	_ bulk.Journal   = (*Run)(nil)
	_ bulk.Permitter = (*Run)(nil)
)

// ID names the run: the time of its beginning and a few letters, so that ids
// sort by time and can be read aloud, as 20261123-141502-x7k2.
func (r *Run) ID() string { return r.id }

// Content identifies the run's work; see [Content].
func (r *Run) Content() string { return r.content }

// Exact is what was said of the input; see [NewRun].
func (r *Run) Exact() string { return r.exact }

// Columns is the header of the input.
func (r *Run) Columns() []string { return r.columns }

// Plan reports whether the run only prepares.
func (r *Run) Plan() bool { return r.plan }

// StartedAt is when the run began.
func (r *Run) StartedAt() time.Time { return r.started }

// FinishedAt is when the run was finished; zero while it is not.
func (r *Run) FinishedAt() time.Time { return fromNanos(r.finished.Load()) }

// Begin begins a run, registers its rows and enters it in the audit: all of
// that or, with an error, nothing. An error of n.Rows is returned as it came.
// n.Rows must not write to the ledger. Durable.
func (l *Ledger) Begin(ctx context.Context, n NewRun) (*Run, error) {
	columns, err := json.Marshal(n.Columns)
	if err != nil {
		return nil, err
	}
	r := &Run{ledger: l, content: n.Content, exact: n.Exact, columns: n.Columns, plan: n.Plan, started: l.now().UTC()}
	var given error // an error of n.Rows
	err = l.alone(ctx, func(w *writer) error {
		if err := r.insert(w, string(columns)); err != nil {
			return err
		}
		if n.Rows != nil {
			if given, err = r.addAll(ctx, w, n.Rows); err != nil {
				return err
			}
		}
		for _, target := range n.Excluded {
			if err := w.exec(`UPDATE rows SET outcome = 'skipped', reason = 'excluded', detail = ?, finished_at = ?, stage = NULL
				WHERE run = ? AND target = ?`, bulk.ExcludedTarget, nanos(r.started), r.key, target); err != nil {
				return err
			}
		}
		return w.audit(r.id, EventBegin, r.started, n.By)
	})
	if given != nil {
		return nil, given
	}
	if err != nil {
		return nil, fmt.Errorf("the run cannot be begun, nothing was sent: %w", l.explain(err))
	}
	return r, nil
}

// insert gives the run an id and a key. Four letters make two runs of one
// second differ, all but surely.
func (r *Run) insert(w *writer, columns string) error {
	for range 10 {
		r.id = newID(r.started)
		err := w.conn.QueryRowContext(context.Background(),
			`INSERT INTO runs (id, content, exact, columns, plan, started_at) VALUES (?, ?, ?, ?, ?, ?)
			 ON CONFLICT (id) DO NOTHING RETURNING key`,
			r.id, r.content, r.exact, columns, r.plan, nanos(r.started)).Scan(&r.key)
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
	}
	return errors.New("no free id was found for the run")
}

// newID makes an id for a run that begins at t. The letters leave out those
// that are taken for others.
func newID(t time.Time) string {
	const letters = "abcdefghjkmnpqrstuvwxyz023456789" // 32, so that each is as likely
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails
	for i := range b {
		b[i] = letters[b[i]%32]
	}
	return t.UTC().Format("20060102-150405") + "-" + string(b[:])
}

const sqlRun = `SELECT key, id, content, exact, columns, plan, started_at, finished_at FROM runs `

// Find returns the newest unfinished run with that content, or with any
// content where it is empty. Plans do not count. ErrNoRun where there is none.
func (l *Ledger) Find(ctx context.Context, content string) (*Run, error) {
	return l.run(ctx, sqlRun+`WHERE finished_at IS NULL AND plan = 0 AND (content = ?1 OR ?1 = '') ORDER BY key DESC LIMIT 1`, content)
}

// FindExact returns the newest unfinished run from that very input, see
// [NewRun]. Plans do not count. ErrNoRun where there is none.
func (l *Ledger) FindExact(ctx context.Context, exact string) (*Run, error) {
	return l.run(ctx, sqlRun+`WHERE finished_at IS NULL AND plan = 0 AND exact = ? AND exact <> '' ORDER BY key DESC LIMIT 1`, exact)
}

// FindInDoubt returns the newest run with that content that has rows in doubt,
// finished or not. Plans do not count. ErrNoRun where there is none.
func (l *Ledger) FindInDoubt(ctx context.Context, content string) (*Run, error) {
	return l.run(ctx, sqlRun+`WHERE plan = 0 AND content = ? AND EXISTS
		(SELECT 1 FROM rows INDEXED BY rows_by_state WHERE run = runs.key AND outcome = 'unknown' AND place IS NOT NULL) ORDER BY key DESC LIMIT 1`, content)
}

// Newest returns the newest run, finished or not. Plans do not count. ErrNoRun
// where there is none.
func (l *Ledger) Newest(ctx context.Context) (*Run, error) {
	return l.run(ctx, sqlRun+`WHERE plan = ? ORDER BY key DESC LIMIT 1`, "0")
}

// Run returns the run with that id. ErrNoRun where there is none.
func (l *Ledger) Run(ctx context.Context, id string) (*Run, error) {
	r, err := l.run(ctx, sqlRun+`WHERE id = ?`, id)
	if errors.Is(err, ErrNoRun) {
		return nil, fmt.Errorf("%s: %w", id, ErrNoRun)
	}
	return r, err
}

func (l *Ledger) run(ctx context.Context, query string, arg any) (*Run, error) {
	r := &Run{ledger: l}
	var columns string
	var started int64
	var finished sql.NullInt64
	err := l.reads.QueryRowContext(ctx, query, arg).Scan(&r.key, &r.id, &r.content, &r.exact, &columns, &r.plan, &started, &finished)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, ErrNoRun
	}
	if err == nil {
		err = json.Unmarshal([]byte(columns), &r.columns)
	}
	if err != nil {
		return nil, l.explain(err)
	}
	r.started = fromNanos(started)
	r.finished.Store(finished.Int64)
	return r, nil
}

// A Summary tells of a run in a line.
type Summary struct {
	ID         string
	Plan       bool
	StartedAt  time.Time
	FinishedAt time.Time // zero while it is not
	Counts     bulk.Counts
}

// Runs yields all runs, the newest first.
func (l *Ledger) Runs(ctx context.Context) iter.Seq2[Summary, error] {
	return func(yield func(Summary, error) bool) {
		rows, err := l.reads.QueryContext(ctx, `
			SELECT id, plan, started_at, finished_at,
			       (SELECT json_group_object(outcome, n) FROM
			               (SELECT outcome, count(*) AS n FROM rows INDEXED BY rows_by_state WHERE run = key AND place IS NOT NULL GROUP BY outcome))
			FROM runs ORDER BY key DESC`)
		if err != nil {
			yield(Summary{}, l.explain(err))
			return
		}
		defer rows.Close()
		for rows.Next() {
			var s Summary
			var started int64
			var finished sql.NullInt64
			var counts string
			err := rows.Scan(&s.ID, &s.Plan, &started, &finished, &counts)
			if err == nil {
				err = json.Unmarshal([]byte(counts), &s.Counts)
			}
			if err != nil {
				yield(Summary{}, l.explain(err))
				return
			}
			s.StartedAt, s.FinishedAt = fromNanos(started), fromNanos(finished.Int64)
			if !yield(s, nil) {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(Summary{}, l.explain(err))
		}
	}
}

// Finish marks the run as finished where no row of it is pending, and reports
// whether it is finished now. Durable.
func (r *Run) Finish(ctx context.Context) (bool, error) {
	at := r.ledger.now()
	var finished sql.NullInt64
	err := r.ledger.write(ctx, true, func(w *writer) error {
		if err := r.whole(w); err != nil {
			return err
		}
		if err := w.exec(`UPDATE runs SET finished_at = ? WHERE key = ? AND finished_at IS NULL
			AND NOT EXISTS (SELECT 1 FROM rows INDEXED BY rows_by_state WHERE run = runs.key AND outcome = 'pending' AND place IS NOT NULL)`, nanos(at), r.key); err != nil {
			return err
		}
		return w.conn.QueryRowContext(context.Background(), `SELECT finished_at FROM runs WHERE key = ?`, r.key).Scan(&finished)
	})
	if err != nil {
		return false, r.wrap(err)
	}
	r.finished.Store(finished.Int64)
	return finished.Valid, nil
}

// whole finds out whether the index that the run was worked by knows of all of
// its rows.
func (r *Run) whole(w *writer) error {
	var rows, states int
	err := w.conn.QueryRowContext(context.Background(), `SELECT
		(SELECT count(*) FROM rows INDEXED BY rows_by_place WHERE run = ?1 AND place IS NOT NULL),
		(SELECT count(*) FROM rows INDEXED BY rows_by_state WHERE run = ?1 AND place IS NOT NULL)`, r.key).Scan(&rows, &states)
	if err == nil && rows != states {
		err = fmt.Errorf("%w: an index has %d of the %d rows of run %s", ErrDamaged, states, rows, r.id)
	}
	return err
}

// Discard removes the run and its rows, but for its entries in the audit: for
// a plan, and for a run that was refused before anything was sent. A run that
// ever recorded an intent is not removed. Its rows are written over in the file,
// which becomes smaller where most of it is free then. Durable.
func (r *Run) Discard(ctx context.Context) error {
	err := r.ledger.alone(ctx, func(w *writer) error {
		var sent bool
		if err := w.conn.QueryRowContext(ctx,
			`SELECT EXISTS (SELECT 1 FROM attempts WHERE run = ? AND event = 'intent')`, r.key).Scan(&sent); err != nil {
			return err
		}
		if sent {
			return errors.New("it may have sent something and is not forgotten")
		}
		return w.exec(`DELETE FROM runs WHERE key = ?`, r.key)
	})
	if err == nil {
		r.ledger.tidy(ctx)
	}
	return r.wrap(err)
}

// wrap names the run in an error.
func (r *Run) wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("run %s: %w", r.id, r.ledger.explain(err))
}

// nanos is how the ledger stores t: NULL for the zero time.
func nanos(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixNano()
}

func fromNanos(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}
