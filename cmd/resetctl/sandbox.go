package main

import (
	"context"
	"encoding/csv"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/table"
	"github.com/seed57652884/resetctl/cmd/resetctl/internal/ui"
	"github.com/seed57652884/resetctl/resetter/sandbox"
	"github.com/urfave/cli/v2"
)

func (c *command) sandboxCommand() *cli.Command {
	return &cli.Command{
		Name: "sandbox", Usage: "serve the three systems on this machine, to practise on",
		UsageText: `resetctl sandbox --people-file practice.csv

Prints the environment that leads resetctl to the servers and to a state folder
for practice, and then each mail that they send. Stop it with Ctrl-C: the folder
is removed then, unless --state names another.`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "people", Value: "20", Usage: "`NUMBER` of made-up people on each system"},
			&cli.StringFlag{Name: "people-file", Usage: "write these people as a table to `FILE`"},
			&cli.BoolFlag{Name: "json", Usage: "print the environment as one JSON object"},
		},
		Action: c.sandbox,
	}
}

func (c *command) sandbox(ctx *cli.Context) error {
	if ctx.NArg() > 0 {
		return usage("sandbox takes no arguments")
	}
	people, err := number(ctx, "people", 1, 1)
	if err != nil {
		return err
	}
	if path := ctx.String("people-file"); path != "" {
		if _, err := os.Lstat(path); err == nil {
			return usage("--people-file: %s is there already, and made-up people are not worth it; name another file", path)
		}
		if err := writePeople(path, sandbox.People(people), "all"); err != nil {
			return &exit{exitUsage, err}
		}
	}
	state, leave, err := practiceState(ctx.String("state"))
	if err != nil {
		return err
	}
	defer leave()
	stage := c.play(people, func(system string, m sandbox.Mail) {
		c.io.Note("mail to %s: %s, from %s", m.To, m.Kind, system)
	})
	defer stage.close()
	stage.env["RESETCTL_STATE"] = state
	if ctx.Bool("json") {
		err = (&job{io: c.io}).printObject(stage.env)
	} else {
		var b strings.Builder
		for _, name := range slices.Sorted(maps.Keys(stage.env)) {
			fmt.Fprintf(&b, "export %s=%s\n", name, quoted(stage.env[name]))
		}
		err = c.io.Print(b.String())
	}
	if err != nil {
		return err
	}
	c.io.Note("serving %d people on each system until Ctrl-C", people)
	<-ctx.Context.Done()
	return context.Cause(ctx.Context)
}

// practiceState is a state folder for practice, or the one that is given, and
// what is to be done with it in the end. The made-up people have the ids of real
// ones: in the ledger of these they would count as mailed a short while ago.
func practiceState(given string) (folder string, leave func(), err error) {
	if given != "" {
		folder, err = filepath.Abs(given) // for a terminal that is elsewhere
		return folder, func() {}, err
	}
	if folder, err = os.MkdirTemp("", "resetctl-practice-"); err != nil {
		return "", nil, err
	}
	return folder, func() { _ = os.RemoveAll(folder) }, nil
}

// A stage is the test servers of all systems, running.
type stage struct {
	servers map[string]*sandbox.Server // by system
	env     map[string]string          // leads the command to them
}

func (c *command) play(people int, mailed func(system string, m sandbox.Mail)) *stage {
	s := &stage{servers: make(map[string]*sandbox.Server), env: make(map[string]string)}
	for _, d := range drivers() {
		server, settings := d.play(people, sandbox.Config{OnMail: func(m sandbox.Mail) { mailed(d.Name, m) }})
		s.servers[d.Name] = server
		for key, value := range settings {
			s.env["RESETCTL_"+strings.ToUpper(d.Name+"_"+key)] = value
		}
	}
	return s
}

func (s *stage) close() {
	for _, server := range s.servers {
		server.Close()
	}
}

// writePeople writes a table of people, all for the same target.
func writePeople(path string, people []sandbox.Person, target string) error {
	out, err := table.Create(context.Background(), path, new(ui.IO))
	if err != nil {
		return err
	}
	defer out.Abort()
	w := csv.NewWriter(out)
	_ = w.Write([]string{"name", "email", "target"})
	for _, p := range people {
		_ = w.Write([]string{p.FirstName + " " + p.LastName, p.Email, target})
	}
	w.Flush()
	if err := w.Error(); err != nil {
		return err
	}
	return out.Commit()
}
