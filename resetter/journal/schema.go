package journal

import (
	"context"
	"database/sql"
	"fmt"
	"os"
)

// applicationID marks a SQLite file as a ledger: "rsct".
const applicationID = 0x72736374

// steps lead from each version of the schema to the next; the version of a
// ledger is the number of steps that it has seen, in PRAGMA user_version. A
// step that was released is never changed: add another.
//
// Times are nanoseconds since 1970, UTC. Lists are JSON.
var steps = []string{`
CREATE TABLE runs (
	key         INTEGER PRIMARY KEY,
	id          TEXT NOT NULL UNIQUE,
	content     TEXT NOT NULL,
	columns     TEXT NOT NULL,
	plan        INTEGER NOT NULL CHECK (plan IN (0, 1)),
	started_at  INTEGER NOT NULL,
	finished_at INTEGER
) STRICT;

-- rows has what each row is and where it stands. stage is bulk.Stage, and NULL
-- for a row at no stage; intent_at is set while its intent has no outcome.
CREATE TABLE rows (
	run         INTEGER NOT NULL REFERENCES runs (key) ON DELETE CASCADE,
	seq         INTEGER NOT NULL CHECK (seq > 0),
	line        INTEGER NOT NULL,
	target      TEXT NOT NULL,
	kind        TEXT NOT NULL,
	identity    TEXT NOT NULL,
	action      TEXT NOT NULL,
	new_email   TEXT NOT NULL,
	cells       TEXT NOT NULL,
	account_id  TEXT,
	account     TEXT,
	outcome     TEXT NOT NULL CHECK (outcome IN ('done', 'skipped', 'failed', 'unknown', 'pending')),
	reason      TEXT NOT NULL,
	detail      TEXT NOT NULL DEFAULT '',
	attempts    INTEGER NOT NULL DEFAULT 0,
	status      INTEGER NOT NULL DEFAULT 0,
	finished_at INTEGER,
	intent_at   INTEGER,
	stage       INTEGER,
	PRIMARY KEY (run, seq),
	CHECK (stage IS NULL OR (outcome = 'pending' AND intent_at IS NULL)),
	CHECK (outcome = 'pending' OR intent_at IS NULL)
) STRICT, WITHOUT ROWID;

CREATE INDEX rows_by_state ON rows (run, outcome, target, stage, seq);
CREATE INDEX rows_by_account ON rows (target, account_id, run, action, seq) WHERE account_id IS NOT NULL;
CREATE INDEX rows_in_flight ON rows (run, seq) WHERE intent_at IS NOT NULL;

-- attempts tells the story of each row: event is "intent" or an outcome.
CREATE TABLE attempts (
	key    INTEGER PRIMARY KEY,
	run    INTEGER NOT NULL,
	seq    INTEGER NOT NULL,
	n      INTEGER NOT NULL,
	at     INTEGER NOT NULL,
	event  TEXT NOT NULL,
	reason TEXT NOT NULL DEFAULT '',
	status INTEGER NOT NULL DEFAULT 0,
	FOREIGN KEY (run, seq) REFERENCES rows (run, seq) ON DELETE CASCADE
) STRICT;

CREATE INDEX attempts_by_row ON attempts (run, seq);
CREATE TRIGGER attempts_are_only_added BEFORE UPDATE ON attempts
BEGIN SELECT RAISE(ABORT, 'an attempt is never changed'); END;

-- audit tells who used the tool and how; it outlives the runs.
CREATE TABLE audit (
	key       INTEGER PRIMARY KEY,
	at        INTEGER NOT NULL,
	run       TEXT NOT NULL,
	event     TEXT NOT NULL,
	who       TEXT NOT NULL,
	machine   TEXT NOT NULL,
	tool      TEXT NOT NULL,
	command   TEXT NOT NULL,
	overrides TEXT NOT NULL
) STRICT;

CREATE TRIGGER audit_is_only_added_to BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'an entry of the audit is never changed'); END;
CREATE TRIGGER audit_is_never_deleted_from BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'an entry of the audit is never deleted'); END;

CREATE INDEX runs_by_content ON runs (content);
`, `
-- seq is the row's own number for good, as it came into the ledger. place is
-- where it stands in the input as that is now, which is bulk.Row.Seq; NULL for a
-- row that the input has lost, since people edit their tables.
ALTER TABLE runs ADD COLUMN exact TEXT NOT NULL DEFAULT '';
ALTER TABLE rows ADD COLUMN resolved_at INTEGER; -- when the account was read
ALTER TABLE rows ADD COLUMN asked_at INTEGER; -- of the last intent, also when it has its outcome
ALTER TABLE rows ADD COLUMN place INTEGER;
UPDATE rows SET place = seq;
CREATE UNIQUE INDEX rows_by_place ON rows (run, place) WHERE place IS NOT NULL;
DROP INDEX rows_by_state;
CREATE INDEX rows_by_state ON rows (run, outcome, target, stage, place) WHERE place IS NOT NULL;
`, `
-- systems has which system each target of a run was, in words of the caller's.
CREATE TABLE systems (
	run    INTEGER NOT NULL REFERENCES runs (key) ON DELETE CASCADE,
	target TEXT NOT NULL,
	system TEXT NOT NULL,
	PRIMARY KEY (run, target)
) STRICT, WITHOUT ROWID;
CREATE INDEX rows_by_change ON rows (target, identity COLLATE NOCASE) WHERE action = 'change-email';
`, `
-- content is without regard to the case of addresses now. Only runs that are
-- looked for by it need that.
UPDATE runs SET content = (SELECT content_anew(runs.content, target, kind, identity, action, new_email) FROM rows WHERE run = runs.key AND place IS NOT NULL)
	WHERE plan = 0
	  AND (finished_at IS NULL OR EXISTS (SELECT 1 FROM rows WHERE run = runs.key AND outcome = 'unknown' AND place IS NOT NULL))
	  AND EXISTS (SELECT 1 FROM rows WHERE run = runs.key AND place IS NOT NULL
	              AND (kind = 'email' AND folded(identity) <> identity OR folded(new_email) <> new_email));
`}

