package journal

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/bulk"
)

// What rows of this run and of others tell of an account.

// sqlTwin is by account, of which nobody has many rows.
const sqlTwin = `SELECT coalesce(e.place, 0), e.line, e.target, e.kind, e.identity, e.action, e.new_email, e.cells, e.account_id, e.account, e.resolved_at,
		e.outcome, e.reason, e.detail, e.attempts, e.status, e.asked_at, e.finished_at, e.intent_at IS NOT NULL
	FROM rows AS mine INDEXED BY rows_by_place
	CROSS JOIN rows AS e INDEXED BY rows_by_account
	   ON e.target = mine.target AND e.account_id = mine.account_id AND e.run = mine.run AND e.action = mine.action
	WHERE mine.run = ? AND mine.place = ? AND e.seq <> mine.seq AND (e.place IS NOT NULL OR folded(e.new_email) = folded(mine.new_email))
	  AND (e.outcome IN ('done', 'unknown') OR e.place < mine.place AND (e.outcome = 'pending' OR e.reason = 'cooldown'))
	ORDER BY e.outcome NOT IN ('done', 'unknown'), e.place IS NULL, e.place LIMIT 1`

// Twin implements [bulk.Journal].
func (r *Run) Twin(ctx context.Context, seq int) (bulk.Result, bool, error) {
	rows, err := r.ledger.twin.QueryContext(ctx, r.key, seq)
	if err != nil {
		return bulk.Result{}, false, r.wrap(err)
	}
	defer rows.Close()
	if !rows.Next() {
		return bulk.Result{}, false, r.wrap(rows.Err())
	}
	twin, _, err := scan(rows)
	return twin, err == nil, r.wrap(err)
}

const sqlMailed = `SELECT action,
		max(CASE WHEN outcome = 'done' AND reason <> 'already' THEN finished_at END),
		max(CASE WHEN outcome = 'unknown' THEN finished_at ELSE intent_at END),
		max(run <> ?3 AND asked_at > ?4 AND (outcome IN ('done', 'unknown') OR intent_at IS NOT NULL))
	FROM rows INDEXED BY rows_by_account WHERE target = ?1 AND account_id = ?2 GROUP BY action`

// LastMailed implements [bulk.Journal].
func (r *Run) LastMailed(ctx context.Context, target, accountID string) (bulk.Mailed, error) {
	rows, err := r.ledger.mailed.QueryContext(ctx, target, accountID, r.key, nanos(r.started))
	if err != nil {
		return bulk.Mailed{}, r.wrap(err)
	}
	defer rows.Close()
	var last bulk.Mailed
	for rows.Next() {
		var action resetter.Action
		var accepted, inDoubt, meanwhile sql.NullInt64
		if err := rows.Scan(&action, &accepted, &inDoubt, &meanwhile); err != nil {
			return bulk.Mailed{}, r.wrap(err)
		}
		if action.Mails() {
			last.Accepted = later(last.Accepted, fromNanos(accepted.Int64))
			last.InDoubt = later(last.InDoubt, fromNanos(inDoubt.Int64))
			last.Meanwhile = last.Meanwhile || meanwhile.Int64 != 0
		}
	}
	return last, r.wrap(rows.Err())
}

const sqlChanged = `SELECT e.account_id FROM rows AS mine INDEXED BY rows_by_place
	CROSS JOIN rows AS e INDEXED BY rows_by_change
	   ON e.target = mine.target AND e.identity = mine.identity COLLATE NOCASE AND e.action = 'change-email'
	WHERE mine.run = ?1 AND mine.place = ?2 AND mine.action = 'change-email' AND (e.run <> ?1 OR e.seq <> mine.seq)
	  AND e.kind = mine.kind AND e.new_email = mine.new_email COLLATE NOCASE
	  AND e.account_id IS NOT NULL AND e.outcome IN ('done', 'unknown')
	ORDER BY e.finished_at DESC LIMIT 1`

// Changed implements [bulk.Journal].
func (r *Run) Changed(ctx context.Context, seq int) (accountID string, ok bool, err error) {
	err = r.ledger.reads.QueryRowContext(ctx, sqlChanged, r.key, seq).Scan(&accountID)
	if errors.Is(err, sql.ErrNoRows) {
		return "", false, nil
	}
	return accountID, err == nil, r.wrap(err)
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
