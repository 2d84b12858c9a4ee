package main

import (
	"slices"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/table"
	"github.com/urfave/cli/v2"
)

func (c *command) resetCommand() *cli.Command {
	return &cli.Command{
		Name: "reset", Usage: "the same for people named here", ArgsUsage: "PERSON…",
		UsageText: `resetctl reset ana@example.com --target looker
resetctl reset ana@example.com bo@example.com --target all --yes

A person is an e-mail address, a user name, or a system's own id as id:123.`,
		Flags: slices.Concat(actFlags(), linksFlags(), beginFlags(), rowFlags(), workFlags()),
		Action: func(ctx *cli.Context) error {
			if ctx.NArg() == 0 {
				return usage("PERSON is missing; see resetctl reset --help")
			}
			j, err := c.job(ctx)
			if err != nil {
				return err
			}
			if len(j.options.table.DefaultTargets) == 0 {
				return usage("--target is missing; configured are: %s", orNone(j.config.Names()))
			}
			return j.do(ctx.Context, func(o table.Options) (*table.Reader, error) {
				return table.People(ctx.Args().Slice(), o)
			})
		},
	}
}
