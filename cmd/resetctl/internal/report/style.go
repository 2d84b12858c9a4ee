package report

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
)

// policy allows the page's own style and script and nothing else.
func policy(style, script string) string {
	hash := func(s string) string {
		sum := sha256.Sum256([]byte(s))
		return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	return "default-src 'none'; style-src " + hash(style) + "; script-src " + hash(script) + "; base-uri 'none'; form-action 'none'"
}

// own is the style that depends on the run: how wide the columns of a large
// table are, and the input's on paper; the names of the cells for a narrow
// screen, which shows each row as a card; and the run's name at the foot of
// each sheet. A name in every cell would double the page.
func own(id string, header []string, widths []int) string {
	var b strings.Builder
	columns := "5rem 8rem 7rem 11rem 8rem 9rem 34rem 6rem 7.5rem 13rem" // ours
	for _, w := range slices.Backward(widths) {
		columns = fmt.Sprintf("calc(%dch + 1.5rem) %s", w, columns)
	}
	fmt.Fprintf(&b, ":root { --columns: %s; }\n", columns)
	fmt.Fprintf(&b, "@page { @bottom-left { content: %s; font: 8pt system-ui, sans-serif; color: #57606a; } }\n", quoted("Run "+id))
	b.WriteString("@media print {\n")
	for i, w := range widths {
		const all = 56 // characters that the input's columns share on paper
		fmt.Fprintf(&b, "#rows thead :nth-child(%d) { min-width: %dch; }\n", i+1, min(w, all/len(widths)))
	}
	b.WriteString("}\n@media screen and (max-width: 45rem) {\n")
	for i, name := range header {
		// The second one, where it is understood, is not read aloud: a reader
		// of the screen says the column by itself.
		fmt.Fprintf(&b, "#rows tbody > tr > :nth-child(%d)::before { content: %s; content: %[2]s / \"\"; }\n", i+1, quoted(name))
	}
	b.WriteString("}\n")
	return b.String()
}

// quoted is s as a string of CSS, with every character escaped that could mean
// anything.
func quoted(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		if r == ' ' || r < 0x80 && (r == '_' || '0' <= r && r <= '9' || 'A' <= r && r <= 'Z' || 'a' <= r && r <= 'z') {
			b.WriteRune(r)
			continue
		}
		fmt.Fprintf(&b, `\%x `, r)
	}
	b.WriteByte('"')
	return b.String()
}
