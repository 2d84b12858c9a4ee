package journal

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/bulk"
)

// INDEXED BY stands wherever the planner, which knows nothing of how many rows
// there are, would go through the whole run instead.

// The statements of the writer. Each has its guard in itself: what must not be
// written changes no row, and explainRow says why.
const (
	sqlAdd = `INSERT INTO rows (run, seq, place, line, target, kind, identity, action, new_email, cells, outcome, reason, stage)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'pending', 'not_started', 0)
		ON CONFLICT DO NOTHING`

	sqlResolved = `UPDATE rows SET account_id = ?3, account = ?4, resolved_at = ?5, stage = 1
		WHERE run = ?1 AND place = ?2 AND outcome = 'pending' AND intent_at IS NULL`

	sqlIntent = `UPDATE rows SET intent_at = ?3, asked_at = ?3, attempts = ?4, stage = NULL,
			account = iif(?3 - resolved_at > ?5, json_remove(account, '$.evidence'), account)
		WHERE run = ?1 AND place = ?2 AND outcome = 'pending' AND account_id IS NOT NULL AND attempts < ?4`

	sqlAgain = `UPDATE rows SET intent_at = ?3, asked_at = ?3, attempts = ?4, outcome = 'pending', reason = 'not_started', detail = '', status = 0, finished_at = NULL
		WHERE run = ?1 AND place = ?2 AND outcome = 'unknown' AND attempts < ?4`

	sqlRecord = `UPDATE rows SET outcome = ?3, reason = ?4, detail = ?5, status = ?6, attempts = max(attempts, ?7),
			finished_at = ?8, intent_at = NULL,
			stage = CASE WHEN ?3 <> 'pending' THEN NULL WHEN account_id IS NULL THEN 0 ELSE 1 END
		WHERE run = ?1 AND place = ?2 AND outcome = 'pending'`

	sqlSettle = `UPDATE rows SET outcome = ?3, reason = ?4, detail = ?5, status = ?6, attempts = max(attempts, ?7), finished_at = ?8
		WHERE run = ?1 AND place = ?2 AND outcome = 'unknown'`

	sqlReopen = `UPDATE rows SET outcome = 'pending', reason = 'not_started', detail = '', status = 0, finished_at = NULL,
			account_id = NULL, account = NULL, resolved_at = NULL, stage = 0
		WHERE run = ?1 AND place = ?2 AND outcome = 'failed'`

	sqlAttempt = `INSERT INTO attempts (run, seq, n, at, event, reason, status)
		SELECT run, seq, ?3, ?4, ?5, ?6, ?7 FROM rows WHERE run = ?1 AND place = ?2`

	sqlState = `SELECT outcome, reason, attempts, account_id IS NOT NULL, intent_at IS NOT NULL FROM rows WHERE run = ? AND place = ?`
)

// Add implements [bulk.Journal]. rows is read while the ledger is kept from
// all other writers, so it must not write to the ledger itself.
func (r *Run) Add(ctx context.Context, rows iter.Seq2[bulk.Row, error]) error {
	var given error // an error of rows, to be handed back as it came
	err := r.ledger.alone(ctx, func(w *writer) (err error) {
		given, err = r.addAll(ctx, w, rows)
		return err
	})
	if given != nil {
		return given
	}
	return r.wrap(err)
}

