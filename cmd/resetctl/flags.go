package main

import (
	"encoding/csv"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/config"
	"github.com/seed57652884/resetctl/cmd/resetctl/internal/links"
	"github.com/seed57652884/resetctl/cmd/resetctl/internal/near"
	"github.com/seed57652884/resetctl/cmd/resetctl/internal/table"
	"github.com/seed57652884/resetctl/resetter"
	"github.com/urfave/cli/v2"
)

// workFlags are the flags of everything that works rows off. Each command gets
// its own copies.
func workFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write a line per row to `FILE` (.csv, .ndjson, .json or .xlsx; - is stdout)"},
		&cli.StringFlag{Name: "format", Usage: "`FORMAT` of that file: csv, json, ndjson, xlsx or table"},
		&cli.BoolFlag{Name: "json", Usage: "print the summary as one JSON object on stdout"},
		&cli.StringSliceFlag{Name: "rate", Usage: "ceiling of a target's pace, `TARGET=10/s` (/m, /h, unlimited)"},
		&cli.StringSliceFlag{Name: "concurrency", Usage: "requests at a time, `TARGET=N`"},
		&cli.StringFlag{Name: "cooldown", Usage: "leave out who was mailed within `TIME`; 0 turns it off (default 1h)"},
		&cli.StringFlag{Name: "max-failures", Usage: "halt at `N` failed or unknown rows, or at N% of the last 100"},
		&cli.StringFlag{Name: "expect", Usage: "refuse unless exactly `N` actions would be done"},
		&cli.BoolFlag{Name: "revoke-keys", Usage: "with lock: delete the accounts' API keys as well, for good"},
		&cli.BoolFlag{Name: "resend-unknown", Usage: "do once more what is in doubt, although that may mail people twice"},
	}
}

// rowFlags choose the rows, for commands that begin a run.
func rowFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "target", Usage: "`NAMES` of targets for rows that name none: a,b or all"},
		&cli.StringFlag{Name: "action", Value: string(resetter.ActionReset), Usage: "`ACTION` for rows that name none"},
		&cli.StringFlag{Name: "limit", Usage: "work only the first `N` rows"},
		&cli.StringSliceFlag{Name: "only", Usage: "work only these `TARGETS`"},
		&cli.StringSliceFlag{Name: "except", Usage: "work all but these `TARGETS`"},
	}
}

// fileFlags are for commands that read a file.
func fileFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "input-format", Usage: "`FORMAT` of the file: csv, ndjson or xlsx"},
		&cli.StringSliceFlag{Name: "map", Usage: "which column means what, `email=\"Work Email\"`"},
		&cli.StringFlag{Name: "delimiter", Usage: "between the cells of a CSV, where it is not found by itself: `SIGN`, or tab, comma, semicolon, pipe"},
		&cli.StringFlag{Name: "encoding", Usage: "`NAME` of the encoding of a text that is not Unicode: windows-1252"},
		&cli.StringFlag{Name: "sheet", Usage: "`NAME` of the sheet of a workbook; the first one that is shown"},
		&cli.StringFlag{Name: "corrected", Usage: "where the file is refused, write a copy with the errors noted in a column to `FILE` (.csv or .xlsx)"},
	}
}

// actFlags are for commands that do it.
func actFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "dry-run", Aliases: []string{"n"}, Usage: "only show what would be done, as plan does"},
		&cli.BoolFlag{Name: "yes", Aliases: []string{"y"}, Usage: "do not ask"},
		&cli.StringFlag{Name: "canary", Usage: "do the first `N` rows of each target, then ask whether to go on; halt where nobody can be asked"},
		&cli.StringFlag{Name: "report", Usage: "write a report of the run, an HTML page, to `FILE`"},
		&cli.StringFlag{Name: "max-duration", Usage: "begin no row after `TIME`, such as 2h"},
	}
}

