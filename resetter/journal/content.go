package journal

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"encoding/hex"
	"iter"
	"math/bits"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/bulk"
)

// Content identifies work by what is in it: equal for the same rows in
// whatever order, different for different ones. What counts of a row is what
// is to be done to whom, as it is written: target, kind and value of the
// identity, action and new address. Its number, its line and its other cells
// do not, nor does the case of addresses: see [resetter.SameEmail]. An error of
// rows is returned as it came.
//
// Memory does not grow with the rows. Each row is hashed to a number of 2048
// bits, and the numbers are added up, so that their order makes no difference
// while a row that stands there twice does. The numbers are that long because
// among short ones sets of rows with a given sum can be found on purpose: a
// million hashes of 256 bits are plenty for that. For 2048 bits the known
// attack (Wagner's, on k lists) needs more than 2^90 steps.
func Content(rows iter.Seq2[bulk.Row, error]) (string, error) {
	var all sum
	for row, err := range rows {
		if err != nil {
			return "", err
		}
		all.add(asMeant(row))
	}
	return all.content(), nil
}

// A sum is what rows add up to; the zero value is that of none.
type sum struct {
	words [sumWords]uint64
	count uint64
	buf   []byte
}

func (s *sum) add(row bulk.Row) {
	s.buf = written(s.buf[:0], row)
	addRow(&s.words, s.buf)
	s.count++
}

func (s *sum) content() string {
	all := sha256.New()
	all.Write([]byte("resetctl rows 1\n"))
	_ = binary.Write(all, binary.BigEndian, s.count)
	_ = binary.Write(all, binary.BigEndian, s.words[:])
	return hex.EncodeToString(all.Sum(nil))
}

// asMeant is the row without what makes no difference to what is to be done: the
// case of addresses. Ids and user names are the systems' own, and stay.
func asMeant(row bulk.Row) bulk.Row {
	if row.Identity.Kind == resetter.ByEmail {
		row.Identity.Value = folded(row.Identity.Value)
	}
	row.NewEmail = folded(row.NewEmail)
	return row
}

// folded is the same for all that resetter.SameEmail has for the same: of the
// letters that differ in case alone the first, and of ASCII's the small one, so
// that most addresses are as they are written.
func folded(address string) string {
	return strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' {
			r -= 'a' - 'A' // which no other form of the letter comes before
		} else if r >= utf8.RuneSelf {
			first := r
			for other := unicode.SimpleFold(r); other != r; other = unicode.SimpleFold(other) {
				first = min(first, other)
			}
			r = first
		}
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}, address)
}

// written is what counts of a row, as it is written. It is appended to buf.
func written(buf []byte, row bulk.Row) []byte {
	for _, field := range []string{row.Target, string(row.Identity.Kind), row.Identity.Value, string(row.Action), row.NewEmail} {
		buf = appendField(buf, field)
	}
	return buf
}

// appendField says first how long the field is, so that no two run together.
func appendField(buf []byte, field string) []byte {
	return append(binary.AppendUvarint(buf, uint64(len(field))), field...)
}

const sumWords = 2048 / 64

// addRow adds the row's number to sum, modulo 2^2048. The number is the row's
// SHA-512, drawn out to four by hashing it again behind a byte that differs.
func addRow(sum *[sumWords]uint64, row []byte) {
	digest := sha512.Sum512(row)
	carry := uint64(0)
	var block [1 + sha512.Size]byte
	copy(block[1:], digest[:])
	for part := range sumWords / 8 {
		block[0] = byte(part)
		number := sha512.Sum512(block[:])
		for i := range 8 {
			word := &sum[part*8+i]
			*word, carry = bits.Add64(*word, binary.LittleEndian.Uint64(number[i*8:]), carry)
		}
	}
}
