package near

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestWhatWasProbablyMeantIsFoundAndWhatIsFarIsNot(t *testing.T) {
	for _, tt := range []struct {
		of    string // the names, by commas
		words map[string]string
	}{
		{"run,runs,plan,check,config,completion,exit-codes,outcomes,looker,looker-eu", map[string]string{
			"rnu": "run", "plna": "plan", "chekc": "check", "conf": "config", "exitcodes": "exit-codes", "exit_codes": "exit-codes",
			"outcome": "outcomes", "Lokr": "looker", "looker-ue": "looker-eu", "RUN": "run", "compl": "completion", "ru": "run",
			"people.csv": "", "x": "", "": "", "-": "", "salesforce": "", "zzz": "", "help": "", "port": "",
		}},
		{"--run,--dry-run,--no-input,--input-format", map[string]string{"--dryrun": "--dry-run", "--noinput": "--no-input", "--input-f": "--input-format", "--n": ""}},
		{"email,user_id,username,Work Email,Grösse,", map[string]string{
			"emial": "email", "e_mail": "email", "usrname": "username", "user": "user_id", "work-email": "Work Email", "Wrok\u00a0Email": "Work Email", "Größe": "Grösse",
			"salary": "", "id": "", "no": "", "Work Email of the person": "",
		}},
		{"reset,force-change,change-email,lock,unlock", map[string]string{"rest": "reset", "force change": "force-change", "unlok": "unlock", "change": "change-email", "delete": "", "explode": ""}},
		{"csv,json,ndjson,xlsx,table", map[string]string{"cvs": "csv", "jsn": "json", "xls": "xlsx", "jsonl": "json", "pdf": "", "xml": ""}},
		// Of two letters nothing is left when one is wrong.
		{"eu,us", map[string]string{"ue": "eu", "su": "us", "EU": "eu", "es": "", "e": "", "u": "", "uk": ""}},
		// What tells two names apart is no slip, however much of them is the same.
		{"looker-dev,sugar-us,Work Email,looker_client_secret,looker_system,looker_url,sugar_username,sugar_rate", map[string]string{
			"looker-live": "", "sugar-eu": "", "Home Email": "", "looker_secret": "", "looker_key": "", "sugar_user": "sugar_username", "sugar_pass": "",
			"loker-dev": "looker-dev", "lookerdev": "looker-dev", "lookr_url": "looker_url",
		}},
		// One digit is never meant by another.
		{"looker-1,windows-1252,Sheet1", map[string]string{"loker-1": "looker-1", "looker-2": "", "windws-1252": "windows-1252", "windows-1251": "", "Sheet2": "", "windows": "windows-1252"}},
		{strings.Repeat("x", longest+1), map[string]string{strings.Repeat("x", longest): "", strings.Repeat("x", longest+1): ""}},
	} {
		for word, want := range tt.words {
			if got := Name(word, strings.Split(tt.of, ",")); got != want {
				t.Errorf("%q of %s: %q, want %q", word, tt.of, got, want)
			}
		}
	}
	if got := Name[string]("looker", nil); got != "" {
		t.Errorf("of none: %q", got)
	}
}

func TestItIsAskedInOneWay(t *testing.T) {
	for want, names := range map[string][]string{
		"":                                     {"", ""},
		"; did you mean exit-codes?":           {"exit-codes"},
		"; did you mean RESETCTL_STATE?":       {"RESETCTL_STATE"},
		`; did you mean "Work Email"?`:         {"Work Email"},
		`; did you mean "a\x1b[2J\u202e"?`:     {"a\x1b[2J\u202e"},
		"; did you mean looker and sugar?":     {"looker", "", "sugar", "looker"},
		`; did you mean "a and b" and looker?`: {"a and b", "looker"},
	} {
		if got := Ask(names...); got != want {
			t.Errorf("%q: %s, want %s", names, got, want)
		}
	}
	if got := Hint("lokker", []string{"looker"}) + Hint("salesforce", []string{"looker"}); got != "; did you mean looker?" {
		t.Error(got)
	}
}

func FuzzEdits(f *testing.F) {
	f.Add("kitten", "sitting")
	f.Add("", "äé")
	f.Fuzz(func(t *testing.T, x, y string) {
		a, b := []rune(x), []rune(y)
		if len(a)*len(b) > 1<<16 {
			return
		}
		d := edits(a, b)
		if d != edits(b, a) || d > max(len(a), len(b)) || (d == 0) != (string(a) == string(b)) {
			t.Errorf("%q and %q: %d", x, y, d)
		}
		if hint := Hint(x, []string{y}); !utf8.ValidString(hint) {
			t.Errorf("%q and %q: %q", x, y, hint)
		}
	})
}
