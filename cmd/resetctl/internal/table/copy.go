package table

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
)

// A copy is the rows of a sheet in a file: for each its line, how many cells it
// has, and for each cell how long it is and what it says.

type copyWriter struct {
	w    *bufio.Writer
	size int64
	row  []byte
}

func newCopyWriter(w io.Writer) *copyWriter { return &copyWriter{w: bufio.NewWriterSize(w, 64<<10)} }

func (c *copyWriter) write(rec record) error {
	c.row = binary.AppendUvarint(c.row[:0], uint64(rec.line))
	c.row = binary.AppendUvarint(c.row, uint64(len(rec.cells)))
	for _, cell := range rec.cells {
		c.row = binary.AppendUvarint(c.row, uint64(len(cell)))
		c.row = append(c.row, cell...)
	}
	c.size += int64(len(c.row))
	_, err := c.w.Write(c.row)
	return err
}

func (c *copyWriter) flush() error { return c.w.Flush() }

type copyScanner struct{ r *bufio.Reader }

func newCopyScanner(r io.Reader) copyScanner { return copyScanner{bufio.NewReaderSize(r, 64<<10)} }

func (c copyScanner) next() (record, *Problem, error) {
	line, err := binary.ReadUvarint(c.r)
	if err != nil {
		return record{}, nil, err // io.EOF where all are read
	}
	n, err := c.length(maxColumns)
	if err != nil {
		return record{}, nil, err
	}
	cells := make([]string, n)
	for i := range cells {
		size, err := c.length(maxSheet)
		if err != nil {
			return record{}, nil, err
		}
		text := make([]byte, size)
		if _, err := io.ReadFull(c.r, text); err != nil {
			return record{}, nil, cutOff(err)
		}
		cells[i] = string(text)
	}
	return record{int(line), cells}, nil, nil
}

func (c copyScanner) length(most uint64) (int, error) {
	n, err := binary.ReadUvarint(c.r)
	if err == nil && n > most {
		err = errors.New("a length in the copy of the sheet is not what was written")
	}
	return int(n), cutOff(err)
}

// cutOff keeps an end within a row from being taken for the end of the rows.
func cutOff(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
