package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// An OtherSystemError means that a target of a run is another system now. Whom
// its rows are about, and what they have come to, is true of the one that it was.
type OtherSystemError struct {
	Target   string
	Was, Now string // as given to Bind
}

// Error names the target and both systems.
func (e *OtherSystemError) Error() string {
	return fmt.Sprintf("target %s is %s now, and was %s when the run was begun", e.Target, e.Now, e.Was)
}

// Bind says which system each of some targets is, in words of the caller's own,
// and is for the beginning of each process that works the run off. What it says
// is held against what was said before, or remembered. An
// [*OtherSystemError] where the two differ; nothing is remembered then.
// Durable.
func (r *Run) Bind(ctx context.Context, systems map[string]string) error {
	return r.wrap(r.ledger.write(ctx, true, func(w *writer) error { return r.bind(w, systems) }))
}

// Move says that a target is another system from now on, whatever it was: who
// its rows left to do are about is forgotten, to be looked up there. What was
// done stays done, of accounts that are elsewhere: their ids say so, since the
// same one is somebody else now, and what was read of them is forgotten. Durable.
//
// The caller is alone with the run.
func (r *Run) Move(ctx context.Context, target, system string) error {
	return r.wrap(r.ledger.write(ctx, true, func(w *writer) error {
		var was string
		if err := w.conn.QueryRowContext(context.Background(), `SELECT system FROM systems WHERE run = ? AND target = ?`, r.key, target).Scan(&was); err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if err := w.exec(`UPDATE rows SET account_id = account_id || ' at ' || ?3, account = json_remove(account, '$.evidence')
			WHERE run = ?1 AND target = ?2 AND account_id IS NOT NULL AND (outcome <> 'pending' OR intent_at IS NOT NULL)`, r.key, target, was); err != nil {
			return err
		}
		if err := w.exec(`INSERT INTO systems (run, target, system) VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET system = ?3`, r.key, target, system); err != nil {
			return err
		}
		return w.exec(`UPDATE rows INDEXED BY rows_by_state SET account_id = NULL, account = NULL, resolved_at = NULL, stage = 0
			WHERE run = ?1 AND target = ?2 AND outcome = 'pending' AND stage = 1 AND place IS NOT NULL`, r.key, target)
	}))
}

// Elsewhere is Bind without remembering anything, for who only looks on.
func (r *Run) Elsewhere(ctx context.Context, systems map[string]string) error {
	return r.wrap(r.differs(ctx, r.ledger.reads, systems))
}

func (r *Run) bind(w *writer, systems map[string]string) error {
	if err := r.differs(context.Background(), w.conn, systems); err != nil {
		return err
	}
	for target, system := range systems {
		if err := w.exec(`INSERT INTO systems (run, target, system) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`, r.key, target, system); err != nil {
			return err
		}
	}
	return nil
}

func (r *Run) differs(ctx context.Context, db interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}, systems map[string]string) error {
	for _, target := range slices.Sorted(maps.Keys(systems)) {
		var was string
		err := db.QueryRowContext(ctx, `SELECT system FROM systems WHERE run = ? AND target = ?`, r.key, target).Scan(&was)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if err == nil && was != systems[target] {
			return refusal{&OtherSystemError{Target: target, Was: was, Now: systems[target]}}
		}
	}
	return nil
}
