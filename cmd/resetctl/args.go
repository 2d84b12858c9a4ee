package main

import (
	"cmp"
	"slices"
	"strings"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/near"
	"github.com/urfave/cli/v2"
)

// arrange brings a command line into the order that urfave/cli understands:
// global flags, command, its flags, the rest. By itself it stops reading flags
// at the first argument that is none, so that "run people.csv --dry-run" would
// send mails. What it could misread or leave unread is refused here: unknown
// flags, flags of other commands, flags given twice, values left out.
func arrange(args []string, app *cli.App) ([]string, error) {
	a := arranger{app: app}
	for i := 1; i < len(args); i++ {
		arg := args[i]
		switch {
		case arg == "--":
			a.rest = append(a.rest, args[i+1:]...)
			i = len(args)
		case arg == "--version" && len(args) == 2: // as everywhere; here it is a command
			a.rest = []string{"version"}
		case !strings.HasPrefix(arg, "-") || arg == "-":
			a.rest = append(a.rest, arg)
		default:
			taken, err := a.flag(arg, args[i+1:])
			if err != nil {
				return nil, err
			}
			i += taken
		}
	}
	return a.done(args[0])
}

type arranger struct {
	app   *cli.App
	given []given
	rest  []string
}

// given is one flag as it was given.
type given struct {
	written string // as the person wrote it: "-o"
	flag    cli.Flag
	value   *string // nil for a switch
}

// flag takes in one argument that begins with a dash, and says how many of
// those that follow it used up as a value.
func (a *arranger) flag(arg string, next []string) (taken int, err error) {
	name, value, hasValue := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(arg, "-"), "-"), "=")
	written := strings.TrimSuffix(arg[:len(arg)-len(value)], "=")
	if f := a.find(name); f != nil {
		switch {
		case hasValue && value == "":
			return 0, usage("%s needs a value, and there is none behind =", written)
		case hasValue && isSwitch(f) && value != "true" && value != "false":
			return 0, usage("%s is a switch: it takes no value, not %q", written, value)
		case hasValue:
			a.given = append(a.given, given{written, f, &value})
			return 0, nil
		case isSwitch(f):
			a.given = append(a.given, given{written, f, nil})
			return 0, nil
		case len(next) == 0:
			return 0, usage("%s needs a value", written)
		case next[0] == "":
			return 0, usage("%s needs a value, not an empty one", written)
		case strings.HasPrefix(next[0], "-") && next[0] != "-":
			return 0, usage("%s needs a value, and %s looks like another flag; for such a value write %s=%s", written, next[0], written, next[0])
		}
		a.given = append(a.given, given{written, f, &next[0]})
		return 1, nil
	}
	if !strings.HasPrefix(arg, "--") && len(arg) > 2 && !hasValue {
		return a.cluster(arg, next)
	}
	return 0, a.unknown(written, name)
}

// cluster takes short flags written as one: -nq, -oFILE.
func (a *arranger) cluster(arg string, next []string) (int, error) {
	for i, letter := range arg[1:] {
		f := a.find(string(letter))
		switch rest := arg[1+i+1:]; {
		case f == nil:
			return 0, a.unknown(arg, arg[1:])
		case isSwitch(f):
			a.given = append(a.given, given{"-" + string(letter), f, nil})
		case rest != "":
			a.given = append(a.given, given{"-" + string(letter), f, &rest})
			return 0, nil
		default:
			return a.flag("-"+string(letter), next)
		}
	}
	return 0, nil
}

// find looks a flag up among the global ones and those of all commands, which
// agree about what takes a value.
func (a *arranger) find(name string) cli.Flag {
	flags := slices.Clone(a.app.Flags)
	for _, c := range a.app.Commands {
		flags = append(flags, c.Flags...)
	}
	for _, f := range append(flags, cli.HelpFlag) {
		if slices.Contains(f.Names(), name) {
			return f
		}
	}
	return nil
}

func (a *arranger) unknown(written, name string) error {
	flags := slices.Clone(a.app.Flags)
	if len(a.rest) > 0 {
		if c := a.app.Command(a.rest[0]); c != nil {
			flags = append(flags, c.Flags...)
		}
	} else {
		for _, c := range a.app.Commands {
			flags = append(flags, c.Flags...)
		}
	}
	var names []string
	for _, f := range flags {
		for _, n := range f.Names() {
			if len(n) > 1 {
				names = append(names, "--"+n)
			}
		}
	}
	return usage("there is no flag %s%s", written, cmp.Or(near.Hint("--"+name, names), "; see resetctl --help"))
}

// done puts everything in order, once all is known.
func (a *arranger) done(program string) ([]string, error) {
	asksHelp := slices.ContainsFunc(a.given, func(g given) bool { return g.flag == cli.HelpFlag })
	if len(a.rest) == 0 {
		if len(a.given) > 0 && !asksHelp {
			g := a.given[0]
			return nil, usage("%s needs a command, such as: resetctl run people.csv %s; see resetctl --help", g.written, g.written)
		}
		return a.help(program, nil)
	}
	name := a.rest[0]
	command := a.app.Command(name)
	switch {
	case name == "help":
		return a.help(program, a.rest[1:])
	case command == nil:
		return nil, usage("there is no command %q%s", name, cmp.Or(near.Hint(name, commandNames(a.app)), "; see resetctl --help"))
	}
	if asksHelp {
		return a.help(program, a.rest[:1])
	}
	var global, own []given
	seen := make(map[cli.Flag]*string)
	for _, g := range a.given {
		// Commands may have a flag of the same name each; theirs counts.
		if f := named(command.Flags, g.flag.Names()[0]); f != nil {
			g.flag = f
			own = append(own, g)
		} else if isGlobal(a.app, g.flag) {
			global = append(global, g)
		} else {
			return nil, usage("%s is not a flag of %q; see resetctl %s --help", g.written, name, name)
		}
		before, twice := seen[g.flag]
		_, repeatable := g.flag.(*cli.StringSliceFlag)
		if same := isSwitch(g.flag) && before == nil && g.value == nil; twice && !repeatable && !same {
			return nil, usage("%s is given twice", g.written)
		}
		seen[g.flag] = g.value
	}
	out := append([]string{program}, inOrder(global)...)
	out = append(append(out, name), inOrder(own)...)
	return append(append(out, "--"), a.rest[1:]...), nil
}

// help asks for help on a command, or on everything.
func (a *arranger) help(program string, topics []string) ([]string, error) {
	if err := helpOn(a.app, topics); err != nil {
		return nil, err
	}
	return append([]string{program, "help"}, topics...), nil
}

func inOrder(flags []given) []string {
	var out []string
	for _, g := range flags {
		arg := "--" + g.flag.Names()[0]
		if g.value != nil {
			arg += "=" + *g.value
		}
		out = append(out, arg)
	}
	return out
}

func isSwitch(f cli.Flag) bool {
	_, yes := f.(*cli.BoolFlag)
	return yes
}

func isGlobal(app *cli.App, f cli.Flag) bool { return slices.Contains(app.Flags, f) }

func named(flags []cli.Flag, name string) cli.Flag {
	for _, f := range flags {
		if slices.Contains(f.Names(), name) {
			return f
		}
	}
	return nil
}
