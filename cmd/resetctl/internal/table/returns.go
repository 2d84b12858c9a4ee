package table

import (
	"bytes"
	"io"
)

// returns hands text on and notes where a carriage return stands alone outside of
// quotes. To encoding/csv that is a character like any other: where some lines of
// a file end so, as those of an old Macintosh do, the people behind it would be
// part of the cell before, and nobody would miss them.
type returns struct {
	r      io.Reader
	passed int64
	quoted bool
	last   bool    // the last byte was one, and nobody knows yet whether it is alone
	at     []int64 // ascending
}

func (t *returns) Read(p []byte) (int, error) {
	n, err := t.r.Read(p)
	t.look(p[:n])
	t.passed += int64(n)
	return n, err
}

func (t *returns) look(p []byte) {
	for i := 0; i < len(p); {
		if t.last && p[i] != '\n' && p[i] != '\r' {
			t.at = append(t.at, t.passed+int64(i)-1)
		}
		t.last = false
		next := bytes.IndexByte(p[i:], '\r')
		before := p[i:]
		if next >= 0 {
			before = p[i : i+next]
		}
		if bytes.Count(before, []byte{'"'})%2 == 1 {
			t.quoted = !t.quoted
		}
		if next < 0 {
			return
		}
		i += next + 1
		t.last = !t.quoted
	}
}

// before reports whether one was noted before an offset, and forgets those.
func (t *returns) before(offset int64) (found bool) {
	for len(t.at) > 0 && t.at[0] < offset {
		found, t.at = true, t.at[1:]
	}
	return found
}
