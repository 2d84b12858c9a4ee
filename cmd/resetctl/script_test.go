package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/rogpeppe/go-internal/testscript"
	"github.com/seed57652884/resetctl/resetter/sandbox"
)

// TestScripts plays the promises in testdata/script, one a file, with the
// command as a process of its own. Each script has three test servers with ten
// people each (systems_test.go), an environment that leads to them, and a home
// of its own. Whatever it is about, at its end these must hold, too: nobody was
// mailed twice by one system, no system was asked anything that its vendor
// would not like, and no file in the work folder holds a secret.
//
// Besides the commands of testscript there are:
//
//	exit-code N PROGRAM …       PROGRAM ends with exit code N
//	ends-with N PROGRAM … &X&   the same of one in the background
//	mails TARGET N              TARGET has sent N mails
//	mails TARGET ADDRESS N      N of them to ADDRESS
//	await-mails TARGET N        waits until TARGET has sent N mails
//	await FILE REGEXP           waits until a line of FILE matches
//	await-stalled SYSTEM        waits until a request stalls at SYSTEM
//	clear-faults SYSTEM         SYSTEM is in good health again; what stalls goes on
//	signal INT|TERM|HUP         signals what runs in the background
//	asked TARGET OPERATION N    TARGET was asked for that N times
//	untouched TARGET            nobody has asked TARGET anything
//	twice-is-meant              somebody may be mailed twice in this script
//	system NAME [no-mailer|forbidden] [people=N] [latency=TIME] [never-set-up=ADDRESS]   starts that system anew
//	fault SYSTEM KIND OPERATION [processed] [skip=N] [times=N] [person=ADDRESS] [status=N] [for=TIME] [retry-after=TIME]
//	people FILE N TARGETS       writes a table of the first N people
//	column FILE NAME VALUE…     the column of a CSV file has these values
//	summary FILE KEY=N…         FILE is a summary as --json has it; keys are counts, exit and TARGET.count
//	go-on [FILE]                runs the command that stderr (or FILE) says to go on with
//	paste N REGEXP [FLAG…]      runs the command that stderr has there, in (…), with these flags: it ends with exit code N
//	secret-free FILE            FILE holds no secret of a system
//	age-key NAME                makes a key: $NAME is the public one
//	ssh-key NAME                makes an SSH key: NAME.pub is the public one
//	links FILE KEY TARGET=ADDRESS…   KEY (or plain) reads in FILE a link of TARGET for each ADDRESS, and no other
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                "testdata/script",
		Setup:              setUp,
		RequireUniqueNames: true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exit-code": cmdExitCode, "mails": cmdMails, "await-mails": cmdAwaitMails, "await": cmdAwait, "await-stalled": cmdAwaitStalled, "clear-faults": cmdClearFaults,
			"signal": cmdSignal,
			"asked":  cmdAsked, "untouched": cmdUntouched, "twice-is-meant": cmdTwiceIsMeant, "system": cmdSystem, "fault": cmdFault,
			"people": cmdPeople, "column": cmdColumn, "summary": cmdSummary, "go-on": cmdGoOn, "paste": cmdPaste, "secret-free": cmdSecretFree,
			"age-key": cmdAgeKey, "ssh-key": cmdSSHKey, "links": cmdLinks,
		},
	})
}

type systemsKey struct{}

