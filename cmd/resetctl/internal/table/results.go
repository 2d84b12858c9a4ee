package table

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seed57652884/resetctl/resetter/bulk"
)

// An appendix is what stands behind the input's own columns in each line.
type appendix struct {
	title  string // of a sheet
	names  []string
	values func(bulk.Result) []value // in the order of names
}

// WriteResults writes what became of the rows in the order in which results
// yields them. columns are the input's own; their cells come first in each
// line, then row (the input's line), target, action, account_id, outcome,
// reason, detail, attempts, http_status, finished_at (RFC 3339, UTC) and
// run_id. An input column that has one of these names becomes input_<name>.
//
// CSV is comma, UTF-8 and LF; cells that a spreadsheet would run as a formula
// get a single quote before them. NDJSON and JSON have the same names as keys,
// made unique where the input repeats one, and row, attempts and http_status
// as numbers; what is not known yet is null. XLSX is a workbook with a sheet for
// each million of results, in which everything is text but those three. Text is
// for eyes: it shows who, target, action, outcome, reason and detail, and leaves
// the other columns out.
//
// An error of results ends the writing; what was written by then is no whole
// file. Memory does not grow with the number of results.
func WriteResults(w io.Writer, f Format, columns []string, runID string, results iter.Seq2[bulk.Result, error]) error {
	return write(w, f, columns, resultsOf(runID), results)
}

// WritePlan writes what would become of the rows, as WriteResults writes what
// did: behind the input's own columns stand row, target, action, account_id,
// would, reason and detail. would is the action where it would be done, and
// reason is empty then; else it is the outcome that the row has without it.
// Where limit is not 0, rows with a Seq beyond it would stay pending.
func WritePlan(w io.Writer, f Format, columns []string, limit int, results iter.Seq2[bulk.Result, error]) error {
	return write(w, f, columns, plan(limit), results)
}

func write(w io.Writer, f Format, columns []string, behind appendix, results iter.Seq2[bulk.Result, error]) error {
	b := bufio.NewWriterSize(w, 64<<10)
	var err error
	switch f {
	case CSV:
		err = writeCSV(b, columns, behind, results)
	case NDJSON:
		err = writeObjects(b, columns, behind, results, "", "\n", "\n")
	case JSON:
		err = writeObjects(b, columns, behind, results, "[\n", ",\n", "\n]\n")
	case XLSX:
		err = writeXLSX(b, columns, behind, results)
	case Text:
		err = writeText(b, behind, results)
	default:
		err = fmt.Errorf("the format %q is not known", f)
	}
	if err != nil {
		return err
	}
	return b.Flush()
}

// ResultsHeader names the columns of what [WriteResults] writes; run_id is the
// last.
func ResultsHeader(columns []string) []string { return resultsOf("").header(columns) }

// header names all columns of the results.
func (a appendix) header(columns []string) []string {
	same := func(list []string, name string) bool {
		return slices.ContainsFunc(list, func(s string) bool { return strings.EqualFold(s, name) })
	}
	header := slices.Clone(columns)
	for i, name := range header {
		if same(a.names, name) {
			name = "input_" + name
			for same(columns, name) {
				name = "input_" + name
			}
			header[i] = name
		}
	}
	return append(header, a.names...)
}

