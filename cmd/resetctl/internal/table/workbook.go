package table

import (
	"archive/zip"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/near"
)

// What a workbook may hold. It unpacks to many times its size, on purpose where
// somebody means harm, and excelize limits neither the number of parts nor what
// it holds of the others than the sheet. So all of it is looked at first, and
// excelize is given only what it needs. What is declared in the directory of a
// zip archive can be relied on: reading ends with an error behind it.
const (
	maxWorkbook = 100 << 20 // bytes of the file
	maxParts    = 10_000
	maxSheet    = 512 << 20 // bytes of the sheet, unpacked; also of its copy
	maxStrings  = 128 << 20 // bytes of the texts that the cells share, unpacked
	maxTexts    = 4_000_000 // of those
	maxSmall    = 16 << 20  // bytes of each other part that is looked at, unpacked
	maxFormats  = 1000      // of numbers; Excel has room for some 250
	maxRows     = 1 << 20   // of a sheet, as Excel has it
)

const saveSheetAs = `: save the sheet as "CSV UTF-8" and give that file`

// A workbook is the directory of one that is read.
type workbook struct {
	file     string
	parts    map[string]*zip.File // by their names in lower case
	sheets   []sheetEntry         // in the order of the tabs
	date1904 bool
}

type sheetEntry struct {
	name   string
	hidden bool
	part   string
}

// readWorkbook chooses a sheet and makes a copy of its cells as they are shown.
func readWorkbook(ctx context.Context, src *source, o Options, p *progress) (*sheet, error) {
	if src.size > maxWorkbook {
		return nil, refuse(src.name, "the workbook is larger than %d MiB"+saveSheetAs, maxWorkbook>>20)
	}
	b, err := openWorkbook(src)
	if err != nil {
		return nil, err
	}
	entry, err := b.choose(o.Sheet)
	if err != nil {
		return nil, err
	}
	s := &sheet{book: b, name: entry.name, of: len(b.sheets), progress: p}
	return s, s.read(ctx, entry.part, o.TempDir)
}

