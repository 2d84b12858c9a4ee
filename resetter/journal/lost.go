package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// What was opened may be taken away: people tidy up folders, and put backups
// back. Whatever is written to it then, nobody will ever read, so no intent is.

// InPlace reports whether the ledger is still what lies at its path. ErrLost
// where one of its files was removed or replaced since it was opened.
func (l *Ledger) InPlace() error {
	for i, name := range siblings(l.file) {
		if l.opened[i] == nil {
			continue
		}
		switch there, err := os.Stat(name); {
		case errors.Is(err, fs.ErrNotExist):
			return fmt.Errorf("%w: there is no %s any more", ErrLost, name)
		case err != nil:
			return fmt.Errorf("%w: %w", ErrLost, err)
		case !os.SameFile(there, l.opened[i]):
			return fmt.Errorf("%w: %s is another file by now", ErrLost, name)
		}
	}
	return nil
}

// MayAct implements [bulk.Permitter]: ErrLost, or what Options.Hold says.
func (r *Run) MayAct() error { return r.wrap(r.ledger.mayIntend()) }

// remember notes which files were opened; before is what lay at the path of the
// first one then.
func (l *Ledger) remember(before fs.FileInfo) error {
	for i, name := range siblings(l.file) {
		info, err := os.Stat(name)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		l.opened[i] = info
	}
	if l.opened[0] == nil || !os.SameFile(before, l.opened[0]) {
		return fmt.Errorf("%w: %s", ErrLost, l.file)
	}
	return nil
}

// mayIntend reports whether intents may be committed: what they are written to
// is there for who comes next, and the caller holds what he must. It is asked in
// each transaction once, so that whatever another process wrote before is known.
func (w *writer) mayIntend() error {
	if !w.asked {
		w.asked, w.refused = true, w.ask()
	}
	return w.refused
}