// beginFlags say which run is meant, for commands that begin one or go on.
func beginFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "resume", Usage: "say that going on with an unfinished run is meant"},
		&cli.BoolFlag{Name: "new", Usage: "begin afresh even where the same rows have an unfinished run"},
	}
}

// workOptions are the flags, read.
type workOptions struct {
	table  table.Options
	output string
	format table.Format
	report string // where the report goes
	// corrected is where a copy of a table that is refused goes.
	corrected string
	json      bool

	dryRun, offline, yes, resume, fresh, resendUnknown, revokeKeys bool

	keepKeys bool // --revoke-keys=false, in so many words

	expect      int         // -1: anything
	limit       int         // 0: all
	canary      int         // 0: none
	links       *links.File // nil: none
	linksTo     []string    // its readers, as they were given
	only        []string
	except      []string
	maxDuration time.Duration // 0: none
	overrides   []string      // what the person insisted on, for the audit
}

// options reads the flags and lays those that are settings over cfg.
func options(ctx *cli.Context, cfg *config.Config) (workOptions, error) {
	o := workOptions{
		output: ctx.String("output"), report: ctx.String("report"), json: ctx.Bool("json"),
		dryRun: ctx.Bool("dry-run"), offline: ctx.Bool("offline"), yes: ctx.Bool("yes"),
		resume: ctx.Bool("resume"), fresh: ctx.Bool("new"), resendUnknown: ctx.Bool("resend-unknown"), revokeKeys: ctx.Bool("revoke-keys"), expect: -1,
		keepKeys: ctx.IsSet("revoke-keys") && !ctx.Bool("revoke-keys"),
	}
	if o.keepKeys {
		o.overrides = append(o.overrides, keysKept)
	}
	for _, flag := range []string{"yes", "new", "resend-unknown", "revoke-keys", "cooldown", "max-failures", "rate", "concurrency"} {
		if ctx.IsSet(flag) && ctx.Value(flag) != false {
			o.overrides = append(o.overrides, "--"+flag)
		}
	}
	o.table = table.Options{Targets: cfg.Names(), DefaultAction: resetter.Action(ctx.String("action"))}

	switch f := ctx.String("input-format"); f {
	case "", "csv", "ndjson", "xlsx":
		o.table.Format = table.Format(f)
	default:
		return o, usage("--input-format is csv, ndjson or xlsx, not %q%s", f, near.Hint(f, []string{"csv", "ndjson", "xlsx"}))
	}
	o.table.Map, o.table.Delimiter = ctx.StringSlice("map"), ctx.String("delimiter")
	o.table.Encoding, o.table.Sheet = ctx.String("encoding"), ctx.String("sheet")
	o.corrected = ctx.String("corrected")
	o.table.KeepRefused = o.corrected != ""
	var err error
	if o.format, err = table.FormatFor(o.output, table.Format(ctx.String("format"))); err != nil {
		return o, usage("%v", err)
	}
	switch {
	case o.format != "" && ctx.String("format") != "" && o.output == "":
		return o, usage("--format is for the file of -o; to see results on the terminal: -o - --format table")
	case o.report != "" && o.dryRun:
		return o, usage("--report tells of a run, and --dry-run is none; -o FILE writes what would be done")
	case o.report == "-" && (o.json || o.output == "-"), o.report != "" && o.output != "" && samePlace(o.report, o.output):
		return o, usage("--report wants a file of its own")
	case o.json && o.output == "-":
		return o, usage("--json and -o - both want stdout; give -o a file")
	case o.resendUnknown && o.fresh:
		return o, usage("--resend-unknown is about a run that is there, and --new begins another; leave one of them out")
	case o.resume && o.fresh:
		return o, usage("--resume and --new contradict each other")
	}
	for flag, names := range map[string]*[]string{"target": &o.table.DefaultTargets, "only": &o.only, "except": &o.except} {
		if *names, err = list(ctx.StringSlice(flag)); err != nil {
			return o, usage("--%s: %v", flag, err)
		}
		for i, name := range *names {
			name = strings.ToLower(name) // as in the cells of a table
			(*names)[i] = name
			if cfg.Target(name) == nil && !(flag == "target" && name == "all") {
				return o, usage("--%s: %s", flag, noTarget(name, cfg.Names()))
			}
		}
	}
	for _, name := range o.only {
		if slices.Contains(o.except, name) {
			return o, usage("--only and --except contradict each other about %s", name)
		}
	}
	if o.expect, err = number(ctx, "expect", 0, -1); err != nil {
		return o, err
	}
	if o.limit, err = number(ctx, "limit", 1, 0); err != nil {
		return o, err
	}
	if o.canary, err = number(ctx, "canary", 1, 0); err != nil {
		return o, err
	}
	o.linksTo = ctx.StringSlice("links-to")
	if o.links, err = linksOf(ctx); err != nil {
		return o, err
	}
	if v := ctx.String("max-duration"); v != "" {
		if o.maxDuration, err = config.ParseDuration(v); err != nil || o.maxDuration == 0 {
			return o, usage("--max-duration is a time such as 30s, 15m or 2h, not %q", v)
		}
	}
	if v := ctx.String("max-failures"); v != "" {
		if cfg.Guards.MaxFailures, err = config.ParseMaxFailures(v); err != nil {
			return o, usage("--max-failures: %v", err)
		}
	}
	return o, override(ctx, cfg)
}

