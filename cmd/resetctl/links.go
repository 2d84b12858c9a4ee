package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/links"
	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/bulk"
	"github.com/urfave/cli/v2"
)

// A handOver takes a one-time link before its row's outcome is recorded: see
// [bulk.Engine.Links].
type handOver func(ctx context.Context, r bulk.Result, link resetter.Secret) error

// linksFlags are for commands that may be handed one-time links.
func linksFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "links", Usage: "append every one-time link that a system gives to `FILE`, which only --links-to can read"},
		&cli.StringSliceFlag{Name: "links-to", Usage: "`RECIPIENT` of the links: age1…, an SSH public key, a file of such keys; or the word plain: unencrypted"},
	}
}

// linksOf reads --links and --links-to; nil where no links are wanted.
func linksOf(ctx *cli.Context) (*links.File, error) {
	path, to := ctx.String("links"), ctx.StringSlice("links-to")
	switch {
	case path == "" && len(to) == 0:
		return nil, nil
	case path == "":
		return nil, usage("--links-to says who can read one-time links, and --links FILE where they go: give both")
	case len(to) == 0:
		return nil, usage("--links needs --links-to: whoever has a link owns the account, so say who can read them (age1…, an SSH public key, a file of such keys), or the word plain")
	}
	if path == "-" {
		return nil, usage("--links - would print one-time links among everything else; name a file")
	}
	readers, err := links.ReadersOf(to)
	if err != nil {
		return nil, usage("--links-to: %v", err)
	}
	return &links.File{Path: path, Readers: readers}, nil
}

// checkLinks refuses a file that links could not go to, while nothing is done.
func (j *job) checkLinks() error {
	if j.options.links == nil {
		return nil
	}
	for flag, path := range map[string]string{"-o": j.options.output, "--report": j.options.report} {
		if samePlace(j.options.links.Path, path) {
			return usage("--links and %s both name %s; give links a file of their own", flag, path)
		}
	}
	if err := j.notInState(j.options.links.Path); err != nil {
		return err
	}
	if err := j.options.links.Check(); err != nil {
		return usage("%v", err)
	}
	return nil
}

// samePlace reports whether two names are of one file, be it there or not.
func samePlace(a, b string) bool {
	place := func(path string) string {
		folder, err := filepath.EvalSymlinks(filepath.Dir(path))
		if err != nil {
			return path // there is no such folder, so there will be no such file
		}
		if folder, err = filepath.Abs(folder); err != nil {
			return path
		}
		return filepath.Join(folder, filepath.Base(path))
	}
	return a != "" && b != "" && place(a) == place(b)
}

// handOver is what the engine hands links to; nil where none are wanted.
func (j *job) handOver() handOver {
	if j.options.links == nil && j.options.dryRun { // a plan takes none, and says who needs a place for them
		return func(context.Context, bulk.Result, resetter.Secret) error { return nil }
	}
	if j.options.links == nil {
		return nil
	}
	var keep handOver = j.keepLink
	if j.linksBetween != nil {
		keep = j.linksBetween(keep)
	}
	return keep
}

// keepLink appends a link to the file.
func (j *job) keepLink(_ context.Context, r bulk.Result, link resetter.Secret) error {
	err := j.options.links.Append(links.Link{
		Row: r.Row.Line, Target: r.Row.Target, AccountID: r.Account.ID, Email: r.Account.Email,
		Link: link.Reveal(), MadeAt: r.FinishedAt.UTC().Truncate(time.Second), RunID: j.run.ID(),
	})
	if err != nil {
		another := append([]string{"reset", quoted("id:" + r.Account.ID), "--target", quoted(r.Row.Target), "--cooldown", "0"}, j.options.linksFlags()...)
		return fmt.Errorf("%w; to have another one made: %s", err, j.place.command(another...))
	}
	return nil
}
