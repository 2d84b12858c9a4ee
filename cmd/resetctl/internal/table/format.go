package table

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/near"
)

// A Format is a way to write a table down.
type Format string

// The formats. CSV, NDJSON and XLSX can be read, all can be written.
const (
	CSV    Format = "csv"    // any of , ; tab | when read; commas when written
	NDJSON Format = "ndjson" // one JSON object a line
	XLSX   Format = "xlsx"   // a workbook of Excel 2007 or newer
	JSON   Format = "json"   // one array of objects
	Text   Format = "table"  // aligned, for terminals
)

// FormatFor says how to write a results file: as asked for, else by the
// ending of its path, else CSV.
func FormatFor(path string, asked Format) (Format, error) {
	switch asked {
	case CSV, NDJSON, JSON, XLSX, Text:
		return asked, nil
	case "":
	default:
		return "", fmt.Errorf("the format %q is not known: csv, ndjson, json, xlsx or table%s", asked, near.Hint(asked, []Format{CSV, NDJSON, JSON, XLSX, Text}))
	}
	switch ext := strings.ToLower(filepath.Ext(path)); ext {
	case ".ndjson", ".jsonl":
		return NDJSON, nil
	case ".json":
		return JSON, nil
	case ".xlsx":
		return XLSX, nil
	case ".csv", "":
		return CSV, nil
	case ".xls", ".xlsm", ".ods":
		return "", fmt.Errorf("workbooks that end in %s are not written: end the name in .xlsx", ext)
	default:
		return "", fmt.Errorf("the ending %s says no format: end the name in .csv, .xlsx, .ndjson or .json, or give --format", ext)
	}
}

const (
	zipMagic = "PK\x03\x04"
	oleMagic = "\xD0\xCF\x11\xE0"
)

// findFormat goes by what the content certainly is, by what was asked for, by
// the file's ending, or by the first character. What is no table is refused by
// name, with the way to make one of it.
func (r *Reader) findFormat(path string, head []byte) (Format, error) {
	has := func(prefix string) bool { return bytes.HasPrefix(head, []byte(prefix)) }
	asked := r.options.Format
	switch {
	case has(zipMagic):
		if asked != "" && asked != XLSX {
			return "", fmt.Errorf("--input-format: %s is a workbook or another archive, no %s", r.src.name, asked)
		}
		return XLSX, nil
	case has(oleMagic):
		return "", r.oldWorkbook()
	case has("%PDF-"):
		return "", refuse(r.src.name, "this is a PDF, not a table: copy the table into a spreadsheet and save it as \"CSV UTF-8\"")
	case has("\x1F\x8B"):
		return "", refuse(r.src.name, "this is compressed by gzip: unpack it first")
	case asked == XLSX:
		return "", fmt.Errorf("--input-format: %s is no workbook", r.src.name)
	case asked != "":
		return asked, nil
	}
	switch strings.ToLower(filepath.Ext(path)) {
	case ".csv", ".tsv", ".tab":
		return CSV, r.noPage(head)
	case ".ndjson", ".jsonl":
		return NDJSON, nil
	}
	switch start := firstSigns(head); {
	case strings.HasPrefix(start, "{"):
		return NDJSON, nil
	case strings.HasPrefix(start, "["):
		return "", refuse(r.src.name, "this is a JSON array: write NDJSON, one object on each line, without brackets around them")
	}
	return CSV, r.noPage(head)
}

// noPage refuses what is often stored in place of a table: the page by which a
// server asks to sign in, or an old Excel export, which is a page as well.
func (r *Reader) noPage(head []byte) error {
	start := strings.ToLower(firstSigns(head))
	for _, tag := range []string{"<!doctype", "<html", "<head", "<body", "<table", "<meta", "<?xml", "<workbook"} {
		if strings.HasPrefix(start, tag) {
			return refuse(r.src.name, "this is a web page or XML, not a table: open it in a browser to see what it is; "+
				"if Excel shows a table, save that as .xlsx or \"CSV UTF-8\"")
		}
	}
	return nil
}

// firstSigns are those of a text in whatever encoding.
func firstSigns(head []byte) string {
	head = bytes.ReplaceAll(head, []byte{0}, nil)
	for _, mark := range []string{"\xEF\xBB\xBF", "\xFF\xFE", "\xFE\xFF"} {
		head = bytes.TrimPrefix(head, []byte(mark))
	}
	return strings.TrimSpace(string(head))
}

// contradiction is an option that the format has no use for.
func (r *Reader) contradiction() error {
	o := r.options
	unfit := func(flag, what string) error {
		return fmt.Errorf("--%s is for %s, but %s is read as %s: leave the flag out", flag, what, r.src.name, r.format)
	}
	switch {
	case o.Delimiter != "" && r.format != CSV:
		return unfit("delimiter", "CSV")
	case o.Encoding != "" && r.format == XLSX:
		return unfit("encoding", "text")
	case o.Sheet != "" && r.format != XLSX:
		return unfit("sheet", "workbooks")
	}
	return nil
}

// oldWorkbook names what has the shape of a file of the nineties: workbooks
// until 2003 and, to this day, all that is encrypted.
func (r *Reader) oldWorkbook() error {
	n, err := r.src.count([]byte("E\x00n\x00c\x00r\x00y\x00p\x00t\x00e\x00d\x00P\x00a\x00c\x00k\x00a\x00g\x00e\x00"))
	switch {
	case err != nil:
		return err
	case n > 0:
		return refuse(r.src.name, "this workbook is protected by a password: open it in Excel, save it without one "+
			"(File, Info, Protect Workbook, Encrypt with Password), and give that file")
	}
	return refuse(r.src.name, "this is an old Excel workbook (.xls): open it in Excel, save it as \"Excel Workbook (.xlsx)\", and give that file")
}
