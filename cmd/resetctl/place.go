package main

import (
	"slices"
	"strings"
)

// A place is the flags that say where the configuration and the ledger are.
// Every command that is printed for people to copy is made by it, so that it
// finds both again.
type place []string

// place is that of the command line.
func (c *command) place() (p place) {
	for i, arg := range c.arranged {
		switch name, _, _ := strings.Cut(arg, "="); {
		case name == "--config", name == "--state":
			p = append(p, quoted(arg))
		case i > 0 && !strings.HasPrefix(arg, "--"):
			return p // the command, which the global flags stand before
		}
	}
	return p
}

// command is resetctl with these words, which are fit for a shell.
func (p place) command(words ...string) string {
	return strings.Join(append(append([]string{"resetctl"}, words...), p...), " ")
}

// command is one about this run.
func (j *job) command(name string, flags ...string) string {
	return j.place.command(append([]string{name, j.run.ID()}, flags...)...)
}

// resuming is the command that goes on with this run as the flags say, and
// hands over links where this one does.
func (j *job) resuming(flags ...string) string {
	return j.command("resume", slices.Concat(flags, j.options.linksFlags())...)
}

// linksFlags are --links and --links-to as they were given.
func (o workOptions) linksFlags() (flags []string) {
	if o.links == nil {
		return nil
	}
	flags = append(flags, quoted("--links="+o.links.Path))
	for _, to := range o.linksTo {
		flags = append(flags, quoted("--links-to="+to))
	}
	return flags
}
