package bulk

import (
	"context"
	"errors"
	"fmt"

	"github.com/seed57652884/resetctl/resetter"
)

// What is known of the actions is here and nowhere else: which capability each
// takes, how it is done, and what is said of it when it is done.

// Supports reports whether r can do a, by the capabilities that it has.
func Supports(r resetter.Resetter, a resetter.Action) (ok bool) {
	switch a {
	case resetter.ActionReset:
		ok = true
	case resetter.ActionForceChange:
		_, ok = r.(resetter.PasswordExpirer)
	case resetter.ActionChangeEmail:
		_, ok = r.(resetter.EmailChanger)
	case resetter.ActionLock, resetter.ActionUnlock:
		_, ok = r.(resetter.Locker)
	}
	return ok
}

func unsupported(a resetter.Action) string {
	return fmt.Sprintf("the system has no action %q, or this version cannot do it there; do it by hand", a)
}

// malformed says what is wrong with a row by itself; nil if nothing is.
func malformed(row Row) error {
	if err := row.Identity.Validate(); err != nil {
		return err
	}
	if row.Action == resetter.ActionChangeEmail {
		if err := resetter.Email(row.NewEmail).Validate(); err != nil {
			return fmt.Errorf("the new address: %w", err)
		}
	}
	return nil
}

// perform does row's action on account.
func (e *Engine) perform(ctx context.Context, r resetter.Resetter, row Row, account resetter.Account) (resetter.Receipt, error) {
	if Supports(r, row.Action) {
		switch row.Action {
		case resetter.ActionReset:
			return r.Reset(ctx, account)
		case resetter.ActionForceChange:
			return r.(resetter.PasswordExpirer).ForceChange(ctx, account)
		case resetter.ActionChangeEmail:
			return r.(resetter.EmailChanger).ChangeEmail(ctx, account, row.NewEmail)
		case resetter.ActionLock:
			return r.(resetter.Locker).Lock(ctx, account, e.Lock)
		case resetter.ActionUnlock:
			return r.(resetter.Locker).Unlock(ctx, account)
		}
	}
	return resetter.Receipt{}, errors.New(unsupported(row.Action))
}

// accepted is the result of a row that the system took.
func accepted(r Result, receipt resetter.Receipt, status resetter.Status) Result {
	r.Outcome, r.Reason, r.Status = Done, Accepted, receipt.Status
	if r.Row.Action.Mails() {
		r.Attempts = max(r.Attempts, receipt.Attempts)
	} else { // which no intent has counted
		r.Attempts += receipt.Attempts
	}
	switch r.Row.Action {
	case resetter.ActionForceChange:
		r.Detail = "done; a new password is demanded at the next sign-in"
	case resetter.ActionChangeEmail:
		r.Detail = "done; the address is " + r.Row.NewEmail + " now"
	case resetter.ActionLock:
		r.Detail = "done; nobody signs in with the account any more"
	case resetter.ActionUnlock:
		r.Detail = "done; the account may sign in again"
	default:
		r.Attempts, r.Detail = max(r.Attempts, 1), mailed(r.Account, receipt, status)
	}
	if receipt.Note != "" {
		r.Detail += ": " + receipt.Note
	}
	if receipt.Already {
		r.Reason, r.Detail = Already, "it was so already; nothing was changed"
	}
	return finished(r)
}

// mailed says what an accepted reset means for the person.
func mailed(account resetter.Account, receipt resetter.Receipt, status resetter.Status) string {
	to := account.Email
	switch told := receipt.MailedTo; {
	case to == "":
		to = told
	case told != "" && !resetter.SameEmail(told, to):
		to = told + ", which the account has by now instead of " + to
	}
	switch {
	case status.Mailer == resetter.MailerAbsent && receipt.Link.IsZero():
		return "accepted, but the system has no mailer and gave no link: hand the person one by hand"
	case status.Mailer == resetter.MailerAbsent:
		return "accepted; the system has no mailer, so hand over the link"
	case receipt.SetupMail:
		return "accepted; a set-up mail goes to " + to + ", since by all that can be seen the account was never set up"
	default:
		return "accepted; a reset mail goes to " + to
	}
}