// checkIdentity refuses what is no ledger or a newer one.
func checkIdentity(ctx context.Context, conn *sql.Conn) error {
	var id, version int
	if err := conn.QueryRowContext(ctx, "PRAGMA application_id").Scan(&id); err != nil {
		return err
	}
	if id != applicationID {
		return fmt.Errorf("%w: it is a database of something else", ErrDamaged)
	}
	if err := conn.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	if version > len(steps) {
		return fmt.Errorf("%w (version %d, this one knows %d): use that release", ErrNewer, version, len(steps))
	}
	if version < 1 {
		return fmt.Errorf("%w: it has no version", ErrDamaged)
	}
	// Touching the schema and a table finds a file that was cut short.
	var n int
	return conn.QueryRowContext(ctx, "SELECT count(*) FROM runs").Scan(&n)
}

// checked is how large a ledger is checked whole when it is opened: a hundredth
// of a second for each MiB. Of a larger one only what is read is found damaged,
// and a run that an index does not know all of: see Run.whole.
const checked = 8 << 20

// check refuses a file of which a part is damaged. An index that has lost rows
// gives wrong answers without an error: that nobody was mailed.
func (l *Ledger) check(ctx context.Context, conn *sql.Conn) error {
	info, err := os.Stat(l.file)
	if err != nil || info.Size() > checked {
		return err
	}
	var found string
	if err := conn.QueryRowContext(ctx, "PRAGMA integrity_check(1)").Scan(&found); err != nil {
		return err
	}
	if found != "ok" {
		return fmt.Errorf("%w: %s", ErrDamaged, found)
	}
	return nil
}

// migrate takes the steps that are missing, each in a transaction, so that two
// processes do not take one twice.
func migrate(ctx context.Context, conn *sql.Conn) error {
	for {
		done, err := step(ctx, conn)
		if err != nil || done {
			return err
		}
	}
}

// step takes one step and reports whether none was missing.
func step(ctx context.Context, conn *sql.Conn) (done bool, err error) {
	var version int
	const query = "PRAGMA user_version"
	if err := conn.QueryRowContext(ctx, query).Scan(&version); err != nil || version >= len(steps) {
		return true, err
	}
	if _, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return false, err
	}
	defer func() {
		if err != nil {
			_, _ = conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
		}
	}()
	// Again, now that nobody else can write.
	if err := conn.QueryRowContext(ctx, query).Scan(&version); err != nil {
		return false, err
	}
	if version < len(steps) {
		if _, err := conn.ExecContext(ctx, steps[version]); err != nil {
			return false, fmt.Errorf("bringing the ledger from version %d to %d: %w", version, version+1, err)
		}
		if _, err := conn.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", version+1)); err != nil {
			return false, err
		}
	}
	_, err = conn.ExecContext(ctx, "COMMIT")
	return false, err
}
