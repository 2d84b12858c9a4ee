package main

import (
	"context"
	"log/slog"
	"slices"
	"strings"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/config"
	"github.com/seed57652884/resetctl/cmd/resetctl/internal/near"
	"github.com/seed57652884/resetctl/cmd/resetctl/internal/ui"
	"github.com/seed57652884/resetctl/resetter/bulk"
	"github.com/seed57652884/resetctl/resetter/journal"
	"github.com/urfave/cli/v2"
)

// A command is one invocation of the program.
type command struct {
	io   *ui.IO
	env  []string
	args []string // as given, the program's name first

	arranged []string // the same as arrange puts it

	// journal, where tests set it, stands between the run and who works it off.
	journal func(bulk.Journal) bulk.Journal
	// links, where tests set it, stands between the run and the file of its links.
	links func(handOver) handOver
	// bounds, where tests set them, are those of the ledger of a run.
	bounds journal.Options
}

func (c *command) run(ctx context.Context) error {
	app := c.app()
	if len(c.args) > 1 && c.args[1] == completeWord {
		return c.complete(ctx, app, c.args[2:])
	}
	c.io.JSON = wantsJSON(c.args)
	arranged, err := arrange(c.args, app)
	if err != nil {
		return err
	}
	c.arranged = arranged
	return app.RunContext(ctx, arranged)
}

func (c *command) app() *cli.App {
	app := &cli.App{
		Name:  "resetctl",
		Usage: "password resets across systems, from a table of people; nobody is mailed twice, no row is lost",
		UsageText: `resetctl demo                               play a whole run, without any account
resetctl init                               write a configuration
resetctl check                              see whether all is well with it
resetctl plan people.csv                    see what would be done; sends nothing
resetctl run people.csv -o results.csv      do it
resetctl reset ana@example.com --target looker`,
		Writer: c.io.Out, ErrWriter: c.io.Err,
		HideVersion:               true, // -v is --verbose; the command is called version
		DisableSliceFlagSeparator: true,
		ExitErrHandler:            func(*cli.Context, error) {}, // Main says it and exits
		OnUsageError:              func(_ *cli.Context, err error, _ bool) error { return usage("%v", err) },
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "config", Usage: "read the configuration from `FILE`"},
			&cli.StringFlag{Name: "state", Usage: "keep the ledger of all runs in `DIR`"},
			&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "no progress and no notes"},
			&cli.BoolFlag{Name: "verbose", Aliases: []string{"v"}, Usage: "log every decision and every wait"},
			&cli.StringFlag{Name: "log-format", Value: "text", Usage: "`FORMAT` of what is said on stderr, the log included: text or json"},
			&cli.BoolFlag{Name: "no-input", Usage: "never ask"},
			&cli.BoolFlag{Name: "no-color", Usage: "no colours"},
		},
		Before: c.before,
		Commands: []*cli.Command{
			c.demoCommand(), c.initCommand(), c.checkCommand(),
			c.planCommand(), c.runCommand(), c.resumeCommand(), c.resetCommand(),
			c.runsCommand(), c.showCommand(), c.reconcileCommand(), c.reportCommand(),
			c.sandboxCommand(), c.configCommand(), c.completionCommand(), c.versionCommand(), c.helpCommand(),
		},
	}
	dress(app)
	return app
}

// needless are the commands to which a flag that all have says nothing.
var needless = map[string][]string{
	"config": {"demo", "sandbox", "completion", "version"},
	"state":  {"demo", "completion", "version"},
}

// before takes in the flags that concern how we talk.
func (c *command) before(ctx *cli.Context) error {
	c.io.Quiet = ctx.Bool("quiet")
	c.io.NoInput = c.io.NoInput || ctx.Bool("no-input")
	if ctx.Bool("no-color") {
		c.io.Color = false
	}
	name := ctx.Args().First()
	for _, flag := range []string{"config", "state"} {
		if ctx.IsSet(flag) && slices.Contains(needless[flag], name) {
			c.io.Tell("--%s changes nothing here: %s does not use it", flag, name)
		}
	}
	if f := ctx.String("log-format"); f != "text" && f != "json" {
		return usage("--log-format is text or json, not %q%s", f, near.Hint(f, []string{"text", "json"}))
	}
	return nil
}

// wantsJSON reports whether args ask for --log-format json, so that what is
// wrong with the rest of them is said in it, too.
func wantsJSON(args []string) bool {
	for i, arg := range args {
		flag, _ := strings.CutPrefix(arg, "-")
		flag, _ = strings.CutPrefix(flag, "-")
		switch {
		case arg == "--":
			return false
		case flag == arg: // no flag
		case flag == "log-format=json", flag == "log-format" && slices.Equal(args[i+1:min(i+2, len(args))], []string{"json"}):
			return true
		}
	}
	return false
}

// log is the log on stderr: warnings, or everything with --verbose.
func (c *command) log(ctx *cli.Context) *slog.Logger {
	options := &slog.HandlerOptions{Level: slog.LevelWarn}
	if ctx.Bool("verbose") {
		options.Level = slog.LevelDebug
	}
	if c.io.JSON {
		return slog.New(slog.NewJSONHandler(c.io.Log(), options))
	}
	return slog.New(slog.NewTextHandler(c.io.Log(), options))
}

// config loads the configuration and lays the flags over it.
func (c *command) config(ctx *cli.Context) (*config.Config, error) {
	cfg, err := config.Load(c.source(ctx.String("config"), ctx.String("state")))
	if err != nil {
		return nil, &exit{exitUsage, err}
	}
	for _, w := range cfg.Warnings {
		c.io.Warn("%s", w)
	}
	return cfg, nil
}

// source is what the configuration goes by: the flags --config and --state,
// the environment and the home folder.
func (c *command) source(file, state string) config.Source {
	home := lookup(c.env, "HOME")
	if home == "" {
		home = lookup(c.env, "USERPROFILE") // of Windows
	}
	return config.Source{Systems: kinds(), Env: c.env, Home: home, File: file, State: state}
}

func lookup(env []string, name string) string {
	for i := len(env) - 1; i >= 0; i-- {
		if len(env[i]) > len(name) && env[i][:len(name)+1] == name+"=" {
			return env[i][len(name)+1:]
		}
	}
	return ""
}
