package main

import (
	"fmt"
	"strings"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/config"
	"github.com/seed57652884/resetctl/cmd/resetctl/internal/ui"
	"github.com/urfave/cli/v2"
)

func (c *command) configCommand() *cli.Command {
	return &cli.Command{
		Name: "config", Usage: "what is configured, and where each value comes from", ArgsUsage: "show",
		UsageText: `resetctl config show          every value, and who says it
resetctl config show --json

Of a secret it shows where it is to be had, and never the secret.`,
		Description: strings.TrimRight(configPage(), "\n"),
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "json", Usage: "print one JSON object on stdout"},
		},
		Action: c.showConfig,
	}
}

func (c *command) showConfig(ctx *cli.Context) error {
	switch what := ctx.Args().First(); {
	case what == "":
		return usage("say what about the configuration: %s", c.place().command("config", "show"))
	case what != "show" || ctx.NArg() > 1:
		return usage("there is no resetctl config %s, only %s", quoted(strings.Join(ctx.Args().Slice(), " ")), c.place().command("config", "show"))
	}
	cfg, err := c.config(ctx)
	if err != nil {
		return err
	}
	settings := cfg.Settings()
	if ctx.Bool("json") {
		return (&job{io: c.io}).printObject(map[string]any{"schema_version": 1, "settings": settings})
	}
	key, value := 0, 0
	for _, s := range settings {
		key, value = max(key, ui.Width(s.Key)), max(value, min(ui.Width(s.Value), 40))
	}
	var b strings.Builder
	for _, s := range settings {
		if s.Value == "" {
			s.Value = "-"
		}
		fmt.Fprintf(&b, "%s  %s  %s\n", padded(s.Key, key), padded(s.Value, value), s.From)
	}
	return c.io.Print(b.String())
}

// padded fills text up to so many cells of a terminal.
func padded(text string, cells int) string {
	return text + strings.Repeat(" ", max(0, cells-ui.Width(text)))
}

// configPage is the help on the configuration file. Its keys and defaults are
// those of the code.
func configPage() string {
	var b strings.Builder
	b.WriteString(`The file is that of --config, else of RESETCTL_CONFIG, else
resetctl/config.yaml in XDG_CONFIG_HOME or ~/.config. resetctl init writes one.
Flags go before the environment, the environment before the file, and the file
before the defaults. A key that is not known is an error.

   targets:
     looker-eu:                   # a name of your own, as --target takes it
       system: looker             # unless the name says it, as here
       url: https://example.eu.looker.com
       client_id: env:LOOKER_ID
       client_secret: keyring:resetctl/looker-eu
       rate: 5/s
   guards: {max_rows: 500, domains: [example.com], max_failures: 20%}

A SECRET is given as one of:
` + listing([][2]string{
		{"env:NAME", "that variable of the environment"},
		{"file:PATH", "the one line of that file; a relative path starts at the folder of the configuration"},
		{"keyring:SERVICE/USER", "the keyring of the desktop"},
		{"exec:PROGRAM ARGUMENTS", "what the program prints, run without a shell; only from a file that no one else can write"},
	}) + `It may stand there plainly only in a file that no one else can read (chmod 600).

EVERY TARGET has:
`)
	b.WriteString(keyListing(config.CommonKeys()))
	for _, s := range kinds() {
		fmt.Fprintf(&b, "\n%s has besides (at most %s and %d at a time unless set):\n%s",
			strings.ToUpper(s.Name), config.FormatRate(s.Rate), s.Concurrency, keyListing(s.Keys))
	}
	b.WriteString("\nGUARDS, each off unless set:\n" + keyListing(config.GuardKeys()))
	return b.String()
}

func keyListing(keys []config.Key) string {
	var list [][2]string
	for _, k := range keys {
		list = append(list, [2]string{k.Name, keyAbout(k)})
	}
	return listing(list)
}
