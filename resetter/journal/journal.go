// Package journal keeps the ledger: the durable record of every run, behind
// the [bulk.Journal] of package resetter/bulk. It is one SQLite file in a
// folder of its own.
//
// [Open] the ledger, [Ledger.Find] the run to go on with or [Ledger.Begin] one,
// and hand the [Run] to the engine as its journal:
//
//	ledger, err := journal.Open(ctx, dir, journal.Options{})
//	content, err := journal.Content(rows) // what work this is
//	run, err := ledger.Find(ctx, content) // begun before and not finished?
//	if errors.Is(err, journal.ErrNoRun) {
//		run, err = ledger.Begin(ctx, journal.NewRun{Content: content, Rows: rows})
//	}
//	engine := bulk.Engine{Journal: run, Targets: targets}
//	// … Prepare, Act, Reconcile …
//	finished, err := run.Finish(ctx) // false where rows are pending: go on later
//	err = ledger.Close()
//
// A run that goes on is prepared and acted on like a new one: rows that have
// their outcome keep it, and those that were in flight when a process died are
// Unknown, interrupted. Clients of a program that goes on are made with the same
// transport.WithEvidenceKey each time, or Reconcile can tell little of what an
// earlier process sent.
//
// # What is promised
//
// What a durable method recorded survives the loss of the process and of
// power: the file is in WAL mode and each commit is synced before it is
// answered. Whatever is asked for at the same time is committed together, so
// that many rows share one sync. A row that has its outcome keeps it; attempts
// and the audit are only ever added to.
//
// A ledger that is damaged, newer than this program, or not a ledger at all is
// refused and left as it is, never begun afresh: to forget who was mailed is
// to mail them again.
//
// The ledger holds the rows of past runs and what [bulk.Result] says of them,
// and so the names of people. It is readable by its owner alone. It never
// holds a password, a token or a one-time link.
//
// # Errors and concurrency
//
// Errors of opening and finding are values for errors.Is: [ErrNewer],
// [ErrDamaged], [ErrRemote], [ErrNoRun], [ErrClosed]. Once the ledger's files were
// removed or replaced, no intent is written any more: [ErrLost]. A ledger may be used by any
// number of goroutines, and be open in several processes, which take turns at
// writing. Two processes must not work off the same run at the same time: that is
// for the caller to prevent, as the command does with a lock for each target.
//
// Before 1.0 Go names may change; a ledger is read by every later release.
package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"
)

// FileName is the name of the ledger in its folder. SQLite keeps two more
// beside it while it is open, with the endings -wal and -shm.
const FileName = "ledger.db"

// Errors of Open and of the look-ups, for [errors.Is].
var (
	// ErrNewer: the ledger was written by a newer release of this program.
	ErrNewer = errors.New("the ledger was written by a newer release")
	// ErrDamaged: the file cannot be read as a ledger.
	ErrDamaged = errors.New("the ledger is damaged")
	// ErrRemote: the folder is on another machine's disk.
	ErrRemote = errors.New("the folder of the ledger is on a network file system")
	// ErrNoRun: there is no such run.
	ErrNoRun = errors.New("there is no such run")
	// ErrLost: the ledger was removed or replaced while it was open.
	ErrLost = errors.New("the ledger was removed or replaced while it was in use")
	// ErrClosed: the ledger was used after Close.
	ErrClosed = errors.New("the ledger is closed")
)

// Options tune a ledger. The zero value is right for everybody but tests.
type Options struct {
	// Now is the clock for the times that the ledger stores; default time.Now.
	Now func() time.Time
	// MaxPages bounds the file to so many pages of 4 KiB, but never below what it
	// has; 0 leaves it to the disk. A ledger that is full refuses every write.
	MaxPages int
	// Hold, where set, is asked before intents are committed, once for all of a
	// commit: with an error none of them is. For locks that are lost.
	Hold func() error

	remote func(dir string) (string, error) // default remote, for tests
}

