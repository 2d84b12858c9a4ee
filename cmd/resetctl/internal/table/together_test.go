package table

import (
	"fmt"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"
)

// Who mends a table must not find the next error only when the last is gone; nor
// be told of one that goes away by itself.
func TestNoErrorHidesAnotherAndNoneIsToldTwice(t *testing.T) {
	nowhere := three
	nowhere.DefaultTargets, nowhere.DefaultAction = nil, ""
	mapped := three
	mapped.Map = []string{"username=no such"}
	for _, tt := range []struct {
		name, content string
		o             Options
		want          string
	}{
		{"a meaning twice, and rows", "email,mail,target,action\na,b,lokker,\n,,looker,explode\na@x.io,\n", three,
			"1: mail: both this column and \"email\" say the email\n2: target: unknown target \"lokker\"\n3: action: unknown action \"explode\""},
		{"the strongest name twice, and a weaker one", "email,mail,login\n,,a\x1bb\n", three, "1: mail: both this column"},
		{"a weaker name twice, and the strongest", "email,login,username\nana,a,b\n,a,b\n", three, "1: username: both this column\n2: email: \"ana\" is not one"},
		{"the target twice, and nobody", "name,target,system,action\nAna,x,y,explode\nBo,,,lock\n", nowhere,
			"1: system: both this column and \"target\" say the target\n1: no column says who: name one email, user_id or username (found: \"name\", \"target\", \"system\", \"action\")\n2: action: unknown action \"explode\""},
		{"the action twice, and new addresses", "email,action,Action,new_email\na@x.io,change-email,,\nb,,,\n", three,
			"1: Action: both this column and \"action\"\n3: email: \"b\" is not one"},
		{"nobody, and rows", "name,target,action\nAna,lokker,lock\nBo,looker,explode\nCy,looker,lock,x\n", three,
			"1: no column says who\n2: target: unknown target\n3: action: unknown action\n4: 4 cells, but the header names 3 columns"},
		{"nobody, and quotes", "name,n\nAna,x\"y\n", three, "1: no column says who\n2: a quote (\") stands inside"},
		{"nobody, and no target for all", "name\nAna\nBo\n", nowhere, "1: no column says who\n2: target: no target: give --target, or add a column\n2: action: no action"},
		{"what may be no header, and rows of any width", "Leavers 2026\nAna,looker\nBo,looker\n", three, "1: no column says who"},
		{"lines above the header, and rows", "Leavers,2026,target\nemail,target\na@x.io,nowhere\n", three, "1: no column says who; line 2 looks like the header"},
		{"bytes that are no text, and rows", "email,name,target\nana,J\xfcrgen,nowhere\nb\xfc@x.io,,nowhere\n,\xfc,\n", three,
			"2: name: not UTF-8 text\n2: email: \"ana\" is not one\n2: target: unknown target \"nowhere\"\n3: target: unknown target \"nowhere\"\n4: says nobody"},
		{"bytes that are no text in the header, and rows", "email,Stra\xdfe\nana,\n,\xfc\n", three, "1: Stra\uFFFDe: not UTF-8 text\n2: email: \"ana\" is not one"},
		{"a header that may say who or where, and rows", "Stra\xdfe,action\nana,explode\n,lock\n", nowhere, "1: Stra\uFFFDe: not UTF-8 text\n2: action: unknown action \"explode\""},
		{"a header that may be the one asked for", "email,Stra\xdfe\nana,x\n", mapped, "1: Stra\uFFFDe: not UTF-8 text\n2: email: \"ana\" is not one"},
		{"NUL bytes, and rows", "email,target,na\x00me\n" + strings.Repeat("a@x.io,,\n", 2000) + "a\x00@x.io,nowhere,\x00\nana,,\n", three,
			"1: name: there is a NUL byte in the cell\n2002: email: there is a NUL byte in the cell\n2002: name: there is a NUL byte\n2002: target: unknown target\n2003: email: \"ana\" is not one"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			refusedWith(t, "a.csv", tt.content, tt.o, "a.csv:"+strings.ReplaceAll(tt.want, "\n", "\na.csv:"))
		})
	}
	refusedWith(t, "a.csv", "email,n\na@x.io,x\x00y\n", three, "a.csv:2: n: there is a NUL byte in the cell")
	refusedWith(t, "a.ndjson", `{"email":"ana"}`+"\n"+`{"mail":"b@x.io"}`+"\n"+`{"mail":"c@x.io","target":"nowhere"}`+"\n"+`{"email":"dan"}`+"\n", three,
		"a.ndjson:1: email: \"ana\" is not\na.ndjson:2: mail: both this\na.ndjson:3: target: unknown target\na.ndjson:4: email: \"dan\" is not one")
}

