package main

import (
	"slices"

	"github.com/urfave/cli/v2"
)

func (c *command) planCommand() *cli.Command {
	return &cli.Command{
		Name: "plan", Usage: "say what run would do; sends nothing", ArgsUsage: "FILE",
		UsageText: `resetctl plan people.csv              per target: how many, who is left out
resetctl plan people.csv -o plan.csv  a line per row
resetctl plan people.csv --offline    check the file alone`,
		Flags: append(append(fileFlags(),
			&cli.BoolFlag{Name: "offline", Usage: "stay off the network and check the file alone"}), slices.Concat(linksFlags(), rowFlags(), workFlags())...),
		Action: func(ctx *cli.Context) error {
			path, err := onlyArgument(ctx, "FILE")
			if err != nil {
				return err
			}
			j, err := c.job(ctx)
			if err != nil {
				return err
			}
			j.options.dryRun = true
			if j.options.offline && (j.options.output != "" || j.options.links != nil || j.options.expect >= 0) {
				return usage("--offline checks the file alone: there is nothing to write with -o or --links, or to hold against --expect")
			}
			return j.doFile(ctx.Context, path)
		},
	}
}
