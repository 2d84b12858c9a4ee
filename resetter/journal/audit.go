package journal

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"iter"
	"time"
)

// An Invocation says who uses the tool and how. The caller keeps secrets out.
type Invocation struct {
	Who       string   // the user's name on the machine
	Machine   string   // the machine's name
	Tool      string   // the tool and its version
	Command   string   // the command line
	Overrides []string // what the person insisted on, such as "--resend-unknown"
}

// An AuditEntry is one line of the audit, which is never changed or removed.
type AuditEntry struct {
	At    time.Time
	Run   string // the run's id; it may be one that was discarded
	Event string // what was done: EventBegin, EventAct, "resume", "settle rows 3, 4 as done"
	By    Invocation
}

// Audit enters in the audit what is being done with the run: going on with it,
// settling its unknown rows. Begin enters itself. Durable.
func (r *Run) Audit(ctx context.Context, event string, by Invocation) error {
	at := r.ledger.now()
	return r.wrap(r.ledger.write(ctx, true, func(w *writer) error { return w.audit(r.id, event, at, by) }))
}

// Events that Insisted goes by.
const (
	EventBegin = "begin" // the run was begun, which Begin enters itself
	EventAct   = "act"   // its rows were about to be worked
)

// Insisted returns which of two words was the last that anybody insisted on who
// began the run or was about to work it: see [Invocation].Overrides. It is empty
// where nobody has.
func (r *Run) Insisted(ctx context.Context, one, other string) (last string, err error) {
	err = r.ledger.reads.QueryRowContext(ctx, `SELECT o.value FROM audit, json_each(audit.overrides) AS o
		WHERE audit.run = ? AND audit.event IN (?, ?) AND o.value IN (?, ?) ORDER BY audit.key DESC LIMIT 1`,
		r.id, EventBegin, EventAct, one, other).Scan(&last)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return last, r.wrap(err)
}

func (w *writer) audit(run, event string, at time.Time, by Invocation) error {
	overrides, err := json.Marshal(by.Overrides)
	if err != nil {
		return err
	}
	return w.exec(`INSERT INTO audit (at, run, event, who, machine, tool, command, overrides) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
		nanos(at), run, event, by.Who, by.Machine, by.Tool, by.Command, string(overrides))
}

// Audit yields the whole audit in the order in which it was written.
func (l *Ledger) Audit(ctx context.Context) iter.Seq2[AuditEntry, error] {
	return func(yield func(AuditEntry, error) bool) {
		rows, err := l.reads.QueryContext(ctx, `SELECT at, run, event, who, machine, tool, command, overrides FROM audit ORDER BY key`)
		if err != nil {
			yield(AuditEntry{}, l.explain(err))
			return
		}
		defer rows.Close()
		for rows.Next() {
			var e AuditEntry
			var at int64
			var overrides string
			err := rows.Scan(&at, &e.Run, &e.Event, &e.By.Who, &e.By.Machine, &e.By.Tool, &e.By.Command, &overrides)
			if err == nil {
				err = json.Unmarshal([]byte(overrides), &e.By.Overrides)
			}
			if err != nil {
				yield(AuditEntry{}, l.explain(err))
				return
			}
			e.At = fromNanos(at)
			if !yield(e, nil) {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(AuditEntry{}, l.explain(err))
		}
	}
}
