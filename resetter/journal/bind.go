package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// ErrOtherSystem means that a target of a run is another system now. Whom its
// rows are about, and what they have come to, is true of the one that it was.
var ErrOtherSystem = errors.New("another system than when the run was begun")

// Bind holds the systems of the targets that are given against those that the
// run has worked with, and remembers those that it had not. ErrOtherSystem names
// a target that was another, and both systems; nothing is remembered then.
// Durable.
func (r *Run) Bind(ctx context.Context, systems map[string]string) error {
	return r.wrap(r.ledger.write(ctx, true, func(w *writer) error { return r.bind(w, systems) }))
}

func (r *Run) bind(w *writer, systems map[string]string) error {
	for _, target := range slices.Sorted(maps.Keys(systems)) {
		var was string
		err := w.conn.QueryRowContext(context.Background(), `SELECT system FROM systems WHERE run = ? AND target = ?`, r.key, target).Scan(&was)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if err == nil && was != systems[target] {
			return refusal{fmt.Errorf("target %s is %s now and was %s: %w", target, systems[target], was, ErrOtherSystem)}
		}
	}
	for target, system := range systems {
		if err := w.exec(`INSERT INTO systems (run, target, system) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`, r.key, target, system); err != nil {
			return err
		}
	}
	return nil
}