func setUp(env *testscript.Env) error {
	if err := os.Chmod(env.WorkDir, 0o700); err != nil { // whatever the umask is
		return err
	}
	s := newSystems()
	for _, name := range []string{"looker", "sugar", "unleash"} {
		for key, value := range s.start(name, variant{people: 10}) {
			env.Setenv(key, value)
		}
	}
	env.Values[systemsKey{}], env.Values[keysKey{}] = s, make(map[string]age.Identity)
	env.Setenv("HOME", filepath.Join(env.WorkDir, "home"))
	env.Setenv("XDG_CONFIG_HOME", filepath.Join(env.WorkDir, "home", "config"))
	env.Setenv("XDG_STATE_HOME", filepath.Join(env.WorkDir, "home", "state"))
	t := env.T().(testing.TB)
	env.Defer(func() {
		s.close()
		s.check(t)
		err := filepath.WalkDir(env.WorkDir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			content, err := os.ReadFile(path)
			if s.leaks(content) {
				t.Errorf("%s holds a secret", path)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
	return nil
}

func of(ts *testscript.TestScript) *systems { return ts.Value(systemsKey{}).(*systems) }

// server is the test server that a script names.
func server(ts *testscript.TestScript, name string) *sandbox.Server {
	s := of(ts).running(name)
	if s == nil {
		ts.Fatalf("there is no system %q", name)
	}
	return s
}

func num(ts *testscript.TestScript, s string) int {
	n, err := strconv.Atoi(s)
	ts.Check(err)
	return n
}

func span(ts *testscript.TestScript, s string) time.Duration {
	d, err := time.ParseDuration(s)
	ts.Check(err)
	return d
}

// form checks how a command of a script was called.
func form(ts *testscript.TestScript, neg bool, args []string, least int, usage string) {
	if neg || len(args) < least {
		ts.Fatalf("usage: %s", usage)
	}
}

func cmdExitCode(ts *testscript.TestScript, neg bool, args []string) {
	form(ts, neg, args, 2, "exit-code N PROGRAM …")
	code := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit := (*exec.ExitError)(nil)
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		code = exit.ExitCode()
	}
	if code != num(ts, args[0]) {
		ts.Fatalf("%s ended with %d, want %s", args[1], code, args[0])
	}
}

func cmdMails(ts *testscript.TestScript, neg bool, args []string) {
	form(ts, neg, args, 2, "mails TARGET [ADDRESS] N")
	box, want := server(ts, args[0]).Mailbox(), num(ts, args[len(args)-1])
	got := box.Len()
	if len(args) == 3 {
		got = box.Count(args[1])
	}
	if got != want {
		ts.Fatalf("%s: %d mails, want %d; %v", strings.Join(args[:len(args)-1], " "), got, want, box.Counts())
	}
}

func cmdAwaitMails(ts *testscript.TestScript, neg bool, args []string) {
	form(ts, neg, args, 2, "await-mails TARGET N")
	if !of(ts).await(args[0], num(ts, args[1])) {
		ts.Fatalf("%s has not sent %s mails", args[0], args[1])
	}
}

func cmdAwaitStalled(ts *testscript.TestScript, neg bool, args []string) {
	form(ts, neg, args, 1, "await-stalled SYSTEM")
	s := server(ts, args[0])
	stalls := func(r sandbox.Request) bool { return r.Fault == sandbox.Stall && r.Status == 0 }
	if !eventually(func() bool { return slices.ContainsFunc(s.Requests(), stalls) }) {
		ts.Fatalf("nothing stalls at %s", args[0])
	}
}

func cmdAwait(ts *testscript.TestScript, neg bool, args []string) {
	form(ts, neg, args, 2, "await FILE REGEXP")
	want := regexp.MustCompile("(?m)" + args[1])
	found := func() bool {
		content, err := os.ReadFile(ts.MkAbs(args[0]))
		return err == nil && want.Match(content)
	}
	if !eventually(found) {
		ts.Fatalf("no line of %s matches %s", args[0], args[1])
	}
}

// eventually reports whether a condition comes true before patience runs out.
func eventually(condition func() bool) bool {
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	late := time.After(patience)
	for !condition() {
		select {
		case <-look.C:
		case <-late:
			return false
		}
	}
	return true
}

func cmdSignal(ts *testscript.TestScript, neg bool, args []string) {
	form(ts, neg, args, 1, "signal INT|TERM|HUP")
	s, ok := map[string]syscall.Signal{"INT": syscall.SIGINT, "TERM": syscall.SIGTERM, "HUP": syscall.SIGHUP}[args[0]]
	if !ok {
		ts.Fatalf("unknown signal %s", args[0])
	}
	for _, cmd := range ts.BackgroundCmds() {
		ts.Check(cmd.Process.Signal(s))
	}
}

func cmdAsked(ts *testscript.TestScript, neg bool, args []string) {
	form(ts, neg, args, 3, "asked TARGET OPERATION N")
	if got := server(ts, args[0]).Calls(sandbox.Operation(args[1])); got != num(ts, args[2]) {
		ts.Fatalf("%s was asked for %s %d times", args[0], args[1], got)
	}
}

func cmdUntouched(ts *testscript.TestScript, neg bool, args []string) {
	form(ts, neg, args, 1, "untouched TARGET…")
	for _, name := range args {
		if r := server(ts, name).Requests(); len(r) > 0 {
			ts.Fatalf("%s was asked: %v", name, r)
		}
	}
}

func cmdTwiceIsMeant(ts *testscript.TestScript, neg bool, args []string) {
	form(ts, neg, args, 0, "twice-is-meant")
	of(ts).twiceIsMeant = true
}

func cmdSystem(ts *testscript.TestScript, neg bool, args []string) {
	form(ts, neg, args, 1, "system NAME [no-mailer|forbidden] [people=N] [latency=TIME] [never-set-up=ADDRESS]")
	v := variant{people: 10}
	for _, arg := range args[1:] {
		switch key, value, _ := strings.Cut(arg, "="); key {
		case "no-mailer":
			v.noMailer = true
		case "forbidden":
			v.forbidden = true
		case "people":
			v.people = num(ts, value)
		case "latency":
			v.latency = span(ts, value)
		case "never-set-up":
			v.neverSetUp = value
		default:
			ts.Fatalf("unknown: %s", arg)
		}
	}
	for key, value := range of(ts).start(args[0], v) {
		ts.Setenv(key, value)
	}
}

func cmdFault(ts *testscript.TestScript, neg bool, args []string) {
	form(ts, neg, args, 3, "fault SYSTEM KIND OPERATION …")
	f := sandbox.Fault{Kind: sandbox.FaultKind(args[1]), On: sandbox.Operation(args[2])}
	for _, arg := range args[3:] {
		switch key, value, _ := strings.Cut(arg, "="); key {
		case "processed":
			f.Processed = true
		case "skip":
			f.Skip = num(ts, value)
		case "times":
			f.Times = num(ts, value)
		case "person":
			f.Person = value
		case "status":
			f.Status = num(ts, value)
		case "for":
			f.For = span(ts, value)
		case "retry-after":
			f.RetryAfter = span(ts, value)
		default:
			ts.Fatalf("unknown: %s", arg)
		}
	}
	server(ts, args[0]).Inject(f)
}

func cmdClearFaults(ts *testscript.TestScript, neg bool, args []string) {
	form(ts, neg, args, 1, "clear-faults SYSTEM")
	server(ts, args[0]).ClearFaults()
}

func cmdPeople(ts *testscript.TestScript, neg bool, args []string) {
	form(ts, neg, args, 3, "people FILE N TARGETS")
	ts.Check(writePeople(ts.MkAbs(args[0]), sandbox.People(num(ts, args[1])), args[2]))
}

func cmdColumn(ts *testscript.TestScript, neg bool, args []string) {
	form(ts, neg, args, 2, "column FILE NAME VALUE…")
	table, err := csv.NewReader(strings.NewReader(ts.ReadFile(args[0]))).ReadAll()
	ts.Check(err)
	i := slices.Index(table[0], args[1])
	if i < 0 {
		ts.Fatalf("%s has no column %s: %q", args[0], args[1], table[0])
	}
	var got []string
	for _, line := range table[1:] {
		got = append(got, line[i])
	}
	if !slices.Equal(got, args[2:]) {
		ts.Fatalf("column %s is\n%q, want\n%q", args[1], got, args[2:])
	}
}

// cmdSummary reads the object of --json strictly: a key that is missing or
// that the contract does not know is an error.
func cmdSummary(ts *testscript.TestScript, neg bool, args []string) {
	form(ts, neg, args, 1, "summary FILE KEY=N…")
	type counts struct{ Done, Skipped, Failed, Unknown, Pending *int }
	var got struct {
		SchemaVersion *int       `json:"schema_version"`
		RunID         *string    `json:"run_id"`
		StartedAt     *time.Time `json:"started_at"`
		FinishedAt    *time.Time `json:"finished_at"`
		Counts        *counts
		Targets       map[string]struct {
			counts
			Requests, Throttled *int
		}
		ExitCode *int `json:"exit_code"`
	}
	text := ts.ReadFile(args[0])
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	ts.Check(d.Decode(&got))
	if _, err := d.Token(); err != io.EOF {
		ts.Fatalf("there is more than one object: %s", text)
	}
	if got.SchemaVersion == nil || *got.SchemaVersion != 1 || got.RunID == nil || got.StartedAt == nil ||
		got.FinishedAt == nil || got.Counts == nil || got.Targets == nil || got.ExitCode == nil {
		ts.Fatalf("a key is missing: %s", text)
	}
	values := map[string]*int{"exit": got.ExitCode}
	add := func(prefix string, c counts) {
		values[prefix+"done"], values[prefix+"skipped"], values[prefix+"failed"] = c.Done, c.Skipped, c.Failed
		values[prefix+"unknown"], values[prefix+"pending"] = c.Unknown, c.Pending
	}
	add("", *got.Counts)
	for name, t := range got.Targets {
		add(name+".", t.counts)
		values[name+".requests"], values[name+".throttled"] = t.Requests, t.Throttled
	}
	for key, v := range values {
		if v == nil {
			ts.Fatalf("%s is missing: %s", key, text)
		}
	}
	for _, arg := range args[1:] {
		key, want, _ := strings.Cut(arg, "=")
		if v, ok := values[key]; !ok || *v != num(ts, want) {
			ts.Fatalf("want %s: %s", arg, text)
		}
	}
}

func cmdGoOn(ts *testscript.TestScript, neg bool, args []string) {
	form(ts, neg, args, 0, "go-on [FILE]")
	paste(ts, append(args, "stderr")[0], "0", "go on with: (resetctl .*)$", nil)
}

func cmdPaste(ts *testscript.TestScript, neg bool, args []string) {
	form(ts, neg, args, 2, "paste N REGEXP [FLAG…]")
	paste(ts, "stderr", args[0], args[1], args[2:])
}

func paste(ts *testscript.TestScript, file, code, expr string, flags []string) {
	found := regexp.MustCompile("(?m)" + expr).FindStringSubmatch(ts.ReadFile(file))
	if len(found) != 2 {
		ts.Fatalf("%s names no command as %s", file, expr)
	}
	command := strings.Join(append(found[1:], flags...), " ")
	ts.Logf("pasted: %s", command)
	cmdExitCode(ts, false, []string{code, "sh", "-c", command})
}

func cmdSecretFree(ts *testscript.TestScript, neg bool, args []string) {
	form(ts, neg, args, 1, "secret-free FILE…")
	for _, file := range args {
		content := ts.ReadFile(file)
		if content == "" {
			ts.Fatalf("%s is empty, which proves nothing", file)
		}
		if of(ts).leaks([]byte(content)) {
			ts.Fatalf("%s holds a secret", file)
		}
	}
}

// leaks says whether content holds the canary of any server there ever was, as
// it is or in another spelling.
func (s *systems) leaks(content []byte) bool {
	for _, old := range s.all {
		for _, spelt := range spellings(old.Canary()) {
			if bytes.Contains(content, spelt) {
				return true
			}
		}
	}
	return false
}

func spellings(word string) [][]byte {
	return [][]byte{[]byte(word), []byte(strings.ToUpper(word)), fmt.Appendf(nil, "%x", word)}
}
