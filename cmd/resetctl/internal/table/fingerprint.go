package table

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// Fingerprint identifies the input and all options that its rows depend on: the
// same fingerprint means the same rows, cells and lines. It costs nothing,
// since the input was read already.
func (r *Reader) Fingerprint() string {
	o := r.options
	sum := sha256.New()
	fmt.Fprintf(sum, "resetctl input 1\n%x %q %q %q %q %q %q", r.sum, r.format, o.Targets, o.DefaultTargets, o.DefaultAction, o.Delimiter, o.Encoding)
	fmt.Fprintf(sum, " %q %q", o.Map, o.Sheet)
	return hex.EncodeToString(sum.Sum(nil))
}
