package journal

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"iter"

	"github.com/seed57652884/resetctl/resetter/bulk"
)

// People edit their tables between two beginnings of a run: they sort them
// anew, add people, correct an address, take somebody out. What was done stays
// done all the same. FindEdited finds the run that such a table belongs to, and
// Revise gives the run the rows of the table as it is now.

// candidates is how many unfinished runs are looked at, the newest first, and
// sampled how many rows of each.
const (
	candidates = 16
	sampled    = 4096
)

// A Likeness says how much of a run a table has.
type Likeness struct {
	Shared int  // rows that both have, as written; of a large run an estimate
	Most   bool // more than half of the run's
}

// FindEdited returns the unfinished run that has the most rows in common with
// rows, as written, and how many those are: with more than half of the run's,
// rows are its table as it is now. ErrNoRun where no run has any. Plans do not
// count. Of a large run a sample is looked at, so that memory does not grow
// with it. An error of rows is returned as it came.
func (l *Ledger) FindEdited(ctx context.Context, rows iter.Seq2[bulk.Row, error]) (*Run, Likeness, error) {
	keys, err := l.unfinished(ctx)
	if err == nil && len(keys) == 0 {
		err = ErrNoRun
	}
	if err != nil {
		return nil, Likeness{}, err
	}
	type share struct{ all, sample, there int }
	shares := make(map[int64]*share)
	wanted := make(map[digest]map[int64]int) // how often each run's sample has a row
	for _, key := range keys {
		shares[key] = &share{}
		if shares[key].all, err = l.size(ctx, key); err != nil {
			return nil, Likeness{}, err
		}
		for row, err := range l.sample(ctx, key) {
			if err != nil {
				return nil, Likeness{}, l.explain(err)
			}
			d := digestOf(row)
			if wanted[d] == nil {
				wanted[d] = make(map[int64]int)
			}
			wanted[d][key]++
			shares[key].sample++
		}
	}
	for row, err := range rows {
		if err != nil {
			return nil, Likeness{}, err
		}
		for key, n := range wanted[digestOf(row)] {
			if n > 0 {
				wanted[digestOf(row)][key]--
				shares[key].there++
			}
		}
	}
	best, like := int64(0), Likeness{}
	for _, key := range keys { // the newest first
		s := shares[key]
		if s.there == 0 {
			continue
		}
		if mine := (Likeness{max(1, s.all*s.there/s.sample), 2*s.there > s.sample}); mine.Most && !like.Most || mine.Most == like.Most && mine.Shared > like.Shared {
			best, like = key, mine
		}
	}
	if best == 0 {
		return nil, Likeness{}, ErrNoRun
	}
	run, err := l.run(ctx, sqlRun+`WHERE key = ?`, best)
	return run, like, err
}

// size is how many rows a run has in its input.
func (l *Ledger) size(ctx context.Context, key int64) (n int, err error) {
	err = l.reads.QueryRowContext(ctx, `SELECT count(*) FROM rows INDEXED BY rows_by_place WHERE run = ? AND place IS NOT NULL`, key).Scan(&n)
	return n, l.explain(err)
}

// unfinished returns the keys of the newest unfinished runs.
func (l *Ledger) unfinished(ctx context.Context) ([]int64, error) {
	rows, err := l.reads.QueryContext(ctx, `SELECT key FROM runs WHERE finished_at IS NULL AND plan = 0 ORDER BY key DESC LIMIT ?`, candidates)
	if err != nil {
		return nil, l.explain(err)
	}
	defer rows.Close()
	var keys []int64
	for rows.Next() {
		var key int64
		if err := rows.Scan(&key); err != nil {
			return nil, l.explain(err)
		}
		keys = append(keys, key)
	}
	return keys, l.explain(rows.Err())
}

