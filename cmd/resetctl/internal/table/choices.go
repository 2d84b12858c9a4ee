package table

import (
	"errors"
	"fmt"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/near"
)

// choices are what a person said about the input, understood.
type choices struct {
	comma    rune   // 0: found
	encoding string // empty: found
	columns  []mapping
}

// choose reads the options that a person writes. All that is wrong with them is
// said at once, before anything is read.
func (o Options) choose() (c choices, err error) {
	var errs [4]error
	switch o.Format {
	case "", CSV, NDJSON, XLSX:
	default:
		errs[0] = fmt.Errorf("the input format %q is not known: csv, ndjson or xlsx%s", o.Format, near.Hint(o.Format, []Format{CSV, NDJSON, XLSX}))
	}
	c.comma, errs[1] = parseDelimiter(o.Delimiter)
	c.encoding, errs[2] = parseEncoding(o.Encoding)
	c.columns, errs[3] = parseMap(o.Map)
	return c, errors.Join(errs[:]...)
}
