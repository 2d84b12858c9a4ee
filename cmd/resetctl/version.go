package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/urfave/cli/v2"
)

func (c *command) versionCommand() *cli.Command {
	return &cli.Command{
		Name: "version", Usage: "say which release this is",
		Action: func(ctx *cli.Context) error {
			if ctx.NArg() > 0 {
				return usage("version takes no arguments")
			}
			return c.io.Print(fmt.Sprintf("resetctl %s (%s, %s/%s)\n", release(), runtime.Version(), runtime.GOOS, runtime.GOARCH))
		},
	}
}

// release is the version that the binary was built from, as far as it knows.
func release() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "development"
	}
	return info.Main.Version
}
