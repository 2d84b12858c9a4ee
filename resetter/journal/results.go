package journal

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"iter"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/bulk"
)

// Counts implements [bulk.Journal].
func (r *Run) Counts(ctx context.Context) (map[string]bulk.Counts, error) {
	rows, err := r.ledger.reads.QueryContext(ctx, `SELECT target, outcome, count(*) FROM rows INDEXED BY rows_by_state WHERE run = ? AND place IS NOT NULL GROUP BY outcome, target`, r.key)
	if err != nil {
		return nil, r.wrap(err)
	}
	defer rows.Close()
	all := map[string]bulk.Counts{}
	for rows.Next() {
		var target string
		var outcome bulk.Outcome
		var n int
		if err := rows.Scan(&target, &outcome, &n); err != nil {
			return nil, r.wrap(err)
		}
		if all[target] == nil {
			all[target] = bulk.Counts{}
		}
		all[target][outcome] = n
	}
	if err := rows.Err(); err != nil || r.interrupted.Load() == nil {
		return all, r.wrap(err)
	}
	open, err := r.inFlight(ctx)
	for target, n := range open {
		all[target][bulk.Pending] -= n
		all[target][bulk.Unknown] += n
	}
	return all, r.wrap(err)
}

// inFlight counts the rows with an open intent by target.
func (r *Run) inFlight(ctx context.Context) (map[string]int, error) {
	rows, err := r.ledger.reads.QueryContext(ctx, `SELECT target, count(*) FROM rows INDEXED BY rows_in_flight
		WHERE run = ? AND intent_at IS NOT NULL AND place IS NOT NULL GROUP BY target`, r.key)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	open := make(map[string]int)
	for rows.Next() {
		var target string
		var n int
		if err := rows.Scan(&target, &n); err != nil {
			return nil, err
		}
		open[target] = n
	}
	return open, rows.Err()
}

const sqlResult = `SELECT place, line, target, kind, identity, action, new_email, cells, account_id, account, resolved_at,
	outcome, reason, detail, attempts, status, asked_at, finished_at, intent_at IS NOT NULL FROM rows `

// List implements [bulk.Journal].
func (r *Run) List(ctx context.Context, target string, stage bulk.Stage, after, n int) ([]bulk.Result, error) {
	outcome, at := bulk.Pending, any(int(stage))
	if stage == bulk.InDoubt {
		outcome, at = bulk.Unknown, nil
	}
	var list []bulk.Result
	for result, err := range r.results(ctx, `INDEXED BY rows_by_state
		WHERE run = ? AND outcome = ? AND target = ? AND stage IS ? AND place > ? ORDER BY place LIMIT ?`,
		r.key, string(outcome), target, at, after, n) {
		if err != nil {
			return nil, err
		}
		list = append(list, result)
	}
	return list, nil
}

// Results implements [bulk.Journal].
func (r *Run) Results(ctx context.Context) iter.Seq2[bulk.Result, error] {
	// A single statement sees a single moment.
	return r.results(ctx, `INDEXED BY rows_by_place WHERE run = ? AND place IS NOT NULL ORDER BY place`, r.key)
}

func (r *Run) results(ctx context.Context, which string, args ...any) iter.Seq2[bulk.Result, error] {
	return r.resultsOf(ctx, sqlResult+which, args...)
}

func (r *Run) resultsOf(ctx context.Context, query string, args ...any) iter.Seq2[bulk.Result, error] {
	return func(yield func(bulk.Result, error) bool) {
		rows, err := r.ledger.reads.QueryContext(ctx, query, args...)
		if err != nil {
			yield(bulk.Result{}, r.wrap(err))
			return
		}
		defer rows.Close()
		for rows.Next() {
			result, open, err := scan(rows)
			if err != nil {
				yield(bulk.Result{}, r.wrap(err))
				return
			}
			if detail := r.interrupted.Load(); open && detail != nil {
				result.Outcome, result.Reason, result.Detail = bulk.Unknown, bulk.Reason(resetter.ErrInterrupted), *detail
			}
			if !yield(result, nil) {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(bulk.Result{}, r.wrap(err))
		}
	}
}

// scan reads a row of sqlResult, and whether its intent is open.
func scan(rows *sql.Rows) (r bulk.Result, open bool, err error) {
	var cells string
	var accountID, account sql.NullString
	var read, asked, finished sql.NullInt64
	if err := rows.Scan(&r.Row.Seq, &r.Row.Line, &r.Row.Target, &r.Row.Identity.Kind, &r.Row.Identity.Value, &r.Row.Action, &r.Row.NewEmail,
		&cells, &accountID, &account, &read, &r.Outcome, &r.Reason, &r.Detail, &r.Attempts, &r.Status, &asked, &finished, &open); err != nil {
		return bulk.Result{}, false, err
	}
	if err := json.Unmarshal([]byte(cells), &r.Row.Cells); err != nil {
		return bulk.Result{}, false, fmt.Errorf("row %d: %w: %w", r.Row.Seq, ErrDamaged, err)
	}
	if accountID.Valid {
		var a accountRecord
		if err := json.Unmarshal([]byte(account.String), &a); err != nil {
			return bulk.Result{}, false, fmt.Errorf("row %d: %w: %w", r.Row.Seq, ErrDamaged, err)
		}
		r.Account = resetter.Account{ID: accountID.String, Email: a.Email, Username: a.Username,
			Ineligible: a.Ineligible, SetupPending: a.SetupPending, Evidence: a.Evidence}
	}
	r.ReadAt = fromNanos(read.Int64)
	r.AskedAt, r.FinishedAt = fromNanos(asked.Int64), fromNanos(finished.Int64)
	return r, open, nil
}
