package table

import (
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/near"
)

// delimiters are those that are read, the most usual first.
var delimiters = []rune{',', ';', '\t', '|'}

var delimiterNames = map[rune]string{',': "commas", ';': "semicolons", '\t': "tabs", '|': "bars"}

// delimiterWords are what --delimiter understands besides the signs themselves.
var delimiterWords = map[string]rune{
	"comma": ',', "semicolon": ';', "tab": '\t', `\t`: '\t', "pipe": '|', "bar": '|',
	"commas": ',', "semicolons": ';', "tabs": '\t', "pipes": '|', "bars": '|',
}

// parseDelimiter reads --delimiter; nothing is 0.
func parseDelimiter(s string) (rune, error) {
	if s == "" {
		return 0, nil
	}
	for _, d := range delimiters {
		if s == string(d) {
			return d, nil
		}
	}
	if d, ok := delimiterWords[strings.ToLower(strings.TrimSpace(s))]; ok {
		return d, nil
	}
	return 0, fmt.Errorf("--delimiter: %s is none that is read; write comma, semicolon, tab or pipe%s", quote(s), near.Hint(s, []string{"comma", "semicolon", "tab", "pipe"}))
}

// preamble is a first line that is not the header, and its length: "sep=;", by
// which some programs tell Excel how to split, and "#TYPE …", by which
// PowerShell says what it exported.
func preamble(sample string) (comma rune, length int) {
	line, _, found := strings.Cut(sample, "\n")
	if !found {
		return 0, 0
	}
	length = len(line) + 1
	line = strings.TrimSuffix(line, "\r")
	if strings.HasPrefix(line, "#TYPE ") {
		return 0, length
	}
	value, ok := strings.CutPrefix(strings.ToLower(line), "sep=")
	if !ok || len(value) != 1 || !slices.Contains(delimiters, rune(value[0])) {
		return 0, 0
	}
	return rune(value[0]), length
}

const (
	sampleHeaders = 10  // records among which the header is looked for
	sampleRecords = 200 // records that must fit
)

// findDelimiter takes the delimiter under which the header has the most columns
// that mean something, since that can hardly be by chance; else one of the next
// records, where lines stand above the header; else the delimiter that cuts
// nearly all records into as many cells as the header; else the comma.
func findDelimiter(sample string, whole bool, asked []mapping) rune {
	best, bestFit := delimiters[0], fit{}
	for i, d := range delimiters {
		if f := fitOf(sample, whole, d, asked); i == 0 || f.compare(bestFit) > 0 {
			best, bestFit = d, f
		}
	}
	return best
}

// A fit is how well a delimiter suits a sample.
type fit struct {
	known   int // columns of the header that mean something
	beneath int // the same for the best of the next records
	columns int
	records int
	misfits int // records that are not as wide as the header
}

// regular reports whether the delimiter makes a table.
func (f fit) regular() int {
	if f.columns > 1 && f.misfits*5 <= f.records {
		return 1
	}
	return 0
}

func (f fit) compare(g fit) int {
	fits := 0
	if f.regular() == 1 && g.regular() == 1 {
		fits = g.misfits - f.misfits
	}
	return cmp.Or(f.known-g.known, f.beneath-g.beneath, f.regular()-g.regular(), fits, f.columns-g.columns)
}

func fitOf(sample string, whole bool, comma rune, asked []mapping) (f fit) {
	r := csv.NewReader(strings.NewReader(sample))
	r.Comma, r.FieldsPerRecord, r.LazyQuotes, r.ReuseRecord = comma, -1, true, true
	cols := &columns{asked: asked}
	for f.records < sampleRecords {
		cells, err := r.Read()
		cut := !whole && r.InputOffset() == int64(len(sample)) // the last record may be cut off
		if errors.Is(err, io.EOF) || cut && f.records > 0 {
			break
		}
		if err != nil || blank(cells) {
			continue
		}
		if f.records++; f.records == 1 {
			names := make([]string, len(cells))
			for i, name := range cells {
				names[i] = strings.TrimSpace(name)
			}
			cols.asked = settle(asked, names)
		}
		known := 0
		for _, name := range cells {
			if _, ok := cols.meaning(strings.TrimSpace(name)); ok {
				known++
			}
		}
		switch {
		case f.records == 1:
			f.known, f.columns = known, len(cells)
		case f.records <= sampleHeaders:
			f.beneath = max(f.beneath, known)
		}
		for len(cells) > f.columns && strings.TrimSpace(cells[len(cells)-1]) == "" {
			cells = cells[:len(cells)-1]
		}
		if len(cells) != f.columns {
			f.misfits++
		}
	}
	return f
}
