package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/near"
	"github.com/seed57652884/resetctl/cmd/resetctl/internal/ui"
	"github.com/urfave/cli/v2"
)

// A topic is a page of help that belongs to no single command.
type topic struct {
	name, about string
	page        func(*cli.App) string
}

// topics lists the pages, but for that of the configuration, which is the help
// on the command config.
func topics() []topic {
	return append([]topic{
		{"csv", "what a table of people looks like", csvPage},
		{"environment", "the variables that are read", environmentPage},
		{"exit-codes", "what the exit code says", exitCodesPage},
		{"outcomes", "what can become of a row, and what to do", outcomesPage},
	}, systemTopics()...)
}

func (c *command) helpCommand() *cli.Command {
	return &cli.Command{
		Name: "help", Usage: "help on a command or on a topic", ArgsUsage: "[COMMAND|TOPIC]",
		UsageText: `resetctl help run
resetctl help csv      one of the topics that resetctl help lists`,
		Action: func(ctx *cli.Context) error {
			name := ctx.Args().First() // arrange lets only one pass, and only if it is known
			for _, t := range topics() {
				if t.name == name {
					return c.io.Print(t.page(ctx.App))
				}
			}
			if name == "" {
				return cli.ShowAppHelp(ctx)
			}
			return cli.ShowCommandHelp(ctx, name)
		},
	}
}

// helpOn says what is wrong with wanting help on these words; nil if nothing is.
func helpOn(app *cli.App, words []string) error {
	if len(words) == 0 {
		return nil
	}
	if len(words) > 1 {
		return usage("help is on one command or topic at a time")
	}
	names := commandNames(app)
	for _, t := range topics() {
		names = append(names, t.name)
	}
	if slices.Contains(names, words[0]) {
		return nil
	}
	return usage("there is no help on %q%s", words[0], cmp.Or(near.Hint(words[0], names), "; resetctl help lists the commands and topics"))
}

func commandNames(app *cli.App) []string {
	var names []string
	for _, c := range app.Commands {
		names = append(names, c.Name)
	}
	return names
}

// dress gives the library's help our own touch: examples first, since UsageText
// holds them, then what there is to read besides.
func dress(app *cli.App) {
	list := [][2]string{{"config", "the configuration file"}}
	for _, t := range topics() {
		list = append(list, [2]string{t.name, t.about})
	}
	slices.SortFunc(list, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
	app.CustomAppHelpTemplate = cli.AppHelpTemplate + "\nTOPICS (resetctl help TOPIC):\n" + listing(list)

	app.Flags = append(app.Flags, cli.HelpFlag) // as the library does where there is no help command
	var global []string
	for _, f := range app.Flags {
		global = append(global, "--"+f.Names()[0])
	}
	for _, command := range app.Commands {
		command.HideHelpCommand = true // a file may be called help
		command.CustomHelpTemplate = cli.CommandHelpTemplate +
			"\nGLOBAL OPTIONS (see resetctl --help):\n" + filled("   ", "   ", strings.Join(global, " "))
		plainSwitches(command.Flags)
	}
	plainSwitches(app.Flags)
}

// plainSwitches has help not say of each switch that it is off by default.
func plainSwitches(flags []cli.Flag) {
	for _, f := range flags {
		if b, ok := f.(*cli.BoolFlag); ok {
			b.DisableDefaultText = true
		}
	}
}

// pageWidth is how wide a page of help is at the most.
const pageWidth = 80

// listing sets words in a column, each with its explanation beside it.
func listing(rows [][2]string) string {
	wide := 0
	for _, r := range rows {
		wide = max(wide, ui.Width(r[0]))
	}
	indent := strings.Repeat(" ", 3+wide+2)
	var b strings.Builder
	for _, r := range rows {
		first := fmt.Sprintf("   %s%s", r[0], strings.Repeat(" ", wide-ui.Width(r[0])+2))
		b.WriteString(filled(first, indent, r[1]))
	}
	return b.String()
}

// filled breaks text into lines, the first after first, the others after indent.
func filled(first, indent, text string) string {
	var b strings.Builder
	line, empty := first, true
	for _, word := range strings.Fields(text) {
		if !empty && ui.Width(line)+1+ui.Width(word) > pageWidth {
			b.WriteString(line + "\n")
			line, empty = indent, true
		}
		if !empty {
			line += " "
		}
		line += word
		empty = false
	}
	return b.String() + strings.TrimRight(line, " ") + "\n"
}
