package main

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/config"
	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/bulk"
	"github.com/urfave/cli/v2"
)

// csvPage is the topic "csv". Actions, systems and flags are those of the code.
func csvPage(app *cli.App) string {
	var actions [][2]string
	for _, a := range resetter.Actions() {
		actions = append(actions, [2]string{string(a), actionsAbout[a] + ": " + orNobody(who(a))})
	}
	var flags [][2]string
	for _, name := range []string{"input-format", "delimiter", "encoding", "sheet", "map", "target", "action", "limit", "corrected"} {
		if f, ok := named(app.Command("run").Flags, name).(cli.DocGenerationFlag); ok {
			flags = append(flags, [2]string{"--" + name, strings.ReplaceAll(f.GetUsage(), "`", "")})
		}
	}
	return `A table has a header and a line for each person:

   name,email,target
   Ana Silva,ana@example.com,looker
   Bo Chen,bo@example.com,looker;sugar

It is CSV with , ; tab or | between the cells (found by itself), a sheet of
XLSX, or NDJSON: one JSON object a line. Text is UTF-8, or UTF-16 as Excel
writes it. Values stay as they are: leading zeros are kept. The file may be -
for stdin.

COLUMNS (upper or lower case, blanks, _ and - make no difference):
` + listing(csvColumns()) + `
One of email, user_id and username has to be there. Where a row has several,
the e-mail counts, then the id, then the user name. A column that is called id
is never taken for user_id. All other columns are carried into the results.

ACTIONS:
` + listing(actions) + `
Whatever is wrong with the table is listed as FILE:LINE: COLUMN: what to do, all
at once, and then nothing is sent (exit code 3). The same account named twice
for the same action and target is done once; the later row is skipped.

FLAGS OF run AND plan ABOUT THE TABLE:
` + listing(flags)
}

// csvColumns are the columns that mean something.
func csvColumns() [][2]string {
	return [][2]string{
		{"email", "who; also called mail, e-mail, email address, work email"},
		{"user_id", "who, by the system's own id; also called userid. The row must name one target"},
		{"username", "who; also called login"},
		{"target", "where, several with ; or | between them, or all; also called system. Missing or empty: what --target says"},
		{"action", "what; missing or empty: what --action says"},
		{"new_email", "the new address, for change-email"},
	}
}

// actionsAbout says what each action does.
var actionsAbout = map[resetter.Action]string{
	resetter.ActionReset:       "mail the person a one-time link",
	resetter.ActionForceChange: "demand a new password at the next sign-in",
	resetter.ActionChangeEmail: "give the account another address",
	resetter.ActionLock:        "keep the person from signing in and end what is open",
	resetter.ActionUnlock:      "let the person sign in again",
}

// who lists the systems whose clients can do an action. Making one takes no
// network, and what it is told here is used for nothing.
func who(a resetter.Action) (systems []string) {
	for _, d := range drivers() {
		secrets := make(map[string]resetter.Secret)
		for _, k := range d.Keys {
			secrets[k.Name] = resetter.NewSecret(cmp.Or(k.Default, "x"))
		}
		client, err := d.open("https://example.com", secrets)
		if err == nil && bulk.Supports(client, a) {
			systems = append(systems, d.Name)
		}
	}
	return systems
}

func orNobody(systems []string) string {
	if len(systems) == 0 {
		return "no system in this release"
	}
	return strings.Join(systems, ", ")
}

// exitCodes are all codes that the command ends with.
var exitCodes = []struct {
	code  int
	about string
}{
	{0, "nothing failed, is unknown or is pending"},
	{exitUnexpected, "an unexpected error: ours, the disk's or the ledger's"},
	{exitUsage, "usage or configuration; nothing was sent"},
	{exitInput, "the table was refused; nothing was sent"},
	{exitTarget, "a target that is needed cannot be reached, or its login, right or mailer is refused; nothing was sent anywhere"},
	{exitFailed, "some rows failed"},
	{exitUnknown, "some rows are unknown: they may have been done"},
	{exitGuard, "halted by a guard"},
	{exitPending, "work is left: a limit, the time that was given, or a target that was stopped; the same command goes on"},
	{exitHeld, "another process holds the run or the target, or may, since the lock was lost; the message says which"},
	{130, "stopped by Ctrl-C; the same command goes on"},
	{143, "stopped by SIGTERM, or 129 since its terminal was closed; the same command goes on"},
}

func exitCodesPage(*cli.App) string {
	var list [][2]string
	for _, e := range exitCodes {
		list = append(list, [2]string{strconv.Itoa(e.code), e.about})
	}
	return `The exit code says the worst that happened. A script can go by it:

   resetctl run people.csv --yes -o results.csv
   case $? in
   0) echo "all done" ;;
   8 | 130 | 143) echo "not finished; run it again" ;;
   *) echo "look at results.csv" ;;
   esac

EXIT CODES:
` + listing(list) + `
Where several hold, it is the first of: 130 or 143, 1, 7, 8, 6, 5. The rows
themselves say more: see resetctl help outcomes.
`
}

