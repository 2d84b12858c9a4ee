package table

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// A source is an input's bytes, to be read as often as needed.
type source struct {
	name   string
	at     io.ReaderAt
	size   int64
	closer func() error

	encoding string // "UTF-8", "UTF-16"
	skip     int64  // the byte order mark
	order    unicode.Endianness
}

// open makes a source of a file or, for "-", of stdin. What is no regular file
// can be read only once, so it goes to a temporary file first, which only we
// can read and which is gone when the source is closed.
func open(ctx context.Context, path string, stdin io.Reader, o Options) (*source, error) {
	if path == "-" {
		return spool(ctx, "stdin", stdin, o.TempDir)
	}
	switch strings.ToLower(filepath.Ext(path)) {
	case ".xlsx", ".xlsm", ".xls", ".ods":
		return nil, refuse(path, "workbooks cannot be read yet: open it, save the sheet as \"CSV UTF-8\" and give that file")
	}
	f, err := os.Open(path)
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
		return spool(ctx, path, f, o.TempDir)
	}
	return newSource(path, f, info.Size(), f.Close)
}

func spool(ctx context.Context, name string, r io.Reader, dir string) (_ *source, err error) {
	f, err := os.CreateTemp(dir, "resetctl-input-") // 0600
	if err != nil {
		return nil, fmt.Errorf("keep %s for reading it twice: %w", name, err)
	}
	// Where the system lets an open file go, it cannot be left behind even by a
	// kill; elsewhere it goes when closed.
	early := os.Remove(f.Name())
	closer := func() error {
		err := f.Close()
		if early != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
		return err
	}
	defer func() {
		if err != nil {
			_ = closer()
		}
	}()
	size, err := io.Copy(f, contextReader{ctx, r})
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return newSource(name, f, size, closer)
}

// contextReader ends between two reads when ctx does.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if err := context.Cause(c.ctx); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

// newSource looks at the first bytes for the encoding. What it cannot read it
// refuses by name.
func newSource(name string, at io.ReaderAt, size int64, closer func() error) (*source, error) {
	s := &source{name: name, at: at, size: size, closer: closer, encoding: "UTF-8"}
	head := make([]byte, min(size, 4096))
	n, err := at.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		_ = closer()
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	head = head[:n]
	if what := s.detect(head); what != "" {
		_ = closer()
		return nil, refuse(name, "%s", what)
	}
	return s, nil
}

func (s *source) detect(head []byte) (refusal string) {
	has := func(prefix string) bool { return bytes.HasPrefix(head, []byte(prefix)) }
	const saveAs = `: save it as "CSV UTF-8"`
	switch {
	case has("\xFF\xFE\x00\x00"), has("\x00\x00\xFE\xFF"):
		return "the text is UTF-32, which is not read" + saveAs
	case has("\xEF\xBB\xBF"):
		s.skip = 3
	case has("\xFF\xFE"):
		s.encoding, s.skip, s.order = "UTF-16", 2, unicode.LittleEndian
	case has("\xFE\xFF"):
		s.encoding, s.skip, s.order = "UTF-16", 2, unicode.BigEndian
	case has("PK\x03\x04"):
		return "this is an Excel workbook or another zip archive, not a text" + saveAs
	case has("\xD0\xCF\x11\xE0"):
		return "this is an old Excel workbook, not a text" + saveAs
	case has("%PDF-"):
		return "this is a PDF, not a table" + saveAs
	case has("\x1F\x8B"):
		return "this is compressed by gzip: unpack it first"
	case bytes.IndexByte(head, 0) >= 0:
		return "there are NUL bytes in it: UTF-16 without a byte order mark, or no text at all" + saveAs
	}
	// Of UTF-16 the other byte of each sign is 0 where it matters here.
	plain := bytes.TrimRight(bytes.ReplaceAll(head, []byte{0}, nil), "\r")
	if bytes.IndexByte(plain, '\n') < 0 && bytes.IndexByte(plain, '\r') >= 0 {
		return "the lines end as those of an old Macintosh do (CR alone)" + saveAs
	}
	return ""
}

// text gives the content from its beginning, as UTF-8 without byte order mark.
// Bytes that are not UTF-8 come through as they are.
func (s *source) text() io.Reader {
	r := io.Reader(io.NewSectionReader(s.at, s.skip, s.size-s.skip))
	if s.encoding == "UTF-16" {
		r = transform.NewReader(r, unicode.UTF16(s.order, unicode.IgnoreBOM).NewDecoder())
	}
	return r
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
