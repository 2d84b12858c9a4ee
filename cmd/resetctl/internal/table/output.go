package table

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/ui"
)

// An Output is a file in the making. What stood at its path stays untouched
// until Commit puts the whole new content there at once.
type Output struct {
	w    io.Writer
	path string
	file *os.File // nil for stdout
	temp string   // the name of file beside path; empty where file is path itself
	done bool
}

// Create makes sure that path can be written before anything depends on it.
// "-" is stdout. A regular file, new or there already, is written beside and
// renamed by Commit; its mode becomes 0600, since results name people. A pipe
// or a device is opened and written directly, also through a link such as
// /dev/fd/3. A pipe that nobody reads yet is waited for until ctx ends, and that
// is said. Any other symbolic link is refused, and so is a folder.
// Commit or Abort must follow.
func Create(ctx context.Context, path string, s *ui.IO) (*Output, error) {
	if path == "-" {
		return &Output{w: s.Out, path: path}, nil
	}
	fail := func(what string) (*Output, error) { return nil, fmt.Errorf("cannot write %s: %s", path, what) }
	info, err := os.Lstat(path)
	if err == nil && info.Mode()&fs.ModeSymlink != 0 {
		info, err = os.Stat(path)
		if err != nil || info.IsDir() || info.Mode().IsRegular() {
			return fail("it is a symbolic link: name the file itself")
		}
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, fmt.Errorf("cannot write: %w", err)
	case info.IsDir():
		return fail("it is a folder: name a file in it")
	case info.Mode()&fs.ModeNamedPipe != 0:
		f, err := openPipe(ctx, path, s)
		if err != nil {
			return nil, fmt.Errorf("cannot write: %w", err)
		}
		return &Output{w: f, path: path, file: f}, nil
	default: // whoever protected a file against writing meant it
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return nil, fmt.Errorf("cannot write: %w", err)
		}
		if !info.Mode().IsRegular() {
			return &Output{w: f, path: path, file: f}, nil
		}
		if err := f.Close(); err != nil {
			return nil, fmt.Errorf("cannot write %s: %w", path, err)
		}
	}
	o := &Output{path: path}
	if err := o.begin(); err != nil {
		return nil, err
	}
	// It can be written. Until there is something to write, which may be hours,
	// nothing is left lying about that a killed process could not take away.
	err = errors.Join(o.file.Close(), os.Remove(o.temp))
	o.w, o.file, o.temp = nil, nil, ""
	return o, err
}

// Stdout reports whether the content goes there.
func (o *Output) Stdout() bool { return o.path == "-" }

// begin makes the file beside path.
func (o *Output) begin() error {
	f, err := os.CreateTemp(filepath.Dir(o.path), "."+filepath.Base(o.path)+".*.part") // 0600
	if pathErr := (*fs.PathError)(nil); errors.As(err, &pathErr) {
		err = pathErr.Err // the path is ours, and says nothing to anybody
	}
	switch {
	case errors.Is(err, fs.ErrNotExist) && !isFolder(filepath.Dir(o.path)):
		return fmt.Errorf("cannot write %s: there is no folder %s", o.path, filepath.Dir(o.path))
	case err != nil:
		return fmt.Errorf("cannot write %s: a file in its folder: %w", o.path, err)
	}
	o.w, o.file, o.temp = f, f, f.Name()
	return nil
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// Write adds to the content.
func (o *Output) Write(p []byte) (int, error) {
	if o.w == nil {
		if err := o.begin(); err != nil {
			return 0, err
		}
	}
	return o.w.Write(p)
}

// Commit makes the content durable and visible at the path. After an error
// the path is as it was before Create, pipes and devices apart.
func (o *Output) Commit() error {
	if o.w == nil && !o.done { // an empty file is a file, too
		if err := o.begin(); err != nil {
			return err
		}
	}
	if o.done || o.file == nil {
		o.done = true
		return nil
	}
	if o.temp == "" {
		o.done = true
		return o.file.Close()
	}
	err := o.file.Sync()
	if err == nil {
		err = o.file.Close()
	}
	if err == nil {
		err = os.Rename(o.temp, o.path)
	}
	if err != nil {
		_ = o.Abort()
		return fmt.Errorf("write %s: %w", o.path, err)
	}
	o.done = true
	// The rename is durable when the folder is; not every system can sync one.
	if dir, err := os.Open(filepath.Dir(o.path)); err == nil {
		_ = dir.Sync()
		_ = dir.Close()
	}
	return nil
}

// Abort lets go of what was written. After Commit it does nothing, so that it
// can be deferred.
func (o *Output) Abort() error {
	if o.done || o.file == nil {
		return nil
	}
	o.done = true
	err := o.file.Close()
	if errors.Is(err, os.ErrClosed) {
		err = nil
	}
	if o.temp != "" {
		err = errors.Join(err, os.Remove(o.temp))
	}
	return err
}
