package table

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
)

// People makes a Reader of people named one by one, as on a command line: an
// e-mail address, a user name, or a system's own id as "id:123". Their lines
// are counted from 1 in the order of names. Errors are those of Open.
func People(names []string, o Options) (*Reader, error) {
	// They are written down as the NDJSON that says the same, so that they
	// pass the same checks.
	var b bytes.Buffer
	for i, name := range names {
		name = strings.TrimSpace(name)
		key := meansUsername
		if id, ok := strings.CutPrefix(name, "id:"); ok {
			key, name = meansID, id
		} else if strings.Contains(name, "@") {
			key = meansEmail
		}
		if name == "" {
			return nil, refuse("arguments", "number %d is empty: give an e-mail address, a user name or id:ID", i+1)
		}
		line, err := json.Marshal(map[meaning]string{key: name})
		if err != nil {
			return nil, fmt.Errorf("read the arguments: %w", err)
		}
		b.Write(append(line, '\n'))
	}
	o.Format, o.Delimiter, o.Encoding, o.Map, o.Sheet = NDJSON, "", "", nil, "" // those are for files
	src := &source{name: "arguments", at: bytes.NewReader(b.Bytes()), size: int64(b.Len()), closer: func() error { return nil }}
	return newReader(context.Background(), "", src, o, choices{}, newProgress(""))
}
