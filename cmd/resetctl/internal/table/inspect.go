package table

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/xuri/excelize/v2"
)

// maxNoted is how many merged areas, and how many formulas without a value, are
// kept of a sheet.
const maxNoted = 1_000_000

// inspect goes over a sheet and the texts and formats that it uses, before
// excelize does, for what excelize does not tell, would get wrong without a
// word, or would spend any memory and time on: formulas that have no value,
// merged cells, numbers that lost digits, numbers without end, cells out of
// order, texts that are not there, parts that are cut off; rows of any length, by
// short references to long texts; formats of any number and length, which are
// read anew for each cell.
func (s *sheet) inspect(ctx context.Context, part string) error {
	if err := s.inspectFormats(); err != nil {
		return err
	}
	texts, err := s.inspectTexts(ctx)
	if err != nil {
		return err
	}
	i := inspection{sheet: s, texts: texts}
	return s.tokens(ctx, part, maxSheet, i.token)
}

// inspectTexts gives the lengths of the texts that cells share.
func (s *sheet) inspectTexts(ctx context.Context) (lengths []uint32, err error) {
	if _, ok := s.book.parts[stringsPart]; !ok {
		return nil, nil
	}
	return lengths, s.tokens(ctx, stringsPart, maxStrings, func(t xml.Token) error {
		switch t := t.(type) {
		case xml.StartElement:
			if t.Name.Local == "si" {
				lengths = append(lengths, 0)
			}
		case xml.CharData:
			if len(lengths) > 0 {
				lengths[len(lengths)-1] += uint32(len(t))
			}
		}
		if len(lengths) > maxTexts {
			return refuse(s.book.file, "the workbook has more than %d texts"+saveSheetAs, maxTexts)
		}
		return nil
	})
}

func (s *sheet) inspectFormats() error {
	if _, ok := s.book.parts[stylesPart]; !ok {
		return nil
	}
	var styles struct {
		Formats []struct {
			Code string `xml:"formatCode,attr"`
		} `xml:"numFmts>numFmt"`
	}
	if err := s.book.decode(stylesPart, &styles); err != nil {
		return err
	}
	odd := len(styles.Formats) > maxFormats
	for _, f := range styles.Formats {
		odd = odd || len(f.Code) > 4*255 // Excel's 255 characters
	}
	if odd {
		return refuse(s.book.file, "the workbook has more formats of numbers, or longer ones, than Excel allows"+saveSheetAs)
	}
	return nil
}

// tokens walks over a part from beginning to end.
func (s *sheet) tokens(ctx context.Context, part string, most uint64, do func(xml.Token) error) error {
	r, err := s.book.part(part, most)
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	rope := &leash{r: contextReader{ctx, r}}
	for d := xml.NewDecoder(rope); ; {
		rope.renew()
		t, err := d.RawToken()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case context.Cause(ctx) != nil:
			return context.Cause(ctx)
		case err != nil:
			return s.book.damaged(fmt.Errorf("part %q: %w", part, err))
		}
		if err := do(t); err != nil {
			return err
		}
	}
}

// An inspection is where in a sheet it is, and what it saw of the row and the
// cell.
type inspection struct {
	*sheet
	texts   []uint32 // their lengths
	data    bool
	element string
	at      cell
	row     int // the length of what it says
	kind    string
	formula bool
	value   []byte // the beginning of it
}

func (i *inspection) token(t xml.Token) error {
	switch t := t.(type) {
	case xml.StartElement:
		return i.start(t)
	case xml.CharData:
		if i.row += len(t); i.element == "v" && len(i.value) <= maxNumber {
			i.value = append(i.value, t[:min(len(t), maxNumber+1)]...)
		}
	case xml.EndElement:
		i.element = ""
		switch {
		case t.Name.Local == "sheetData":
			i.data = false
		case t.Name.Local == "c" && i.data:
			return i.endOfCell()
		}
	}
	return nil
}

