package main

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/config"
)

// configText is a configuration with these answers, by system and key. What
// nobody was asked for stands there as a comment, with its default or an
// example; so does every system without answers.
func configText(answers map[string]map[string]string) string {
	var b strings.Builder
	b.WriteString(`# What resetctl works with. Take the "# " off a line to have it count.
#
#   resetctl check          tries each target
#   resetctl config show    tells every value and who says it
#   resetctl help config    explains all of this
#
# A secret is env:NAME, file:PATH, keyring:SERVICE/USER or exec:PROGRAM ARGUMENTS;
# it may stand here plainly as long as nobody else can read this file.

targets:
`)
	ordered := kinds()
	slices.SortStableFunc(ordered, func(a, b config.System) int { // those with answers first
		return cmp.Compare(len(answers[b.Name]), len(answers[a.Name]))
	})
	explained := make(map[string]bool) // once is enough
	for _, s := range ordered {
		values, off := answers[s.Name], ""
		if values == nil {
			off = "# "
		}
		fmt.Fprintf(&b, "%s  %s:\n", off, s.Name)
		for _, k := range s.AllKeys() {
			if k.Name == "system" { // the name says it
				continue
			}
			if explained[k.About] {
				k.About = ""
			}
			explained[k.About] = true
			if k.Required {
				writeKey(&b, off+"    ", k, scalar(valueFor(s, k, values)))
			} else {
				writeKey(&b, off+"    # ", k, cmp.Or(k.Default, k.Example))
			}
		}
		b.WriteString("\n")
	}
	b.WriteString("# guards:\n")
	for _, k := range config.GuardKeys() {
		writeKey(&b, "#   ", k, k.Example)
	}
	return b.String()
}

func writeKey(b *strings.Builder, before string, k config.Key, value string) {
	line := fmt.Sprintf("%s%s: %s", before, k.Name, value)
	if k.About != "" {
		line = padded(line, 46) + "  # " + k.About
	}
	b.WriteString(line + "\n")
}

// valueFor is the answer for a key that is needed, or what may stand there.
func valueFor(s config.System, k config.Key, answers map[string]string) string {
	switch {
	case answers != nil:
		return answers[k.Name]
	case k.Name == "url":
		return "https://" + s.Name + ".example.com"
	}
	return "env:" + strings.ToUpper(s.Name+"_"+k.Name)
}

// plainScalar is what YAML takes for a text as it stands there, but for null.
var plainScalar = regexp.MustCompile(`^[A-Za-z0-9]+(:[A-Za-z0-9~/]|[A-Za-z0-9_./@-])*$`)

// scalar writes a text so that it is read back as it is. What Go quotes, YAML
// reads in the same way; the library leaves some texts bare that it does not
// read back.
func scalar(text string) string {
	if plainScalar.MatchString(text) && !strings.EqualFold(text, "null") {
		return text
	}
	return strconv.Quote(text)
}