func openWorkbook(src *source) (*workbook, error) {
	b := &workbook{file: src.name, parts: map[string]*zip.File{}}
	// The directory is read as a whole, however long, so it is counted first.
	n, err := src.count([]byte("PK\x01\x02"))
	if err != nil {
		return nil, err
	}
	if n > maxParts {
		return nil, refuse(b.file, "the workbook has more than %d parts"+saveSheetAs, maxParts)
	}
	r, err := zip.NewReader(src.at, src.size)
	if err != nil {
		return nil, b.damaged(err)
	}
	for _, f := range r.File {
		name := strings.ToLower(strings.TrimPrefix(strings.ReplaceAll(f.Name, `\`, "/"), "/"))
		if _, twice := b.parts[name]; twice {
			return nil, b.damaged(fmt.Errorf("it has two parts %q", name))
		}
		b.parts[name] = f
	}
	if what := b.otherArchive(); what != "" {
		return nil, refuse(b.file, "%s", what)
	}
	return b, b.readDirectory()
}

// otherArchive says what a zip archive is that is no workbook of Excel's.
func (b *workbook) otherArchive() string {
	has := func(name string) bool { _, ok := b.parts[name]; return ok }
	const saveAs = ": open it, save it as \"Excel Workbook (.xlsx)\" or CSV, and give that file"
	switch {
	case has("xl/workbook.bin"):
		return "this is a binary Excel workbook (.xlsb), which is not read" + saveAs
	case has("mimetype") && has("content.xml"):
		return "this is an OpenDocument file (.ods), which is not read" + saveAs
	case has("index/document.iwa"), has("index.zip"):
		return "this is a document of Apple Numbers, which is not read: export it to Excel or CSV, and give that file"
	case has("word/document.xml"), has("ppt/presentation.xml"):
		return "this is a document of Word or PowerPoint, not a workbook: give the table as .xlsx or CSV"
	case !has("_rels/.rels") && !has("xl/workbook.xml"):
		return "this is a zip archive, not a workbook: unpack it and give the table in it"
	}
	return ""
}

// relationships is by which a part of a workbook names others.
type relationships struct {
	List []struct {
		ID     string `xml:"Id,attr"`
		Type   string `xml:"Type,attr"`
		Target string `xml:"Target,attr"`
	} `xml:"Relationship"`
}

// readDirectory finds the sheets.
func (b *workbook) readDirectory() error {
	at := "xl/workbook.xml"
	var root, rels relationships
	if err := b.decode("_rels/.rels", &root); err != nil {
		return err
	}
	for _, r := range root.List {
		if strings.HasSuffix(r.Type, "/officeDocument") {
			at = resolve("", r.Target)
		}
	}
	var content struct {
		Properties struct {
			Date1904 string `xml:"date1904,attr"`
		} `xml:"workbookPr"`
		Sheets []struct {
			Name  string `xml:"name,attr"`
			State string `xml:"state,attr"`
			ID    string `xml:"id,attr"` // r:id; the other one is sheetId
		} `xml:"sheets>sheet"`
	}
	if err := b.decode(at, &content); err != nil {
		return err
	}
	if err := b.decode(path.Join(path.Dir(at), "_rels", path.Base(at)+".rels"), &rels); err != nil {
		return err
	}
	b.date1904 = content.Properties.Date1904 == "1" || content.Properties.Date1904 == "true"
	for _, s := range content.Sheets {
		for _, r := range rels.List {
			if r.ID == s.ID && strings.HasSuffix(r.Type, "/worksheet") { // no chart
				b.sheets = append(b.sheets, sheetEntry{s.Name, s.State != "" && s.State != "visible", resolve(path.Dir(at), r.Target)})
				break
			}
		}
	}
	if len(b.sheets) == 0 {
		return b.damaged(errors.New("it has no sheet"))
	}
	return nil
}

// resolve gives the key in parts of what a part in dir calls target.
func resolve(dir, target string) string {
	target = strings.ReplaceAll(target, `\`, "/")
	if !strings.HasPrefix(target, "/") {
		target = dir + "/" + target
	}
	return strings.ToLower(strings.TrimPrefix(path.Clean("/"+target), "/"))
}

// choose finds the sheet of that name, or the first that is shown.
func (b *workbook) choose(name string) (sheetEntry, error) {
	var names []string
	like := -1
	for i, s := range b.sheets {
		switch {
		case name == "" && !s.hidden, name != "" && s.name == name:
			return s, nil
		case near.Plain(s.name) == near.Plain(name):
			like = i
		}
		names = append(names, s.name)
	}
	if name == "" {
		return sheetEntry{}, refuse(b.file, "all sheets are hidden: name the one that is meant with --sheet (it has %s)", (&columns{names: names}).list())
	}
	if like >= 0 {
		return b.sheets[like], nil
	}
	have := &columns{names: names}
	return sheetEntry{}, fmt.Errorf("--sheet: %s has no sheet %s%s (it has %s)", b.file, quote(name), near.Hint(name, names), have.list())
}

// part opens one that must not be larger than most.
func (b *workbook) part(name string, most uint64) (io.ReadCloser, error) {
	f, ok := b.parts[name]
	if !ok {
		return nil, b.damaged(fmt.Errorf("its part %q is missing", name))
	}
	if f.UncompressedSize64 > most {
		return nil, refuse(b.file, "the part %q of the workbook takes more than %d MiB unpacked"+saveSheetAs, name, most>>20)
	}
	r, err := f.Open()
	if err != nil {
		return nil, b.damaged(err)
	}
	return r, nil
}

func (b *workbook) decode(name string, into any) error {
	r, err := b.part(name, maxSmall)
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	if err := xml.NewDecoder(r).Decode(into); err != nil {
		return b.damaged(fmt.Errorf("part %q: %w", name, err))
	}
	return nil
}

// damaged refuses what Excel would have to repair.
func (b *workbook) damaged(why error) error {
	return refuse(b.file, "the workbook is cut off or damaged (%v): copy it again, or open it in Excel, save it, and give that file", why)
}