func (i *inspection) start(t xml.StartElement) error {
	i.element = t.Name.Local
	switch {
	case i.element == "sheetData":
		i.data = true
	case i.element == "mergeCell" && !i.data:
		return i.merge(attribute(t, "ref"))
	case i.element == "row" && i.data:
		line := i.at.line + 1
		if r := attribute(t, "r"); r != "" {
			var err error
			if line, err = strconv.Atoi(r); err != nil || line <= i.at.line {
				return i.book.damaged(fmt.Errorf("row %s comes after row %d", quote(r), i.at.line))
			}
		}
		if line > maxRows {
			return i.book.damaged(fmt.Errorf("there is a row %d, and a sheet has %d", line, maxRows))
		}
		i.at, i.row, i.rows = cell{line: line}, 0, line
		i.phase.done.Store(int64(line))
	case i.element == "c" && i.data:
		at := cell{i.at.line, i.at.column + 1}
		if r := attribute(t, "r"); r != "" {
			var err error
			if at.column, at.line, err = excelize.CellNameToCoordinates(r); err != nil || at.line != i.at.line || at.column <= i.at.column {
				return i.book.damaged(fmt.Errorf("cell %s comes after cell %s", quote(r), i.at))
			}
		}
		i.at, i.kind, i.formula, i.value = at, attribute(t, "t"), false, i.value[:0]
	case i.element == "f":
		i.formula = true
	}
	return nil
}

func (i *inspection) endOfCell() error {
	switch {
	case !slices.Contains([]string{"s", "str", "inlineStr"}, i.kind) && endless(i.value):
		return i.book.damaged(fmt.Errorf("cell %s holds no number", i.at))
	case i.formula && len(i.value) == 0 && i.kind != "str": // "str" may well be the empty text
		if i.uncalculated = append(i.uncalculated, i.at); len(i.uncalculated) > maxNoted {
			return refuse(i.book.file, "no spreadsheet has calculated the formulas of the sheet yet: open the workbook in Excel, save it, and give that file")
		}
	case (i.kind == "" || i.kind == "n") && rounded(i.value) && len(i.rounded) < maxNoted:
		i.rounded = append(i.rounded, i.at)
	case i.kind == "s" && len(i.value) > 0:
		n, err := strconv.Atoi(strings.TrimSpace(string(i.value)))
		if err != nil || n < 0 || n >= len(i.texts) {
			return i.book.damaged(fmt.Errorf("the text of cell %s is missing", i.at))
		}
		i.row += int(i.texts[n])
	}
	if i.row > maxRecord {
		return refuse(i.book.file, "row %d of the sheet %s is longer than %d KiB: is this the right sheet?", i.at.line, quote(i.name), maxRecord>>10)
	}
	return nil
}

// maxNumber is how long a number can be that is written without need for more.
const maxNumber = 400

// endless reports whether a value is taken for a number and is none that a
// spreadsheet can hold. excelize would look for the fraction that comes near it
// for ever.
func endless(value []byte) bool {
	n, _ := strconv.ParseFloat(strings.TrimSpace(string(value)), 64)
	return len(value) > maxNumber || math.IsInf(n, 0) || math.IsNaN(n)
}

// rounded reports whether a number has more digits than the 15 that a
// spreadsheet keeps, which writes it with the last ones as 0 or with an exponent.
func rounded(number []byte) bool {
	mantissa, exponent, _ := strings.Cut(strings.ToUpper(string(number)), "E")
	digits := strings.TrimLeft(strings.TrimLeft(mantissa, "-"), "0.")
	return len(digits) > 15 || strings.HasPrefix(exponent, "+")
}

func (i *inspection) merge(ref string) (err error) {
	var a area
	from, to, _ := strings.Cut(ref, ":")
	if a.from.column, a.from.line, err = excelize.CellNameToCoordinates(from); err == nil && to != "" {
		a.to.column, a.to.line, err = excelize.CellNameToCoordinates(to)
	}
	if err != nil || to == "" {
		return i.book.damaged(fmt.Errorf("the merged cells %s are none", quote(ref)))
	}
	if i.merged = append(i.merged, a); len(i.merged) > maxNoted {
		return refuse(i.book.file, "more cells of the sheet are merged than can be looked at: unmerge them")
	}
	return nil
}

func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name && a.Name.Space == "" {
			return a.Value
		}
	}
	return ""
}
