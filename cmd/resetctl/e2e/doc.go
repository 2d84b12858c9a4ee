// Package e2e runs the built resetctl command against a real Unleash and
// counts the mails that really arrive.
//
// Nothing here is played: the tests start PostgreSQL, two Unleash servers (one
// with a mailer, one without) and a mailbox that speaks SMTP, all on loopback
// and on free ports, make people on the servers, run the command on a CSV, and
// compare what it says with what the mailbox received. The facts that the
// Unleash client relies on are tests here too, so that a new release of the
// server that breaks one of them is noticed before a user notices.
//
// To run it, with npm and a little patience for the first installation:
//
//	E2E=1 go test ./cmd/resetctl/e2e/...
//
// Without the variable the tests skip. The servers come from npm as
// testdata/package-lock.json has them and stay in testdata/node_modules until
// the lock file changes; after that a run needs no network. (They live under
// testdata because the go command does not look there.) To try another release,
// change testdata/package.json and run npm install in that folder.
//
// E2E_LOGS names a folder for the servers' logs, for when one does not start.
package e2e
