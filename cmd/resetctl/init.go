package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/config"
	"github.com/seed57652884/resetctl/cmd/resetctl/internal/ui"
	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/transport"
	"github.com/urfave/cli/v2"
)

func (c *command) initCommand() *cli.Command {
	return &cli.Command{
		Name: "init", Usage: "write a configuration file, with comments",
		UsageText: `resetctl init               asks which systems there are, where there is a terminal
resetctl init --no-input    writes a template to fill in
resetctl init --config resetctl.yaml --force

It is written where it is looked for (resetctl help config), readable by you
alone. A file that is there already is replaced only with --force, or when you
say so. The secret itself is never written into it.`,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "force", Usage: "replace a file that is there already"},
		},
		Action: c.init,
	}
}

func (c *command) init(ctx *cli.Context) error {
	if ctx.NArg() > 0 {
		return usage("init takes no arguments; to write another file: --config FILE")
	}
	path, _ := config.Path(c.source(ctx.String("config"), ""))
	if path == "" {
		return usage("there is no home folder to write a configuration in; name a file with --config FILE")
	}
	replace, err := c.mayReplace(ctx.Context, path, ctx.Bool("force"))
	if err != nil {
		return err
	}
	answers := map[string]map[string]string{}
	if c.io.CanAsk() {
		answers, err = c.interview(ctx.Context)
		if errors.Is(err, ui.ErrNoAnswer) {
			return usage("%v; nothing was written", err)
		}
		if err != nil {
			return err
		}
	}
	if err := writeConfig(path, configText(answers), replace); err != nil {
		return err
	}
	check := c.place().command("check")
	c.io.Note("%s is written, readable by you alone", path)
	if len(answers) == 0 {
		c.io.Note("fill in the systems that there are, and then see whether all is well: %s", check)
	} else {
		c.io.Note("now see whether all is well: %s", check)
	}
	return nil
}

// mayReplace reports whether there is a file at path that may be replaced. It is
// an error that there is something that may not.
func (c *command) mayReplace(ctx context.Context, path string, force bool) (bool, error) {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, &exit{exitUsage, err}
	case info.Mode()&fs.ModeSymlink != 0:
		return false, usage("%s is a symbolic link; name the file itself with --config FILE", path)
	case !info.Mode().IsRegular():
		return false, usage("%s is there already, and is no file; name another with --config FILE", path)
	case force:
		return true, nil
	case !c.io.CanAsk():
		return false, usage("%s is there already; --force replaces it", path)
	}
	yes, err := c.io.Confirm(ctx, path+" is there already. Replace it?")
	if err == nil && !yes {
		err = &exit{exitUsage, errors.New("nothing was written")}
	}
	return yes, err
}

// interview asks, system by system, for the keys that a target needs. What it
// returns holds, by system, their values; a secret only as a reference.
func (c *command) interview(ctx context.Context) (map[string]map[string]string, error) {
	answers := make(map[string]map[string]string)
	for _, s := range kinds() {
		// Not Confirm, which takes the end of the input for a no.
		yes, err := c.io.YesOrNo(ctx, fmt.Sprintf("Is there a system %s to work with?", s.Name))
		if err != nil {
			return nil, err
		}
		if !yes {
			continue
		}
		values := make(map[string]string)
		for _, k := range s.AllKeys() {
			if !k.Required {
				continue
			}
			if k.Secret {
				values[k.Name], err = c.askForReference(ctx, s, k)
			} else {
				values[k.Name], err = c.askFor(ctx, k)
			}
			if err != nil {
				return nil, err
			}
		}
		answers[s.Name] = values
	}
	return answers, nil
}

func (c *command) askFor(ctx context.Context, k config.Key) (string, error) {
	for {
		answer, err := c.io.Ask(ctx, fmt.Sprintf("  %s (%s)", k.Name, k.About), "")
		if err != nil {
			return "", err
		}
		if k.Name == "url" {
			if err = config.CheckURL(answer); err == nil {
				_, err = transport.New(transport.System{}, answer) // which refuses what crosses the network readable
			}
		} else if answer == "" {
			err = errors.New("it is needed")
		}
		if err == nil {
			return answer, nil
		}
		c.io.Tell("  %v", err)
	}
}

// askForReference asks where a secret is to be had, and for the secret only to
// put it into the keyring.
func (c *command) askForReference(ctx context.Context, s config.System, k config.Key) (string, error) {
	for {
		ref, err := c.io.Ask(ctx, fmt.Sprintf("  %s (%s): where is it? env:NAME, file:PATH, keyring:SERVICE/USER or exec:PROGRAM", k.Name, k.About),
			"env:"+strings.ToUpper(s.Name+"_"+k.Name))
		if err != nil {
			return "", err
		}
		if err := config.CheckReference(ref); err != nil {
			c.io.Tell("  %v; the secret itself is not written into the file", err)
			continue
		}
		if !strings.HasPrefix(ref, "keyring:") {
			return ref, nil
		}
		secret, err := c.io.AskHidden(ctx, "  type it to put it there now, or only Enter where it is there already")
		if err != nil {
			return "", err
		}
		if secret == "" {
			return ref, nil
		}
		if err := config.Store(ctx, ref, resetter.NewSecret(secret)); err == nil {
			return ref, nil
		} else if ctx.Err() != nil {
			return "", err
		} else {
			c.io.Tell("  %v", err)
		}
	}
}

// writeConfig writes the file beside its place, makes sure that it can be read
// back, and gives it its name. One that is there is replaced only where that is
// wanted, even if it came just now.
func writeConfig(path, text string, replace bool) error {
	folder := filepath.Dir(path)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return &exit{exitUsage, err}
	}
	f, err := os.CreateTemp(folder, ".resetctl-*.yaml") // 0600
	if err != nil {
		return &exit{exitUsage, err}
	}
	defer func() { _ = os.Remove(f.Name()) }() // gone already if all went well
	_, err = f.WriteString(text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if _, err := config.Load(config.Source{Systems: kinds(), File: f.Name(), State: folder}); err != nil {
		return usage("%s", strings.ReplaceAll(err.Error(), f.Name(), path))
	}
	if !replace {
		switch err := os.Link(f.Name(), path); {
		case err == nil:
			return nil
		case errors.Is(err, fs.ErrExist):
			return usage("%s has just come from somewhere else; --force replaces it", path)
		}
		// A file system without links.
	}
	return os.Rename(f.Name(), path)
}
