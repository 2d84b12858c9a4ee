package table

import (
	"archive/zip"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/xuri/excelize/v2"
)

// Where texts and formats are in every workbook.
const (
	stringsPart = "xl/sharedstrings.xml"
	stylesPart  = "xl/styles.xml"
)

const extractedSheet = "Sheet"

// extract gives excelize a workbook of our own making that has the one sheet,
// with its texts and formats, and nothing else: what it does not get it cannot
// unpack. What is large it unpacks into dir.
func (b *workbook) extract(part, dir string) (_ *excelize.File, err error) {
	f, err := os.Create(filepath.Join(dir, "sheet.xlsx"))
	if err != nil {
		return nil, err
	}
	w := zip.NewWriter(f)
	err = b.writeExtract(w, part)
	for _, close := range []func() error{w.Close, f.Close} {
		if closed := close(); err == nil {
			err = closed
		}
	}
	if err != nil {
		return nil, err
	}
	file, err := excelize.OpenFile(f.Name(), excelize.Options{
		UnzipSizeLimit:    maxSheet + maxStrings + 2*maxSmall,
		UnzipXMLSizeLimit: 4 << 20,
		TmpDir:            dir,
		ShortDatePattern:  "yyyy-mm-dd", // of dates that look otherwise in every country
	})
	if err != nil {
		return nil, b.damaged(err)
	}
	return file, nil
}

func (b *workbook) writeExtract(w *zip.Writer, part string) error {
	const (
		relationship = `<Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/`
		list         = `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">` + relationship
	)
	date1904 := "0"
	if b.date1904 {
		date1904 = "1"
	}
	for name, content := range map[string]string{
		"[Content_Types].xml":        `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"></Types>`,
		"_rels/.rels":                list + `officeDocument" Target="xl/workbook.xml"/></Relationships>`,
		"xl/_rels/workbook.xml.rels": list + `worksheet" Target="worksheets/sheet1.xml"/></Relationships>`,
		"xl/workbook.xml": `<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" ` +
			`xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><workbookPr date1904="` + date1904 +
			`"/><sheets><sheet name="` + extractedSheet + `" sheetId="1" r:id="r1"/></sheets></workbook>`,
	} {
		part, err := w.Create(name)
		if err == nil {
			_, err = io.Copy(part, strings.NewReader(content))
		}
		if err != nil {
			return err
		}
	}
	for name, as := range map[string]string{
		part: "xl/worksheets/sheet1.xml", stringsPart: "xl/sharedStrings.xml", stylesPart: "xl/styles.xml",
	} {
		original, ok := b.parts[name]
		if !ok {
			continue // a workbook without texts or formats
		}
		raw, err := original.OpenRaw() // as it is packed
		if err != nil {
			return b.damaged(err)
		}
		header := original.FileHeader
		header.Name, header.Extra = as, nil
		copied, err := w.CreateRaw(&header)
		if err == nil {
			_, err = io.Copy(copied, raw)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
