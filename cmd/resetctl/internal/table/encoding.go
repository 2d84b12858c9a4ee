package table

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/near"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

// The encodings that are read.
const (
	utf8Text    = "UTF-8"
	utf16Text   = "UTF-16" // its byte order is found
	utf16Little = "UTF-16LE"
	utf16Big    = "UTF-16BE"
	windows1252 = "windows-1252"
)

// encodings are their names, without case, blanks, underscores and hyphens.
// What calls itself Latin-1 is read as windows-1252, as browsers do it: the
// difference is 32 characters, and those of windows-1252 are meant.
var encodings = map[string]string{
	"utf8": utf8Text, "utf8bom": utf8Text, "utf8sig": utf8Text, "unicode11utf8": utf8Text,
	"utf16": utf16Text, "unicode": utf16Text, "utf16le": utf16Little, "utf16be": utf16Big,
	"windows1252": windows1252, "win1252": windows1252, "cp1252": windows1252, "1252": windows1252, "xcp1252": windows1252,
	"ansi": windows1252, "latin1": windows1252, "l1": windows1252, "iso88591": windows1252, "88591": windows1252,
}

// parseEncoding reads --encoding; nothing is nothing.
func parseEncoding(s string) (string, error) {
	if s == "" {
		return "", nil
	}
	if e, ok := encodings[near.Plain(s)]; ok {
		return e, nil
	}
	return "", fmt.Errorf("--encoding: %s is not read; write utf-8, utf-16 or windows-1252 (also cp1252, latin1), "+
		"or save the file as \"CSV UTF-8\"%s", quote(s), near.Hint(s, []string{"utf-8", "utf-16", "windows-1252", "cp1252", "latin1"}))
}

const saveAs = `: save it as "CSV UTF-8"`

// findEncoding goes by the byte order mark, then by what was asked for. What
// cannot be read is refused by name.
func (s *source) findEncoding(head []byte, asked string) error {
	has := func(prefix string) bool { return bytes.HasPrefix(head, []byte(prefix)) }
	var mark string
	switch {
	case has("\xFF\xFE\x00\x00"), has("\x00\x00\xFE\xFF"):
		return refuse(s.name, "the text is UTF-32, which is not read"+saveAs)
	case has("\xEF\xBB\xBF"):
		mark, s.skip = utf8Text, 3
	case has("\xFF\xFE"):
		mark, s.skip = utf16Little, 2
	case has("\xFE\xFF"):
		mark, s.skip = utf16Big, 2
	}
	found := mark
	switch {
	case mark == "":
		if found = asked; found == "" {
			found = utf8Text
		}
	case asked != "" && asked != mark && !(asked == utf16Text && mark != utf8Text):
		return fmt.Errorf("--encoding: %s is no %s, it begins with the byte order mark of %s: leave the flag out", s.name, asked, mark)
	}
	zeros := [2]int{} // at even and at odd places
	for i, b := range head {
		if b == 0 {
			zeros[i%2]++
		}
	}
	switch found {
	case utf16Text:
		found = utf16Little // as Windows has it, unless the first bytes are those that are 0
		if zeros[0] > zeros[1] {
			found = utf16Big
		}
	case utf8Text, windows1252:
		if 10*(zeros[0]+zeros[1]) > len(head) { // fewer stand in cells, which are named then
			return refuse(s.name, "there are NUL bytes in it: UTF-16 without a byte order mark, which --encoding utf-16 reads, or no text at all"+saveAs)
		}
	}
	// Of UTF-16 the other byte of each sign is 0 where it matters here.
	plain := bytes.TrimRight(bytes.ReplaceAll(head, []byte{0}, nil), "\r")
	if bytes.IndexByte(plain, '\n') < 0 && bytes.IndexByte(plain, '\r') >= 0 {
		return refuse(s.name, "the lines end as those of an old Macintosh do (CR alone)"+saveAs)
	}
	s.encoding = strings.TrimRight(found, "BLE")
	switch found {
	case utf16Little:
		s.decoder = unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM).NewDecoder
	case utf16Big:
		s.decoder = unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM).NewDecoder
	case windows1252:
		s.decoder = func() *encoding.Decoder { return charmap.Windows1252.NewDecoder() }
	}
	return nil
}