// addAll registers rows. given is the error, too, where it came from rows.
func (r *Run) addAll(ctx context.Context, w *writer, rows iter.Seq2[bulk.Row, error]) (given, err error) {
	for row, err := range rows {
		if err != nil {
			return err, err
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := r.add(w, row, row.Seq); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// add registers a row under the number seq, at the place row.Seq; at none where
// that is 0.
func (r *Run) add(w *writer, row bulk.Row, seq int) error {
	if seq < 1 {
		return fmt.Errorf("line %d: rows are numbered from 1, not %d", row.Line, seq)
	}
	cells, err := json.Marshal(row.Cells)
	if err != nil {
		return err
	}
	place := sql.NullInt64{Int64: int64(row.Seq), Valid: row.Seq > 0}
	changed, err := change(w.add, r.key, seq, place, row.Line, row.Target, string(row.Identity.Kind), row.Identity.Value,
		string(row.Action), row.NewEmail, string(cells))
	if err != nil {
		return fmt.Errorf("row %d: %w", row.Seq, err)
	}
	if !changed {
		return fmt.Errorf("row %d is registered already", row.Seq)
	}
	return nil
}

// change runs a statement that changes one row, and reports whether it did.
func change(stmt *sql.Stmt, args ...any) (bool, error) {
	result, err := stmt.ExecContext(context.Background(), args...)
	if err != nil {
		return false, err
	}
	n, err := result.RowsAffected()
	return n > 0, err
}

// Resolved implements [bulk.Journal].
func (r *Run) Resolved(ctx context.Context, seq int, account resetter.Account) error {
	if account.ID == "" {
		return r.wrap(fmt.Errorf("row %d: its account has no id", seq))
	}
	known, err := json.Marshal(accountRecord{account.Email, account.Username, account.Ineligible, account.SetupPending, account.Evidence})
	if err != nil {
		return r.wrap(err)
	}
	at := nanos(r.ledger.now())
	return r.row(ctx, false, seq, 0, bulk.Pending, func(w *writer) (bool, error) {
		return change(w.resolved, r.key, seq, account.ID, string(known), at)
	})
}

// An accountRecord is an account as the ledger stores it, apart from the id.
type accountRecord struct {
	Email        string `json:"email,omitempty"`
	Username     string `json:"username,omitempty"`
	Ineligible   string `json:"ineligible,omitempty"`
	SetupPending bool   `json:"setup_pending,omitempty"`
	Evidence     string `json:"evidence,omitempty"`
}

// Intent implements [bulk.Journal].
func (r *Run) Intent(ctx context.Context, seq, n int) error {
	return r.intent(ctx, seq, n, bulk.Pending, func(w *writer) *sql.Stmt { return w.intent })
}

// Again implements [bulk.Journal]. A run that was finished is not any more.
func (r *Run) Again(ctx context.Context, seq, n int) error {
	err := r.intent(ctx, seq, n, bulk.Unknown, func(w *writer) *sql.Stmt { return w.again })
	if err == nil {
		r.finished.Store(0)
	}
	return err
}

func (r *Run) intent(ctx context.Context, seq, n int, was bulk.Outcome, stmt func(*writer) *sql.Stmt) error {
	at := nanos(r.ledger.now())
	return r.row(ctx, true, seq, n, was, func(w *writer) (bool, error) {
		if err := w.mayIntend(); err != nil {
			return false, refusal{err}
		}
		args := []any{r.key, seq, at, n}
		if was == bulk.Pending {
			args = append(args, int64(bulk.EvidenceLife))
		}
		changed, err := change(stmt(w), args...)
		if err != nil || !changed {
			return false, err
		}
		if was == bulk.Unknown {
			if err := w.exec(`UPDATE runs SET finished_at = NULL WHERE key = ? AND finished_at IS NOT NULL`, r.key); err != nil {
				return false, err
			}
		}
		return change(w.attempt, r.key, seq, n, at, "intent", "", 0)
	})
}

// Record implements [bulk.Journal].
func (r *Run) Record(ctx context.Context, result bulk.Result) error {
	if !slices.Contains(bulk.Outcomes(), result.Outcome) {
		return r.wrap(fmt.Errorf("row %d: there is no outcome %q", result.Row.Seq, result.Outcome))
	}
	return r.end(ctx, result, bulk.Pending, func(w *writer) *sql.Stmt { return w.record })
}

// Settle implements [bulk.Journal].
func (r *Run) Settle(ctx context.Context, result bulk.Result) error {
	if result.Outcome != bulk.Done && result.Outcome != bulk.Failed {
		return r.wrap(fmt.Errorf("row %d: what is in doubt is settled as done or failed, not as %q", result.Row.Seq, result.Outcome))
	}
	return r.end(ctx, result, bulk.Unknown, func(w *writer) *sql.Stmt { return w.settle })
}

// end gives a row that has the outcome was the one of result.
func (r *Run) end(ctx context.Context, result bulk.Result, was bulk.Outcome, stmt func(*writer) *sql.Stmt) error {
	seq, at := result.Row.Seq, result.FinishedAt
	if at.IsZero() {
		at = r.ledger.now()
	}
	finished := nanos(at)
	if result.Outcome == bulk.Pending {
		finished = nil
	}
	return r.row(ctx, true, seq, 0, was, func(w *writer) (bool, error) {
		changed, err := change(stmt(w), r.key, seq, string(result.Outcome), string(result.Reason), result.Detail,
			result.Status, result.Attempts, finished)
		if err != nil || !changed {
			return false, err
		}
		return change(w.attempt, r.key, seq, result.Attempts, nanos(at), string(result.Outcome), string(result.Reason), result.Status)
	})
}

// row writes something about one row that has the outcome was. do reports
// whether the guards of its statement let it through.
func (r *Run) row(ctx context.Context, durable bool, seq, n int, was bulk.Outcome, do func(*writer) (bool, error)) error {
	err := r.ledger.write(ctx, durable, func(w *writer) error {
		changed, err := do(w)
		if err == nil && !changed {
			err = r.explainRow(w, seq, n, was)
		}
		return err
	})
	if err == nil {
		return nil
	}
	return fmt.Errorf("run %s, row %d: %w", r.id, seq, r.ledger.explain(err))
}

// explainRow says why nothing could be written about a row that should have the
// outcome was; n is the attempt of an intent.
func (r *Run) explainRow(w *writer, seq, n int, was bulk.Outcome) error {
	var outcome, reason string
	var attempts int
	var known, open bool
	err := w.state.QueryRowContext(context.Background(), r.key, seq).Scan(&outcome, &reason, &attempts, &known, &open)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return refusal{errors.New("it is not in the journal")}
	case err != nil:
		return err
	case outcome != string(was) && was != bulk.Pending:
		return refusal{fmt.Errorf("it is %s, %s, not %s", outcome, reason, was)}
	case outcome != string(was):
		return refusal{fmt.Errorf("it has its outcome already (%s, %s), which is not overwritten", outcome, reason)}
	case n == 0 && open:
		return refusal{errors.New("its request is under way, so its account cannot change")}
	case !known:
		return refusal{errors.New("nobody has been looked up for it yet, so nothing may be sent")}
	default:
		return refusal{fmt.Errorf("attempt %d is not later than attempt %d, which is in the journal already", n, attempts)}
	}
}

// Interrupt implements [bulk.Journal].
func (r *Run) Interrupt(ctx context.Context, detail string) (int, error) {
	var n int64
	at := nanos(r.ledger.now())
	reason := string(resetter.ErrInterrupted)
	r.interrupted.Store(&detail)
	err := r.ledger.write(ctx, true, func(w *writer) error {
		if err := w.exec(`INSERT INTO attempts (run, seq, n, at, event, reason)
			SELECT run, seq, attempts, ?, 'unknown', ? FROM rows INDEXED BY rows_in_flight WHERE run = ? AND intent_at IS NOT NULL`, at, reason, r.key); err != nil {
			return err
		}
		result, err := w.conn.ExecContext(context.Background(), `UPDATE rows INDEXED BY rows_in_flight SET outcome = 'unknown', reason = ?, detail = ?, finished_at = ?, intent_at = NULL
			WHERE run = ? AND intent_at IS NOT NULL`, reason, detail, at, r.key)
		if err != nil {
			return err
		}
		n, err = result.RowsAffected()
		return err
	})
	if err == nil {
		r.interrupted.Store(nil)
	}
	return int(n), r.wrap(err)
}

// Reopen implements [bulk.Journal]. A run that was finished is not any more.
func (r *Run) Reopen(ctx context.Context, seqs ...int) error {
	if len(seqs) == 0 {
		return ctx.Err()
	}
	at := nanos(r.ledger.now())
	err := r.ledger.alone(ctx, func(w *writer) error {
		for _, seq := range seqs {
			if err := r.reopen(w, seq, at); err != nil {
				return fmt.Errorf("row %d: %w", seq, err)
			}
		}
		return w.exec(`UPDATE runs SET finished_at = NULL WHERE key = ?`, r.key)
	})
	if err == nil {
		r.finished.Store(0)
	}
	return r.wrap(err)
}

func (r *Run) reopen(w *writer, seq int, at any) error {
	var outcome, reason string
	var attempts int
	var known, open bool
	err := w.state.QueryRowContext(context.Background(), r.key, seq).Scan(&outcome, &reason, &attempts, &known, &open)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return errors.New("it is not in the journal")
	case err != nil:
		return err
	case outcome != string(bulk.Failed):
		return fmt.Errorf("it is %s, %s: only a failed row is taken again", outcome, reason)
	}
	if _, err := change(w.reopen, r.key, seq); err != nil {
		return err
	}
	_, err = change(w.attempt, r.key, seq, attempts, at, string(bulk.Pending), "reopened", 0)
	return err
}

// Halt implements [bulk.Journal].
func (r *Run) Halt(ctx context.Context, target string, reason bulk.Reason, detail string) error {
	return r.wrap(r.ledger.write(ctx, false, func(w *writer) error {
		return w.exec(`UPDATE rows INDEXED BY rows_by_state SET reason = ?, detail = ?
			WHERE run = ? AND outcome = 'pending' AND target = ? AND stage IN (0, 1) AND place IS NOT NULL AND reason = 'not_started'`,
			string(reason), detail, r.key, target)
	}))
}
