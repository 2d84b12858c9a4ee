package table

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"golang.org/x/text/encoding"
	"golang.org/x/text/transform"
)

// A source is an input's bytes, to be read as often as needed.
type source struct {
	name   string
	info   fs.FileInfo // of the file itself; nil for what can be read only once
	at     io.ReaderAt
	size   int64
	closer func() error

	encoding string                   // as people know it
	skip     int64                    // the byte order mark
	decoder  func() *encoding.Decoder // nil for UTF-8
}

// open makes a source of a file or, for "-", of stdin. What is no regular file
// can be read only once, so it goes to a temporary file first, which only we
// can read and which is gone when the source is closed.
func open(ctx context.Context, path string, stdin io.Reader, o Options, p *phase) (*source, error) {
	if path == "-" {
		return spool(ctx, "stdin", stdin, o.TempDir, p)
	}
	f, err := within(ctx, func() (*os.File, error) { return os.Open(path) })
	if err != nil {
		return nil, err // names the path
	}
	info, err := f.Stat()
	switch {
	case err != nil:
		_ = f.Close()
		return nil, err
	case info.IsDir():
		_ = f.Close()
		return nil, refuse(path, "this is a folder: give a file in it")
	case !info.Mode().IsRegular():
		defer func() { _ = f.Close() }()
		return spool(ctx, path, f, o.TempDir, p)
	}
	return &source{name: path, info: info, at: f, size: info.Size(), closer: f.Close}, nil
}

// spool keeps what can be read only once. A workbook is larger than it looks,
// and no more of one is taken than would be read.
func spool(ctx context.Context, name string, r io.Reader, dir string, p *phase) (*source, error) {
	f, closer, err := temporary(dir)
	if err != nil {
		return nil, fmt.Errorf("keep %s for reading it twice: %w", name, err)
	}
	in := bufio.NewReader(contextReader{ctx, r})
	start, _ := in.Peek(len(zipMagic)) // its error comes again
	var size int64
	if string(start) == zipMagic {
		size, err = io.Copy(f, io.LimitReader(in, maxWorkbook+1))
	} else {
		size, err = io.Copy(f, io.TeeReader(in, countLines{p}))
	}
	if err != nil {
		_ = closer()
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return &source{name: name, at: f, size: size, closer: closer}, nil
}

// temporary makes a file that only we can read and that closer removes.
func temporary(dir string) (_ *os.File, closer func() error, _ error) {
	f, err := os.CreateTemp(dir, "resetctl-input-") // 0600
	if err != nil {
		return nil, nil, err
	}
	// Where the system lets an open file go, it cannot be left behind even by a
	// kill; elsewhere it goes when closed.
	early := os.Remove(f.Name())
	return f, func() error {
		err := f.Close()
		if early != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
		return err
	}, nil
}

// contextReader ends when ctx does.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	read, err := within(c.ctx, func() ([]byte, error) {
		own := make([]byte, len(p)) // p is not ours any more where nobody waits
		n, err := c.r.Read(own)
		return own[:n], err
	})
	return copy(p, read), err
}

// within waits for do or for the end of ctx. To open a pipe or to read from one
// cannot be interrupted: it is left behind then, and ends with the process or
// when somebody writes.
func within[T any](ctx context.Context, do func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	var none T
	if err := context.Cause(ctx); err != nil {
		return none, err
	}
	got := make(chan result, 1)
	go func() {
		value, err := do()
		got <- result{value, err}
	}()
	select {
	case r := <-got:
		return r.value, r.err
	case <-ctx.Done():
		return none, context.Cause(ctx)
	}
}

// head gives the first bytes, from which all is found out.
func (s *source) head() ([]byte, error) {
	head := make([]byte, min(s.size, 4096))
	n, err := s.at.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read %s: %w", s.name, err)
	}
	return head[:n], nil
}

// text gives the content from its beginning, as UTF-8 without byte order mark.
// Bytes that are not UTF-8 come through as they are.
func (s *source) text() io.Reader {
	r := io.Reader(io.NewSectionReader(s.at, s.skip, s.size-s.skip))
	if s.decoder != nil {
		r = transform.NewReader(r, s.decoder())
	}
	return r
}

// count says how often pattern is in the bytes.
func (s *source) count(pattern []byte) (n int, err error) {
	const size = 1 << 20
	buffer := make([]byte, 0, size+len(pattern))
	r := io.NewSectionReader(s.at, 0, s.size)
	for {
		// What a chunk ends with may be the beginning of a pattern.
		keep := min(len(buffer), len(pattern)-1)
		copy(buffer, buffer[len(buffer)-keep:])
		got, err := io.ReadFull(r, buffer[keep:keep+size])
		buffer = buffer[:keep+got]
		n += bytes.Count(buffer, pattern)
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return n, nil
		case err != nil:
			return n, fmt.Errorf("read %s: %w", s.name, err)
		}
	}
}

// maxRecord is the most that one record may take, so that a quote that is
// never closed does not fill the memory.
const maxRecord = 1 << 20

var errRecordTooLong = fmt.Errorf("longer than %d KiB: is a quote not closed?", maxRecord>>10)

// A leash gives no more than maxRecord bytes from one call of renew to the next.
type leash struct {
	r    io.Reader
	left int
}

func (l *leash) renew() { l.left = maxRecord }

func (l *leash) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, errRecordTooLong
	}
	n, err := l.r.Read(p[:min(len(p), l.left)])
	l.left -= n
	return n, err
}