func TestNoFlawOfASheetHidesAnErrorOfItsRows(t *testing.T) {
	// sheet is rows of cells as texts; "=" is a formula without a value.
	sheet := func(merged []string, rows ...[]string) string {
		var b strings.Builder
		b.WriteString("<sheetData>")
		for i, row := range rows {
			fmt.Fprintf(&b, `<row r="%d">`, i+1)
			for j, text := range row {
				switch at := (cell{i + 1, j + 1}); {
				case text == "=":
					fmt.Fprintf(&b, `<c r="%s"><f>Z1</f></c>`, at)
				case text != "" && strings.Trim(text, "0123456789") == "":
					fmt.Fprintf(&b, `<c r="%s"><v>%s</v></c>`, at, text)
				case text != "":
					fmt.Fprintf(&b, `<c r="%s" t="inlineStr"><is><t>%s</t></is></c>`, at, text)
				}
			}
			b.WriteString("</row>")
		}
		b.WriteString("</sheetData>")
		if len(merged) > 0 {
			b.WriteString("<mergeCells>")
			for _, ref := range merged {
				fmt.Fprintf(&b, `<mergeCell ref="%s"/>`, ref)
			}
			b.WriteString("</mergeCells>")
		}
		return bareBookOf(t, b.String())
	}
	nowhere := three
	nowhere.DefaultTargets = nil
	type rows = [][]string
	for _, tt := range []struct {
		name   string
		merged []string
		rows   rows
		want   string
	}{
		{"formulas without a value", nil, rows{{"email", "target", "n"}, {"=", "looker", "="}, {"ana", "looker"}, {"b@x.io", "nowhere"}, {"=", "nowhere"}, {"c@x.io", "="}, {"="}},
			"2: email: the formula in A2\n3: email: \"ana\" is not\n4: target: unknown target\n5: email: the formula in A5\n5: target: unknown target\n6: target: the formula in B6\n7: email: the formula in A7"},
		{"merged cells", []string{"B6:B7", "B2:B4", "C2:C7"}, rows{{"email", "target", "n"}, {"a@x.io", "nowhere"}, {"ana"}, {"b@x.io"}, {"c@x.io"}, {"", "sugar"}, {"d@x.io"}},
			"2: target: the cells B2:B4 are merged\n2: target: unknown target\n3: email: \"ana\" is not\n5: target: no target\n6: target: the cells B6:B7 are merged\n6: says nobody"},
		{"cells that are merged twice over", []string{"A2:B3", "B2:B3"}, rows{{"email", "target"}, {"ana"}, {}, {"b", "looker"}},
			"2: email: the cells A2:B3 are merged\n2: target: the cells B2:B3 are merged\n2: email: \"ana\" is not\n4: email: \"b\" is not"},
		{"a header that is merged", []string{"B1:C1"}, rows{{"email", "access", ""}, {"ana", "x", "y"}, {"a@x.io", "x", "y"}}, "1: the cells B1:C1 are merged\n2: email: \"ana\" is not"},
		{"a header of two lines", []string{"A1:A2", "B1:C1"}, rows{{"email", "access"}, {"", "target", "n"}, {"a@x.io", "x", "y"}, {"ana"}},
			"1: the cells A1:A2 are merged\n1: the cells B1:C1 are merged\n4: email: \"ana\" is not"},
		{"a header without a value", nil, rows{{"=", "target"}, {"ana", "nowhere"}, {"", "looker"}}, "1: the formula in A1\n2: target: unknown target"},
		{"a header that ends without a value", nil, rows{{"email", "target", "="}, {"ana", "looker", "x"}}, "1: the formula in C1\n2: email: \"ana\" is not"},
		{"an id that lost its end", nil, rows{{"user_id", "target"}, {"9007199254740993", "nowhere"}, {"90071992547409931234567", "looker"}, {"../", "looker"}},
			"2: user_id: the number in A2\n2: target: unknown target\n3: user_id: the number in A3\n4: user_id: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			refused := refusedWith(t, "a.xlsx", sheet(tt.merged, tt.rows...), nowhere, "a.xlsx:"+strings.ReplaceAll(tt.want, "\n", "\na.xlsx:"))
			if refused.rows {
				t.Error("a copy would not say all of that")
			}
		})
	}
}

// The first person must not be taken for the header, least of all on our advice.
func TestATableWithoutAHeaderIsRefusedAsThat(t *testing.T) {
	const people = "ana.adler@example.com\nben.brandt@example.com\n"
	mapped := three
	mapped.Map = []string{"email=ana.adler@example.com"}
	for _, o := range []Options{three, mapped} {
		for file, content := range map[string]string{
			"a.csv": people, "a.tsv": "Ana\tana.adler@example.com\nBen\tben.brandt@example.com\n", "b.csv": "\n looker ; ana.adler@example.com\nsugar;ben.brandt@example.com\n",
			"c.csv": "login,ana.adler@example.com\nx,ben.brandt@example.com\n",
			"a.xlsx": book(t, func(_ *excelize.File, set func(string, any)) {
				set("A1", "Ana")
				set("B1", "ana.adler@example.com")
				set("A2", "Ben")
				set("B2", "nobody")
			}),
		} {
			line := "1"
			if file == "b.csv" {
				line = "2"
			}
			refusedWith(t, file, content, o, file+":"+line+": there is no header: the first line must name the columns")
		}
	}
	refusedWith(t, "a.csv", "ana.adler@example.com\nEmail\nben.brandt@example.com\n", three, "a.csv:1: no column says who; line 2 looks like the header: delete the lines above it")
	_, _, err := read(t, "a.csv", "name,contact\nAna,ana.adler@example.com\n", mapped)
	if want := `--map: "ana.adler@example.com" is a person, not the name of a column`; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %v", err)
	}
}

// --map cannot tell them apart, so it is not what is advised.
func TestTwoColumnsOfOneNameAreToBeRenamed(t *testing.T) {
	mapped := three
	mapped.Map = []string{"email=email"}
	for _, o := range []Options{three, mapped} {
		refused := refusedWith(t, "a.csv", "email,name, email \na@x.io,A,b@x.io\n", o, "a.csv:1: email: two columns are called so: rename or delete one of them")
		if strings.Contains(refused.Error(), "--map") {
			t.Errorf("advised %v", refused)
		}
	}
	o := three
	o.Map = []string{"email=email"}
	if _, _, err := read(t, "a.csv", "Email,email\nx,a@x.io\n", o); err != nil {
		t.Error(err)
	}
}
