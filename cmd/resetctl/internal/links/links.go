// Package links keeps one-time links for whoever is to hand them over.
//
// Whoever has such a link owns the account, so a [File] is written for its
// [Readers] alone:
//
//	readers, err := links.ReadersOf([]string{"age1…", "team.pub"})
//	file := &links.File{Path: "links.age", Readers: readers}
//	err = file.Check()       // before anything is done that makes links
//	err = file.Append(link)  // is on disk when it returns
//
// The file is a row of armored age messages, one a link, each complete in
// itself: whenever the process dies, all that were appended can be read with
// age and nothing else, and what is torn is the last one at most. A single
// message can be copied out and decrypted; all of them one after the other are
// decrypted by
//
//	awk '/^-----BEGIN/{close(c);c="age -d -i key.txt"} c{print|c} /^-----END/{close(c);c=""}' links.age
//
// What comes out is a line of JSON for each link, the very lines that a file
// for the reader [Plain] holds.
package links

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"
)

// A Link is a one-time link and what it is about. The names are those of the
// columns of results.
type Link struct {
	Row       int       `json:"row"` // the line of the table
	Target    string    `json:"target"`
	AccountID string    `json:"account_id"`
	Email     string    `json:"email"`
	Link      string    `json:"link"`
	MadeAt    time.Time `json:"made_at"`
	RunID     string    `json:"run_id"`
}

// A File is where links go. Its methods may be called concurrently, and other
// processes may append to the same file. It is not kept open.
type File struct {
	Path    string
	Readers Readers

	mu      sync.Mutex
	written int
}

// Check makes sure that links can be appended, and leaves nothing behind.
//
// It refuses what is no regular file, symbolic links too; a file that holds
// anything but links for the same kind of readers; and for [Plain] one that
// others may read.
func (f *File) Check() error {
	file, err := f.open(false)
	if err == nil {
		return file.Close()
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	// That it could be made is tried under another name: one of the right name
	// may be another process's by the time that it would be removed again.
	probe, err := os.CreateTemp(filepath.Dir(f.Path), "."+filepath.Base(f.Path)+".*.part")
	if err != nil {
		return f.fails(err)
	}
	if err := errors.Join(probe.Close(), os.Remove(probe.Name())); err != nil {
		return f.fails(err)
	}
	return nil
}

// Append adds a link. It is on disk, to stay, when Append returns nil. What is
// in the file already is never changed.
func (f *File) Append(l Link) error {
	record, err := f.Readers.seal(l)
	if err != nil {
		return f.fails(err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	// Opened each time, so that when somebody moves the file away, or saves it
	// with an editor, the links that follow do not go where nobody looks.
	file, err := f.open(true)
	if err != nil {
		return err
	}
	if err := errors.Join(add(file, record), file.Close()); err != nil {
		return f.fails(err)
	}
	f.written++
	return nil
}

// Written is how many links were appended.
func (f *File) Written() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.written
}

// fails says which file err is about.
func (f *File) fails(err error) error {
	if path := (*fs.PathError)(nil); errors.As(err, &path) {
		err = path.Err
	}
	return fmt.Errorf("cannot write links to %s: %w", f.Path, err)
}

// open opens the file if it is one that links may be appended to.
func (f *File) open(create bool) (*os.File, error) {
	how := os.O_RDWR | os.O_APPEND
	before, err := os.Lstat(f.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && create:
		how |= os.O_CREATE | os.O_EXCL // which follows no link
	case err != nil:
		return nil, f.fails(err)
	case before.Mode()&fs.ModeSymlink != 0:
		return nil, f.fails(errors.New("it is a symbolic link: name the file itself"))
	case before.IsDir():
		return nil, f.fails(errors.New("it is a folder: name a file in it"))
	case !before.Mode().IsRegular():
		return nil, f.fails(errors.New("it is no regular file, and links have to be kept"))
	}
	file, err := os.OpenFile(f.Path, how, 0o600)
	if before == nil && errors.Is(err, fs.ErrExist) { // another process was faster
		return f.open(create)
	}
	if err != nil {
		return nil, f.fails(err)
	}
	if err := f.mayAdd(file, before); err != nil {
		_ = file.Close()
		return nil, f.fails(err)
	}
	return file, nil
}

// mayAdd refuses a file that is not the one that was looked at before it was
// opened, if there was one, or that something else is in.
func (f *File) mayAdd(file *os.File, before fs.FileInfo) error {
	info, err := file.Stat()
	switch {
	case err != nil:
		return err
	case before != nil && !os.SameFile(before, info):
		return errors.New("it was replaced by another file just now")
	case f.Readers.plain && info.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows":
		return errors.New("others may read it, and whoever has a link owns the account: chmod 600 it, or name another file")
	}
	begins := f.Readers.begins()
	head := make([]byte, len(begins))
	n, err := file.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return err
	}
	// A process may have been killed while it wrote the very first line.
	line, _, _ := strings.Cut(string(head[:n]), "\n")
	if n > 0 && (line == "" || !strings.HasPrefix(begins, line)) {
		return fmt.Errorf("there is something else in it than links %s: name another file", f.Readers)
	}
	return nil
}

// add writes a record behind what is there, on a line of its own whatever
// became of the one before.
func add(file *os.File, record []byte) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if size := info.Size(); size > 0 {
		last := make([]byte, 1)
		if _, err := file.ReadAt(last, size-1); err != nil {
			return err
		}
		if last[0] != '\n' {
			record = append([]byte("\n"), record...)
		}
	}
	// In one piece, so that records of several processes do not mix.
	if _, err := file.Write(record); err != nil {
		return err
	}
	if err := file.Sync(); err != nil {
		return err
	}
	if info.Size() == 0 { // the name may be new, and not every system can sync a folder
		if folder, err := os.Open(filepath.Dir(file.Name())); err == nil {
			_ = folder.Sync()
			_ = folder.Close()
		}
	}
	return nil
}
