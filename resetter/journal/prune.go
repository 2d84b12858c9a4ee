package journal

import (
	"context"
	"time"
)

// Prune removes the runs that were finished before olderThan, with their rows
// and attempts, and returns how many there were. Unfinished runs stay, however
// old they are; plans that nobody discarded go with the rest, uncounted. The
// audit stays and is told of each run that is removed.
//
// With a run goes what LastMailed knows from it, so olderThan must lie further
// back than every cool-down. What is removed is written over in the file, which
// becomes smaller where most of it is free then and nobody else is using it; else
// its room is used again by later runs. Durable.
func (l *Ledger) Prune(ctx context.Context, olderThan time.Time, by Invocation) (int, error) {
	at := l.now()
	n := 0
	err := l.alone(ctx, func(w *writer) error {
		gone, err := finishedBefore(ctx, w, olderThan)
		if err != nil {
			return err
		}
		for _, id := range gone {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := w.audit(id, "prune", at, by); err != nil {
				return err
			}
			if err := w.exec(`DELETE FROM runs WHERE id = ?`, id); err != nil {
				return err
			}
		}
		n = len(gone)
		return w.exec(`DELETE FROM runs WHERE plan = 1 AND started_at < ?`, nanos(olderThan))
	})
	if err != nil {
		return 0, l.explain(err)
	}
	if n > 0 {
		l.tidy(ctx)
	}
	return n, nil
}

func finishedBefore(ctx context.Context, w *writer, olderThan time.Time) ([]string, error) {
	rows, err := w.conn.QueryContext(ctx, `SELECT id FROM runs WHERE plan = 0 AND finished_at < ? ORDER BY key`, nanos(olderThan))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var ids []string
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}

// tidy takes what was removed, which is written over in the file, out of the log
// beside it too, and writes the file anew where most of it is free now: that costs
// less than what was removed has cost. It takes a quiet moment and room on the
// disk: without them the files stay as large as they are, which harms nobody. No
// other process is waited for.
func (l *Ledger) tidy(ctx context.Context) {
	select {
	case <-ctx.Done():
		return
	case l.turn <- struct{}{}:
	}
	defer func() { <-l.turn }()
	_ = l.writer.exec("PRAGMA busy_timeout(0)")
	defer func() { _ = l.writer.exec("PRAGMA " + patience) }()
	var pages, free int
	const room = `SELECT page_count, freelist_count FROM pragma_page_count, pragma_freelist_count`
	if err := l.writer.conn.QueryRowContext(ctx, room).Scan(&pages, &free); err == nil && free > 256 && free > pages/2 {
		_ = l.writer.exec("VACUUM")
	}
	_ = l.writer.exec("PRAGMA wal_checkpoint(TRUNCATE)")
}
