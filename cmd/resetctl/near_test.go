package main

import "testing"

func TestWhatWasProbablyMeantIsSaid(t *testing.T) {
	names := []string{"run", "runs", "plan", "check", "config", "completion", "exit-codes", "outcomes", "looker", "looker-eu"}
	for word, want := range map[string]string{
		"rnu": "run", "plna": "plan", "chekc": "check", "conf": "config", "exitcodes": "exit-codes", "exit_codes": "exit-codes",
		"outcome": "outcomes", "Lokr": "looker", "looker-ue": "looker-eu", "RUN": "run", "compl": "completion",
		"people.csv": "", "x": "", "": "", "salesforce": "", "ru": "run", "zzz": "", "help": "",
	} {
		if want == "" {
			want = "see the list"
		} else {
			want = "did you mean " + want + "?"
		}
		if got := meant(word, names, "see the list"); got != want {
			t.Errorf("%q: %q, want %q", word, got, want)
		}
	}
}

func FuzzEdits(f *testing.F) {
	f.Add("kitten", "sitting")
	f.Add("", "äé")
	f.Fuzz(func(t *testing.T, a, b string) {
		if len(a)*len(b) > 1<<16 {
			return
		}
		d := edits(a, b)
		if d != edits(b, a) || d > max(len(a), len(b)) || (d == 0) != (a == b) {
			t.Errorf("%q and %q: %d", a, b, d)
		}
	})
}
