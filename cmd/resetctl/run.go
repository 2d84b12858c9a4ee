package main

import (
	"context"
	"slices"
	"strings"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/table"
	"github.com/seed57652884/resetctl/cmd/resetctl/internal/ui"
	"github.com/urfave/cli/v2"
)

func (c *command) runCommand() *cli.Command {
	return &cli.Command{
		Name: "run", Usage: "work a table of people off", ArgsUsage: "FILE",
		UsageText: `resetctl run people.csv                        shows the plan and asks
resetctl run people.csv --yes -o results.csv   for scripts
resetctl run people.csv --target looker,sugar --limit 5
… | resetctl run - --input-format ndjson --yes

The file has a column that says who (email, user_id or username) and may say
where (target). A run that was stopped goes on when it is started again.`,
		Flags: slices.Concat(fileFlags(), actFlags(), linksFlags(), beginFlags(), rowFlags(), workFlags()),
		Action: func(ctx *cli.Context) error {
			path, err := onlyArgument(ctx, "FILE")
			if err != nil {
				return err
			}
			j, err := c.job(ctx)
			if err != nil {
				return err
			}
			if path == "-" && !j.options.yes && !j.options.dryRun {
				return usage("stdin is the table, so nobody can be asked; look at it with --dry-run, then give --yes to do it")
			}
			return j.doFile(ctx.Context, path)
		},
	}
}

// job prepares what run, resume, plan and reset have in common.
func (c *command) job(ctx *cli.Context) (*job, error) {
	cfg, err := c.config(ctx)
	if err != nil {
		return nil, err
	}
	o, err := options(ctx, cfg)
	if err != nil {
		return nil, err
	}
	same := func(_ string, without ...string) string { return again(c.args, without...) }
	if slices.ContainsFunc(c.args, func(arg string) bool { return ui.Clean(arg) != arg }) {
		same = c.resumption // nobody could copy that from a terminal
	}
	return &job{io: c.io, log: c.log(ctx), config: cfg, options: o, args: c.args, place: c.place(), again: same, resumption: c.resumption, between: c.journal, linksBetween: c.links, bounds: c.bounds}, nil
}

// again is the command line that goes on with what args began: without the
// flags that speak of the beginning alone, or of what is in doubt now, and
// without those flags with a value that are named.
func again(args []string, without ...string) string {
	words := []string{"resetctl"}
	flags := true // until "--"
	for i := 1; i < len(args); i++ {
		name, _, hasValue := strings.Cut(strings.TrimLeft(args[i], "-"), "=")
		switch isFlag := flags && strings.HasPrefix(args[i], "-"); {
		case isFlag && (name == "new" || name == "resend-unknown"): // see resumption
		case isFlag && (name == "expect" || slices.Contains(without, name)):
			if !hasValue {
				i++
			}
		default:
			words = append(words, quoted(args[i]))
			flags = flags && args[i] != "--"
		}
	}
	return strings.Join(words, " ")
}

// doFile works off the table at path.
func (j *job) doFile(ctx context.Context, path string) error {
	j.table = true
	return j.do(ctx, func(o table.Options) (*table.Reader, error) {
		return table.Open(ctx, path, j.io.In, o)
	})
}

// mayName returns the argument, or nothing where there is none.
func mayName(ctx *cli.Context, what string) (string, error) {
	if ctx.NArg() == 0 {
		return "", nil
	}
	return onlyArgument(ctx, what)
}

func onlyArgument(ctx *cli.Context, what string) (string, error) {
	switch ctx.NArg() {
	case 0:
		return "", usage("%s is missing; see resetctl %s --help", what, ctx.Command.Name)
	case 1:
		return ctx.Args().First(), nil
	default:
		return "", usage("one %s at a time, not %d: %s", what, ctx.NArg(), strings.Join(ctx.Args().Slice(), " "))
	}
}

// quoted writes an argument so that a shell reads it back.
func quoted(s string) string {
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./@+=:,%") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
