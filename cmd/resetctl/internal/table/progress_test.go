package table

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"
)

// A watched context looks whenever it is asked whether it has ended.
type watched struct {
	context.Context
	look func()
}

func (w watched) Err() error { w.look(); return w.Context.Err() }

func TestHowFarTheReadingIsCanBeTold(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.xlsx")
	content := book(t, func(_ *excelize.File, set func(string, any)) {
		for cell, value := range map[string]string{"A1": "email", "A2": "a@x.io", "A4": "b@x.io"} {
			set(cell, value)
		}
	})
	text := filepath.Join(t.TempDir(), "a.csv")
	if err := errors.Join(os.WriteFile(path, []byte(content), 0o600), os.WriteFile(text, []byte("email\na@x.io\nb@x.io\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		path  string
		stdin io.Reader
		want  []string
	}{
		"a pipe": {"-", io.MultiReader(strings.NewReader("email\n"), strings.NewReader("a@x.io\nb@x.io\n")), []string{
			"reading the table from stdin", "reading the table from stdin, 1 line", "reading the table from stdin, 3 lines",
			"checking the table from stdin", "checking the table from stdin, 1 row", "checking the table from stdin, 2 rows",
		}},
		"a text": {text, nil, []string{"reading TEXT", "reading TEXT, 1 row", "reading TEXT, 2 rows"}},
		"a workbook": {path, nil, []string{
			"reading PATH", "reading PATH, 1 row", "reading PATH, 2 rows", "reading PATH, 4 rows",
			"reading PATH", "reading PATH, 1 of 4 rows", "reading PATH, 2 of 4 rows", "reading PATH, 3 of 4 rows",
			"checking PATH", "checking PATH, 1 of 2 rows", "checking PATH, 2 of 2 rows",
		}},
	} {
		var got []string
		var line func() string
		look := func() {
			if said := strings.NewReplacer(path, "PATH", text, "TEXT").Replace(line()); len(got) == 0 || got[len(got)-1] != said {
				got = append(got, said)
			}
		}
		stopped, o := false, three
		o.Progress = func(l func() string) func() { line = l; return func() { stopped = true } }
		r, err := Open(watched{t.Context(), look}, tt.path, tt.stdin, o)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(tt.want, got); d != "" || !stopped {
			t.Errorf("%s: stopped %v, %s", name, stopped, d)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}
