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
// its rows left to do are about is forgotten, to be looked up there, and of those
// in doubt what was read before. What was done stays done. Durable.
func (r *Run) Move(ctx context.Context, target, system string) error {
	return r.wrap(r.ledger.write(ctx, true, func(w *writer) error {
		if err := w.exec(`INSERT INTO systems (run, target, system) VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET system = ?3`, r.key, target, system); err != nil {
			return err
		}
		for _, statement := range []string{
			`UPDATE rows INDEXED BY rows_by_state SET account_id = NULL, account = NULL, resolved_at = NULL, stage = 0
				WHERE run = ?1 AND target = ?2 AND outcome = 'pending' AND stage = 1 AND place IS NOT NULL`,
			`UPDATE rows INDEXED BY rows_by_state SET account = json_remove(account, '$.evidence')
				WHERE run = ?1 AND target = ?2 AND outcome = 'unknown' AND place IS NOT NULL`,
		} {
			if err := w.exec(statement, r.key, target); err != nil {
				return err
			}
		}
		return nil
	}))
}

func (r *Run) bind(w *writer, systems map[string]string) error {
	for _, target := range slices.Sorted(maps.Keys(systems)) {
		var was string
		err := w.conn.QueryRowContext(context.Background(), `SELECT system FROM systems WHERE run = ? AND target = ?`, r.key, target).Scan(&was)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if err == nil && was != systems[target] {
			return refusal{&OtherSystemError{Target: target, Was: was, Now: systems[target]}}
		}
	}
	for target, system := range systems {
		if err := w.exec(`INSERT INTO systems (run, target, system) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`, r.key, target, system); err != nil {
			return err
		}
	}
	return nil
}