func writeCSV(w io.Writer, columns []string, behind appendix, results iter.Seq2[bulk.Result, error]) error {
	c := csv.NewWriter(w)
	line := behind.header(columns)
	for i := range line {
		line[i] = defuse(line[i])
	}
	if err := c.Write(line); err != nil {
		return err
	}
	for r, err := range results {
		if err != nil {
			return err
		}
		line = line[:0]
		for i := range columns {
			line = append(line, defuse(cellAt(r.Row.Cells, i)))
		}
		for _, v := range behind.values(r) {
			line = append(line, defuse(v.text))
		}
		if err := c.Write(line); err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}

// writeObjects writes each result as an object: before the first of them
// stands first, between two stands between, and behind the last stands last.
func writeObjects(w *bufio.Writer, columns []string, behind appendix, results iter.Seq2[bulk.Result, error],
	first, between, last string) error {
	var keys [][]byte
	for _, name := range unique(behind.header(columns)) {
		keys = append(keys, encode(name))
	}
	separator := first
	for r, err := range results {
		if err != nil {
			return err
		}
		_, _ = w.WriteString(separator)
		separator = between
		added := behind.values(r)
		for i, key := range keys {
			_ = w.WriteByte("{,"[min(i, 1)])
			_, _ = w.Write(key)
			_ = w.WriteByte(':')
			if i < len(columns) {
				_, _ = w.Write(encode(cellAt(r.Row.Cells, i)))
				continue
			}
			_, _ = w.Write(added[i-len(columns)].json())
		}
		if err := w.WriteByte('}'); err != nil { // a bufio.Writer keeps its first error
			return err
		}
	}
	if separator == first { // there was none
		_, err := w.WriteString(strings.TrimPrefix(first+last, "\n"))
		return err
	}
	_, err := w.WriteString(last)
	return err
}

// A value is one added cell.
type value struct {
	text   string
	number bool // a number in JSON
	maybe  bool // null in JSON where it is empty
}

func (v value) json() []byte {
	switch {
	case v.maybe && v.text == "":
		return []byte("null")
	case v.number:
		return []byte(v.text)
	}
	return encode(v.text)
}

func resultsOf(runID string) appendix {
	return appendix{
		title: "Results",
		names: []string{"row", "target", "action", "account_id", "outcome", "reason", "detail",
			"attempts", "http_status", "finished_at", "run_id"},
		values: func(r bulk.Result) []value {
			var status, finished string
			if r.Status != 0 {
				status = strconv.Itoa(r.Status)
			}
			if !r.FinishedAt.IsZero() {
				finished = r.FinishedAt.UTC().Format(time.RFC3339)
			}
			r.Detail = r.Sentence()
			return append(whatAndWhy(r),
				value{text: strconv.Itoa(r.Attempts), number: true},
				value{text: status, number: true, maybe: true},
				value{text: finished, maybe: true},
				value{text: runID},
			)
		},
	}
}

func plan(limit int) appendix {
	return appendix{
		title: "Plan",
		names: []string{"row", "target", "action", "account_id", "would", "reason", "detail"},
		values: func(r bulk.Result) []value {
			if later := limit > 0 && r.Row.Seq > limit; r.Outcome == bulk.Pending && !later {
				r.Outcome, r.Reason = bulk.Outcome(r.Row.Action), ""
			}
			return whatAndWhy(r)
		},
	}
}

func whatAndWhy(r bulk.Result) []value {
	return []value{
		{text: strconv.Itoa(r.Row.Line), number: true},
		{text: r.Row.Target},
		{text: string(r.Row.Action)},
		{text: r.Account.ID, maybe: true},
		{text: string(r.Outcome)},
		{text: string(r.Reason)},
		{text: r.Detail},
	}
}

func cellAt(cells []string, i int) string {
	if i < len(cells) {
		return cells[i]
	}
	return ""
}

// unique makes the names fit for keys of one object.
func unique(names []string) []string {
	seen := map[string]bool{}
	for _, n := range names {
		seen[n] = true
	}
	used := map[string]bool{}
	out := slices.Clone(names)
	// From behind, so that the added columns keep their names.
	for i := len(out) - 1; i >= 0; i-- {
		name := out[i]
		for n := 2; used[name] || name == "" || (name != names[i] && seen[name]); n++ {
			name = strings.TrimPrefix(fmt.Sprintf("%s_%d", names[i], n), "_")
			if names[i] == "" {
				name = fmt.Sprintf("column_%d", i+n-1)
			}
		}
		used[name] = true
		out[i] = name
	}
	return out
}

// encode writes a string as JSON and leaves <, > and & as they are.
func encode(s string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string always can be
	return bytes.TrimRight(b.Bytes(), "\n")
}