// A Ledger is an open ledger. All methods may be called concurrently; several
// processes may have the same ledger open and then take turns at writing.
type Ledger struct {
	file string
	now  func() time.Time
	hold func() error // nil: nobody is asked

	opened [3]fs.FileInfo // of siblings; nil for one that was not there

	reads  *sql.DB
	twin   *sql.Stmt // of reads, as mailed is
	mailed *sql.Stmt
	writes *sql.DB // behind writer; holds a single connection
	writer *writer

	// turn is held by the one who writes: whoever puts something in it owns
	// writer until he takes it out again.
	turn chan struct{}

	mu      sync.Mutex
	queue   []*request // waiting for the next commit
	closed  bool
	commits int // transactions that were committed, for tests
}

// Open opens the ledger in dir and makes both where they do not exist: the
// folder for its owner alone (0700), the file likewise (0600). A folder that
// others can look into is closed to them where it is empty or holds a ledger
// already, and refused where it holds other things. So is a folder on NFS or
// SMB, where Linux tells: what keeps two processes out of each other's way and
// has writes survive cannot be relied on there.
//
// Errors: ErrNewer, ErrDamaged, ErrRemote, and those of the file system. Nothing is
// changed where Open fails.
func Open(ctx context.Context, dir string, opts Options) (*Ledger, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.remote == nil {
		opts.remote = remote
	}
	if err := stayHere(dir, opts.remote); err != nil {
		return nil, err
	}
	file, err := prepareFile(ctx, dir)
	if err != nil {
		return nil, err
	}
	l := &Ledger{file: file, now: opts.Now, hold: opts.Hold, turn: make(chan struct{}, 1)}
	if err = l.open(ctx); err == nil && opts.MaxPages > 0 {
		err = l.writer.exec(fmt.Sprintf("PRAGMA max_page_count = %d", opts.MaxPages))
	}
	if err != nil {
		l.closeAll()
		return nil, l.explain(err)
	}
	return l, nil
}

func (l *Ledger) open(ctx context.Context) (err error) {
	before, err := os.Stat(l.file)
	if err != nil {
		return err
	}
	l.writes = openDatabase(l.file, false)
	conn, err := l.writes.Conn(ctx)
	if err != nil {
		return err
	}
	l.writer = &writer{conn: conn, durable: true, ask: l.mayIntend}
	if err := checkIdentity(ctx, conn); err != nil {
		return err
	}
	if err := l.check(ctx, conn); err != nil {
		return err
	}
	if err := migrate(ctx, conn); err != nil {
		return err
	}
	if err := l.writer.prepare(ctx); err != nil {
		return err
	}
	l.reads = openDatabase(l.file, true)
	// Some readers stay open between calls, and there is no upper limit: who
	// reads within the loop of another reading must not wait for himself.
	l.reads.SetMaxIdleConns(4)
	if l.twin, err = l.reads.PrepareContext(ctx, sqlTwin); err != nil {
		return err
	}
	if l.mailed, err = l.reads.PrepareContext(ctx, sqlMailed); err != nil {
		return err
	}
	if err := l.remember(before); err != nil {
		return err
	}
	return closeFiles(l.file)
}

// mayIntend asks what may change while the ledger is open.
func (l *Ledger) mayIntend() error {
	if l.hold != nil {
		if err := l.hold(); err != nil {
			return err
		}
	}
	return l.InPlace()
}

// Close waits for the write that is under way and closes the ledger. What
// still waits for its turn fails with ErrClosed.
func (l *Ledger) Close() error {
	l.turn <- struct{}{}
	defer func() { <-l.turn }()

	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true
	waiting := l.queue
	l.queue = nil
	l.mu.Unlock()
	for _, q := range waiting {
		q.answer(ErrClosed)
	}
	return l.explain(l.closeAll())
}

func (l *Ledger) closeAll() error {
	var errs []error
	for _, s := range []*sql.Stmt{l.twin, l.mailed} {
		if s != nil {
			errs = append(errs, s.Close())
		}
	}
	if l.reads != nil {
		errs = append(errs, l.reads.Close())
	}
	if l.writer != nil {
		errs = append(errs, l.writer.close())
	}
	if l.writes != nil {
		errs = append(errs, l.writes.Close())
	}
	return errors.Join(errs...)
}

// File is the path of the ledger, for messages.
func (l *Ledger) File() string { return l.file }

// String names the ledger, for messages.
func (l *Ledger) String() string { return fmt.Sprintf("ledger %s", l.file) }
