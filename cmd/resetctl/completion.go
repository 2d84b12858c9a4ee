package main

import (
	"cmp"
	"embed"
	"io"
	"slices"
	"strings"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/near"
	"github.com/urfave/cli/v2"
)

// The shells' parts are small: each hands the words of the line to
// "resetctl __complete" and shows what that answers, see complete.go.
//
//go:embed completion
var completionScripts embed.FS

// shells are those that there is a script for, with its file's ending.
var shells = [][2]string{{"bash", "bash"}, {"zsh", "zsh"}, {"fish", "fish"}, {"powershell", "ps1"}}

func shellNames() []string {
	var names []string
	for _, s := range shells {
		names = append(names, s[0])
	}
	return names
}

func (c *command) completionCommand() *cli.Command {
	return &cli.Command{
		Name: "completion", Usage: "have the shell complete commands, flags, targets and runs", ArgsUsage: "SHELL",
		UsageText: `resetctl completion bash > /etc/bash_completion.d/resetctl
source <(resetctl completion bash)                          in ~/.bashrc
source <(resetctl completion zsh)                           in ~/.zshrc, below compinit
resetctl completion fish > ~/.config/fish/completions/resetctl.fish
resetctl completion powershell | Out-String | Invoke-Expression    in $PROFILE

Targets are those of the configuration and runs those of the ledger. Nobody is
signed in to.`,
		Action: func(ctx *cli.Context) error {
			name, err := onlyArgument(ctx, "SHELL")
			if err != nil {
				return err
			}
			i := slices.IndexFunc(shells, func(s [2]string) bool { return s[0] == name })
			if i < 0 {
				return usage("there is no completion for %q%s", name, cmp.Or(near.Hint(name, shellNames()), "; there is one for "+strings.Join(shellNames(), ", ")))
			}
			script, err := completionScripts.ReadFile("completion/resetctl." + shells[i][1])
			if err != nil {
				return err
			}
			_, err = io.WriteString(c.io.Out, string(script)) // Print would make blanks of tabs
			return err
		},
	}
}