// sample yields rows of a run, evenly spread: all of a small one.
func (l *Ledger) sample(ctx context.Context, key int64) iter.Seq2[bulk.Row, error] {
	return func(yield func(bulk.Row, error) bool) {
		rows, err := l.reads.QueryContext(ctx, `SELECT target, kind, identity, action, new_email FROM rows INDEXED BY rows_by_place
			WHERE run = ?1 AND place IS NOT NULL
			  AND place % (1 + (SELECT count(*) FROM rows INDEXED BY rows_by_place WHERE run = ?1 AND place IS NOT NULL) / ?2) = 0`, key, sampled)
		if err != nil {
			yield(bulk.Row{}, err)
			return
		}
		defer rows.Close()
		for rows.Next() {
			var r bulk.Row
			if err := rows.Scan(&r.Target, &r.Identity.Kind, &r.Identity.Value, &r.Action, &r.NewEmail); err != nil {
				yield(bulk.Row{}, err)
				return
			}
			if !yield(r, nil) {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(bulk.Row{}, err)
		}
	}
}

// A digest stands for a row as written.
type digest [16]byte

func digestOf(row bulk.Row) digest {
	sum := sha256.Sum256(written(nil, row))
	return digest(sum[:])
}

// Revised says how a table differs from the run that it was made the input of.
type Revised struct {
	Kept    int // rows that were in the run, with all that is known of them
	Added   int // rows that are new to it
	Removed int // rows that the table had and has not any more
}

// Revise makes rows the input of the run, with what n says of content, columns
// and targets that are left out; the rest of n is not read. Rows are matched as
// written, each one once: those that were there keep whatever they have come
// to, at their new place, and new ones are Pending. Rows that are not in the
// table any more stay in the ledger, see Removed, and count for whoever stands
// in for them now: [bulk.Journal.Twin]. Rows that were duplicates, and failed ones
// of people for whom a row that is lost was done, are looked at anew. All of that
// happens, or nothing. Durable.
//
// The caller is alone with the run.
func (r *Run) Revise(ctx context.Context, n NewRun) (Revised, error) {
	columns, err := json.Marshal(n.Columns)
	if err != nil {
		return Revised{}, r.wrap(err)
	}
	var revised Revised
	var given error // an error of n.Rows
	err = r.ledger.alone(ctx, func(w *writer) (err error) {
		var base int // the highest number so far
		if err := w.conn.QueryRowContext(ctx, `SELECT coalesce(max(seq), 0) FROM rows WHERE run = ?`, r.key).Scan(&base); err != nil {
			return err
		}
		if given, err = r.addBehind(ctx, w, base, n.Rows); err != nil {
			return err
		}
		if revised, err = r.match(ctx, w, base); err != nil {
			return err
		}
		for _, target := range n.Excluded {
			if err := w.exec(`UPDATE rows SET outcome = 'skipped', reason = 'excluded', detail = ?, finished_at = ?, stage = NULL
				WHERE run = ? AND seq > ? AND target = ?`, bulk.ExcludedTarget, nanos(r.ledger.now()), r.key, base, target); err != nil {
				return err
			}
		}
		return w.exec(`UPDATE runs SET content = ?, exact = ?, columns = ? WHERE key = ?`, n.Content, n.Exact, string(columns), r.key)
	})
	if given != nil {
		return Revised{}, given
	}
	if err != nil {
		return Revised{}, r.wrap(err)
	}
	r.content, r.exact, r.columns = n.Content, n.Exact, n.Columns
	return revised, nil
}

// addBehind adds rows without a place, numbered by it from base on.
func (r *Run) addBehind(ctx context.Context, w *writer, base int, rows iter.Seq2[bulk.Row, error]) (given, err error) {
	for row, err := range rows {
		if err != nil {
			return err, err
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		place := row.Seq
		row.Seq = 0 // no place yet
		if err := r.add(w, row, base+place); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// sqlWere is for the rows of before by what they say, in which sqlPairs looks each
// of the new ones up; nth tells those apart that say the same.
const (
	sqlWere = `CREATE TEMP TABLE were (target, kind, identity, action, new_email, nth, seq, there,
		PRIMARY KEY (target, kind, identity, action, new_email, nth)) WITHOUT ROWID`
	sqlPairs = `INSERT INTO pairs SELECT were.seq, now.seq, were.there FROM
		(SELECT *, ` + nth + ` AS nth FROM rows WHERE run = ?1 AND seq > ?2) AS now
		CROSS JOIN were USING (target, kind, identity, action, new_email, nth)`
	nth = `row_number() OVER (PARTITION BY target, kind, identity, action, new_email ORDER BY place IS NULL, seq)`
)

// match gives the rows beyond base their places: to the row of before that says
// the same, where there is one, and else to themselves.
func (r *Run) match(ctx context.Context, w *writer, base int) (revised Revised, err error) {
	var before int
	if err := w.conn.QueryRowContext(ctx, `SELECT count(*) FROM rows WHERE run = ? AND place IS NOT NULL`, r.key).Scan(&before); err != nil {
		return Revised{}, err
	}
	for _, statement := range []string{
		`CREATE TEMP TABLE pairs (was INTEGER PRIMARY KEY, now INTEGER UNIQUE, there INTEGER)`,
		sqlWere,
		`INSERT INTO were SELECT target, kind, identity, action, new_email, ` + nth + `, seq, place IS NOT NULL FROM rows WHERE run = ?1 AND seq <= ?2`,
		sqlPairs,
		`DROP TABLE were`,
		`UPDATE rows SET place = NULL WHERE run = ?1 AND place IS NOT NULL`,
		`UPDATE rows SET place = f.seq - ?2, line = f.line, cells = f.cells
			FROM pairs JOIN rows AS f ON f.run = ?1 AND f.seq = pairs.now WHERE rows.run = ?1 AND rows.seq = pairs.was`,
		`DELETE FROM rows WHERE run = ?1 AND seq IN (SELECT now FROM pairs)`,
		`UPDATE rows SET place = seq - ?2 WHERE run = ?1 AND seq > ?2`,
		`UPDATE rows SET outcome = 'pending', reason = 'not_started', detail = '', finished_at = NULL, stage = iif(account_id IS NULL, 0, 1)
			WHERE run = ?1 AND place IS NOT NULL AND outcome = 'skipped' AND reason = 'duplicate'`,
		// Somebody whose row failed, was done as written in another way, and is
		// written now as at first: Twin finds what was done.
		`UPDATE rows SET outcome = 'pending', reason = 'not_started', detail = '', status = 0, finished_at = NULL, stage = 1
			WHERE run = ?1 AND place IS NOT NULL AND outcome = 'failed' AND account_id IS NOT NULL AND EXISTS (
				SELECT 1 FROM rows AS e INDEXED BY rows_by_account WHERE e.target = rows.target AND e.account_id = rows.account_id AND e.run = ?1
				AND e.action = rows.action AND e.new_email = rows.new_email AND e.place IS NULL AND e.outcome IN ('done', 'unknown'))`,
	} {
		if _, err := w.conn.ExecContext(ctx, statement, r.key, base); err != nil {
			return Revised{}, err
		}
	}
	err = w.conn.QueryRowContext(ctx, `SELECT
		(SELECT count(*) FROM pairs),
		(SELECT count(*) FROM rows WHERE run = ?1 AND seq > ?2),
		?3 - (SELECT count(*) FROM pairs WHERE there)`, r.key, base, before).Scan(&revised.Kept, &revised.Added, &revised.Removed)
	if err != nil {
		return Revised{}, err
	}
	return revised, w.exec(`DROP TABLE pairs`)
}

// Borrow gives the rows of a plan what the same rows have come to in the run
// from, so that the plan says what going on with that run would do. What is in
// flight there is in doubt here; what was left out by a target's exclusion or as
// a duplicate is looked at anew. Durable.
func (r *Run) Borrow(ctx context.Context, from *Run) error {
	return r.wrap(r.ledger.alone(ctx, func(w *writer) error {
		for _, statement := range []string{
			`CREATE TEMP TABLE pairs (was INTEGER PRIMARY KEY, now INTEGER UNIQUE)`,
			`INSERT INTO pairs SELECT was.seq, now.seq FROM
				(SELECT *, ` + nth + ` AS nth FROM rows WHERE run = ?2) AS was
				JOIN (SELECT *, ` + nth + ` AS nth FROM rows WHERE run = ?1) AS now
				USING (target, kind, identity, action, new_email, nth)`,
			`UPDATE rows SET account_id = f.account_id, account = f.account, resolved_at = f.resolved_at, attempts = f.attempts, asked_at = f.asked_at,
				outcome = iif(f.intent_at IS NULL, f.outcome, 'unknown'), reason = iif(f.intent_at IS NULL, f.reason, 'interrupted'), detail = f.detail,
				status = f.status, finished_at = coalesce(f.finished_at, f.intent_at),
				stage = CASE WHEN f.outcome <> 'pending' OR f.intent_at IS NOT NULL THEN NULL WHEN f.account_id IS NULL THEN 0 ELSE 1 END
				FROM pairs JOIN rows AS f ON f.run = ?2 AND f.seq = pairs.was
				WHERE rows.run = ?1 AND rows.seq = pairs.now AND rows.outcome = 'pending'
				  AND NOT (f.outcome = 'skipped' AND (f.reason = 'duplicate' OR f.detail = ?3))`,
			`INSERT INTO rows (run, seq, line, target, kind, identity, action, new_email, cells, account_id, account, outcome, reason, detail, attempts, finished_at)
				SELECT ?1, seq + (SELECT max(seq) FROM rows WHERE run = ?1), line, target, kind, identity, action, new_email, cells, account_id, account,
					outcome, reason, detail, attempts, finished_at FROM rows
				WHERE run = ?2 AND outcome IN ('done', 'unknown') AND seq NOT IN (SELECT was FROM pairs)`,
			`DROP TABLE pairs`,
		} {
			if _, err := w.conn.ExecContext(ctx, statement, r.key, from.key, bulk.ExcludedTarget); err != nil {
				return err
			}
		}
		return nil
	}))
}

// Adopt implements [bulk.Journal].
func (r *Run) Adopt(ctx context.Context, seq int) (bulk.Result, error) {
	twin, ok, err := r.Twin(ctx, seq)
	if err == nil && (!ok || twin.Row.Seq != 0) {
		err = errors.New("it has no twin that the input has lost")
	}
	if err != nil {
		return bulk.Result{}, fmt.Errorf("row %d: %w", seq, err)
	}
	err = r.ledger.write(ctx, true, func(w *writer) error {
		// The row that was lost keeps its number, and so its attempts.
		const lost = `(SELECT e.seq FROM rows AS e INDEXED BY rows_by_account JOIN rows AS mine ON mine.run = ?1 AND mine.place = ?2
			WHERE e.run = ?1 AND e.target = mine.target AND e.account_id = mine.account_id AND e.action = mine.action AND e.new_email = mine.new_email
			  AND e.place IS NULL AND e.outcome IN ('done', 'unknown') ORDER BY e.seq LIMIT 1)`
		var number int
		if err := w.conn.QueryRowContext(context.Background(), `SELECT `+lost+` FROM rows WHERE run = ?1 AND place = ?2 AND outcome = 'pending' AND intent_at IS NULL`,
			r.key, seq).Scan(&number); err != nil {
			return err
		}
		for _, statement := range []string{
			`UPDATE rows SET (line, kind, identity, cells) = (SELECT line, kind, identity, cells FROM rows WHERE run = ?1 AND place = ?2),
				detail = 'as ' || identity || ', before the table was changed: ' || detail WHERE run = ?1 AND seq = ?3`,
			// What was ever asked for stays, with its attempts, at no place.
			`DELETE FROM rows WHERE run = ?1 AND place = ?2 AND NOT EXISTS (SELECT 1 FROM attempts AS a WHERE a.run = ?1 AND a.seq = rows.seq)`,
			`UPDATE rows SET place = NULL, stage = NULL, outcome = 'skipped', reason = 'duplicate', detail = '' WHERE run = ?1 AND place = ?2`,
			`UPDATE rows SET place = ?2 WHERE run = ?1 AND seq = ?3`,
		} {
			if err := w.exec(statement, r.key, seq, number); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return bulk.Result{}, r.wrap(fmt.Errorf("row %d: %w", seq, err))
	}
	for result, err := range r.results(ctx, `INDEXED BY rows_by_place WHERE run = ? AND place = ?`, r.key, seq) {
		return result, err
	}
	return bulk.Result{}, r.wrap(fmt.Errorf("row %d is gone", seq))
}

// Include takes back that rows were left out because of their target, for all
// targets but those of except: they are Pending again. Durable.
func (r *Run) Include(ctx context.Context, except []string) error {
	but, err := json.Marshal(except)
	if err != nil {
		return err
	}
	return r.wrap(r.ledger.write(ctx, true, func(w *writer) error {
		return w.exec(`UPDATE rows INDEXED BY rows_by_state SET outcome = 'pending', reason = 'not_started', detail = '', finished_at = NULL, stage = iif(account_id IS NULL, 0, 1)
			WHERE run = ?1 AND outcome = 'skipped' AND place IS NOT NULL AND reason = 'excluded' AND detail = ?2
			  AND target NOT IN (SELECT value FROM json_each(?3))`, r.key, bulk.ExcludedTarget, string(but))
	}))
}

// Removed yields the rows that the run's table has lost, with what they had come
// to until then, in the order in which they came in. Their Row.Seq is 0.
func (r *Run) Removed(ctx context.Context) iter.Seq2[bulk.Result, error] {
	return r.resultsOf(ctx, sqlRemoved, r.key)
}

const sqlRemoved = `SELECT 0, line, target, kind, identity, action, new_email, cells, account_id, account, resolved_at,
	outcome, reason, detail, attempts, status, asked_at, finished_at, intent_at IS NOT NULL FROM rows WHERE run = ? AND place IS NULL AND NOT (outcome = 'skipped' AND reason = 'duplicate') ORDER BY seq`