// outcomesAbout says what each outcome means, and with which reasons.
var outcomesAbout = map[bulk.Outcome]struct {
	about   string
	reasons [][2]string
}{
	bulk.Done: {"It is done. Going on leaves it alone.", [][2]string{
		{string(bulk.Accepted), "the system took it"},
		{string(bulk.Confirmed), "it was in doubt, and reading, or the operator, found it done"},
		{string(bulk.Already), "it was so before; nothing was written"},
	}},
	bulk.Skipped: {"Left out on purpose.", [][2]string{
		{string(bulk.Duplicate), "an earlier row of the run does the same to the same account"},
		{string(bulk.Cooldown), "the account was mailed a short while ago; see --cooldown"},
		{string(bulk.Excluded), "a guard, the account that we sign in with, or --only and --except"},
	}},
	bulk.Failed: {"Certainly not done. resetctl resume RUN --retry-failed takes these rows again as they are in the run; to mend them in the table, resetctl show RUN --outcome failed -o mend.csv writes one of these rows alone, and resetctl run mend.csv --new works it.", [][2]string{
		{string(resetter.ErrNotFound), "no account has that address, id or name: correct the row"},
		{string(resetter.ErrAmbiguous), "several accounts have it: name the one by its user_id"},
		{string(resetter.ErrIneligible), "the account cannot be reset or changed: inactive, SSO only, managed elsewhere, a group, a portal user, or known by a secondary address alone"},
		{string(resetter.ErrInvalid), "the system finds the request malformed"},
		{string(resetter.ErrUnauthorized), "the sign-in was refused, or its session ended and could not be renewed"},
		{string(resetter.ErrForbidden), "signed in, but without the right to do this"},
		{string(resetter.ErrRejected), "refused for another reason, such as a conflict"},
		{string(resetter.ErrUnsupported), "the system has no such action; see resetctl help csv"},
		{string(resetter.ErrRateLimited), "turned away again and again to slow us down"},
		{string(resetter.ErrUnavailable), "the system could not be reached, or gave no usable answer"},
	}},
	bulk.Unknown: {"It may have been done, so it is never repeated by itself. resetctl reconcile reads whether somebody was mailed, or records your word; resetctl resume RUN --resend-unknown does it once more. That may mail a person twice where the action is reset. The other actions mail nobody: they may have been done in part, and to do them once more is safe, since what is so already is read first.", [][2]string{
		{string(resetter.ErrLostAnswer), "the request went out, and no answer came"},
		{string(resetter.ErrServerError), "the answer says that something broke, maybe after it was done"},
		{string(resetter.ErrUnreadableAnswer), "the answer cannot be read, or speaks of somebody else"},
		{string(resetter.ErrInterrupted), "our process ended before the answer came"},
	}},
	bulk.Pending: {"Not done yet. The same command, or resetctl resume, goes on with it.", [][2]string{
		{string(bulk.NotStarted), "its turn has not come"},
		{string(bulk.Halted), "its target was stopped, or the run by a guard"},
		{string(bulk.Deferred), "the system wants a pause for this person"},
	}},
}

func outcomesPage(*cli.App) string {
	var b strings.Builder
	b.WriteString(`Every row of the table ends in exactly one outcome. Each has a reason, and a
detail that says what happened and what to do:

   resetctl show --outcome failed,unknown
   resetctl reconcile
   resetctl resume --retry-failed
`)
	for _, o := range bulk.Outcomes() {
		fmt.Fprintf(&b, "\n%s", filled(strings.ToUpper(string(o))+": ", "   ", outcomesAbout[o].about))
		b.WriteString(listing(outcomesAbout[o].reasons))
	}
	return b.String()
}

func environmentPage(*cli.App) string {
	var b strings.Builder
	b.WriteString(`The environment alone is enough; no file is needed:

   export RESETCTL_LOOKER_URL=https://example.cloud.looker.com
   export RESETCTL_LOOKER_CLIENT_ID=...
   export RESETCTL_LOOKER_CLIENT_SECRET=file:/run/secrets/looker
   resetctl check

RESETCTL_<TARGET>_<KEY> is a key of a target. The longest key that is known
counts, and the rest is the target's name, in lower case and with - for _:
RESETCTL_LOOKER_EU_URL is the url of looker-eu. Flags go before the environment,
and the environment before the file. A name that begins with RESETCTL_ and is
not known is a warning. A secret may stand there plainly or as env:NAME,
file:PATH or keyring:SERVICE/USER.
`)
	for _, s := range kinds() {
		var list [][2]string
		for _, k := range s.Keys {
			list = append(list, [2]string{"RESETCTL_" + strings.ToUpper(s.Name+"_"+k.Name), keyAbout(k)})
		}
		fmt.Fprintf(&b, "\n%s:\n%s", strings.ToUpper(s.Name), listing(list))
	}
	var list [][2]string
	for _, k := range config.CommonKeys() {
		list = append(list, [2]string{"RESETCTL_<TARGET>_" + strings.ToUpper(k.Name), keyAbout(k)})
	}
	b.WriteString("\nEVERY TARGET:\n" + listing(list))
	b.WriteString("\nTHE COMMAND ITSELF:\n" + listing([][2]string{
		{"RESETCTL_CONFIG", "the configuration file, as --config"},
		{"RESETCTL_STATE", "the folder of the ledger, as --state"},
		{"XDG_CONFIG_HOME", "where resetctl/config.yaml is; ~/.config unless set"},
		{"XDG_STATE_HOME", "where the folder resetctl is; ~/.local/state unless set"},
		{"HTTPS_PROXY, HTTP_PROXY, NO_PROXY", "the proxy to go through"},
		{"NO_COLOR", "no colours, if it says anything; TERM=dumb means the same"},
	}))
	return b.String()
}

func keyAbout(k config.Key) string {
	switch {
	case k.Required:
		return k.About + " (needed)"
	case k.Default != "":
		return k.About + " (" + k.Default + " unless set)"
	}
	return k.About
}