// override lays the flags that are settings of targets over cfg.
func override(ctx *cli.Context, cfg *config.Config) error {
	for _, key := range []string{"rate", "concurrency"} {
		seen := make(map[string]bool)
		for _, v := range ctx.StringSlice(key) {
			name, value, ok := strings.Cut(v, "=")
			if !ok || name == "" || value == "" {
				return usage("--%s is TARGET=VALUE, not %q", key, v)
			}
			if name = strings.ToLower(name); cfg.Target(name) == nil {
				return usage("--%s: %s", key, noTarget(name, cfg.Names()))
			}
			if seen[name] {
				return usage("--%s is given twice for %s", key, name)
			}
			seen[name] = true
			if err := cfg.Override(name, key, value, "--"+key); err != nil {
				return &exit{exitUsage, err} // which names the flag
			}
		}
	}
	if v := ctx.String("cooldown"); v != "" {
		if err := cfg.Override("", "cooldown", v, "--cooldown"); err != nil {
			return &exit{exitUsage, err}
		}
	}
	return nil
}

// list splits "a,b", in which a quoted comma does not split.
func list(values []string) ([]string, error) {
	var out []string
	for _, v := range values {
		before := len(out)
		r := csv.NewReader(strings.NewReader(v))
		r.TrimLeadingSpace = true
		fields, err := r.Read()
		if err != nil {
			return nil, err
		}
		for _, f := range fields {
			if f = strings.TrimSpace(f); f != "" {
				out = append(out, f)
			}
		}
		if len(out) == before {
			return nil, fmt.Errorf("%q names nothing", v)
		}
	}
	return out, nil
}

func number(ctx *cli.Context, flag string, least, absent int) (int, error) {
	v := ctx.String(flag)
	if v == "" {
		return absent, nil
	}
	n := 0
	for _, digit := range v {
		if digit < '0' || digit > '9' || n > 100_000_000 {
			return 0, usage("--%s is a whole number from %d, not %q", flag, least, v)
		}
		n = n*10 + int(digit-'0')
	}
	if n < least {
		return 0, usage("--%s is a whole number from %d, not %q", flag, least, v)
	}
	return n, nil
}

// noTarget says that none of those configured is called so.
func noTarget(name string, configured []string) string {
	return fmt.Sprintf("there is no target %q%s (configured: %s)", name, near.Hint(name, configured), orNone(configured))
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none (set RESETCTL_<TARGET>_URL and what signs in, or write a configuration file)"
	}
	return strings.Join(names, ", ")
}
