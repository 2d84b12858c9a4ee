package report

import (
	"fmt"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/bulk"
)

// What an outcome is to the reader: a sign that needs no colour, and what it
// means.
type sign struct{ Mark, Means string }

var signs = map[bulk.Outcome]sign{
	bulk.Done:    {"✓", "the system accepted it, or it was so already"},
	bulk.Skipped: {"–", "left out on purpose"},
	bulk.Failed:  {"✕", "certainly not done"},
	bulk.Unknown: {"?", "it may have been done; it is not repeated by itself"},
	bulk.Pending: {"…", "not done yet; going on does it"},
}

// What a reason means, and what to do about it; nothing where Fix is empty.
type meaning struct{ Means, Fix string }

var meanings = map[bulk.Reason]meaning{
	bulk.Accepted:  {"The system accepted it. That is no proof that a mail arrived: only the person can say.", ""},
	bulk.Confirmed: {"It was in doubt at first; then the system, or the operator, showed that it was done.", ""},
	bulk.Already:   {"It was so before, and nothing was written.", ""},

	bulk.Duplicate: {"An earlier row of the run does the same to the same account.", ""},
	bulk.Cooldown:  {"The account was mailed a short while ago.", "If that mail did not arrive, run these rows again after the cool-down."},
	bulk.Excluded:  {"A guard, the choice of targets or the account that the tool signs in with left it out.", "If it should not have been left out, change the guard or the choice and run these rows again."},

	reason(resetter.ErrNotFound):     {"No account there has this name or address.", "Have the account made, then take these rows again; or correct it in a table of these rows alone (resetctl show with --outcome failed -o writes it) and run that with --new."},
	reason(resetter.ErrAmbiguous):    {"Several accounts have this name or address.", "Say which one with the system's own id, in a column user_id of a table of these rows alone, and run that with --new."},
	reason(resetter.ErrIneligible):   {"The account exists, but a reset would do nothing for it.", "Have an administrator of the system change that, or leave these people out."},
	reason(resetter.ErrInvalid):      {"The system found the request malformed.", "Correct what it complains of in a table of these rows alone and run that with --new."},
	reason(resetter.ErrUnauthorized): {"The system refused the sign-in.", "Renew the target's credentials (resetctl check tells whether they work), then take these rows again."},
	reason(resetter.ErrForbidden):    {"The account that signs in has no right to do this.", "Give it that right in the system (resetctl check tells whether it has it), then take these rows again."},
	reason(resetter.ErrRejected):     {"The system refused it.", "Remove what it complains of, then take these rows again."},
	reason(resetter.ErrUnsupported):  {"The system has no such action.", "Do it by hand in the system."},
	reason(resetter.ErrRateLimited):  {"The system turned us away for longer than we wait.", "Take these rows again later, or at a lower rate."},
	reason(resetter.ErrUnavailable):  {"The system could not be reached or gave no usable answer.", "Check the network and the system's address, then take these rows again."},

	reason(resetter.ErrLostAnswer):       {"The request was written and no answer came.", askThem},
	reason(resetter.ErrServerError):      {"Something broke at the system, or on the way to it, after the request had left.", askThem},
	reason(resetter.ErrUnreadableAnswer): {"An answer came that nobody can make sense of.", askThem},
	reason(resetter.ErrInterrupted):      {"The command ended between the request and its answer.", askThem},

	bulk.NotStarted: {"Its turn has not come.", "Go on with the run."},
	bulk.Halted:     {"Its target was stopped, or a guard halted the run.", "Remove the cause, then go on with the run."},
	bulk.Deferred:   {"The system wants a pause for this person.", "Go on with the run after that."},
}

const askThem = "Ask these people, or look in the system, before anybody repeats it."

const doAgain = "It mails nobody, so have it done once more: what is so already is read first."

// meaningOf is what a reason means of an action that mails people, or of one
// that mails nobody.
func meaningOf(r bulk.Reason, mails bool) meaning {
	m := meanings[r]
	switch {
	case mails:
	case r == bulk.Accepted:
		m.Means = "The system accepted it."
	case r == reason(resetter.ErrIneligible):
		m.Means = "The account exists, but this cannot be done to it."
	case m.Fix == askThem:
		m.Fix = doAgain
	}
	return m
}

func reason(k resetter.Kind) bulk.Reason { return bulk.Reason(k) }

// exits says the exit codes in words.
var exits = map[int]string{
	0:   "nothing failed, nothing is in doubt and nothing is left",
	1:   "an unexpected error ended it",
	2:   "the usage or the configuration was refused",
	3:   "the input was refused; nothing was sent",
	4:   "a target could not be worked with; nothing was sent anywhere",
	5:   "some rows failed",
	6:   "some rows are unknown",
	7:   "a guard halted it",
	8:   "work is left",
	9:   "another process was at work",
	130: "Ctrl-C ended it",
	143: "a signal ended it",
}

func exitWords(code int) string {
	switch words := exits[code]; {
	case code < 0:
		return "not known"
	case words == "":
		return fmt.Sprint(code)
	default:
		return fmt.Sprintf("%d: %s", code, words)
	}
}

// verdict is the run in one sentence.
func verdict(c bulk.Counts) string {
	all := 0
	for _, n := range c {
		all += n
	}
	switch {
	case all == 0:
		return "There was nothing to do."
	case c[bulk.Done] == all:
		return fmt.Sprintf("All %s done.", areRows(all))
	}
	text := fmt.Sprintf("%s of %s done", number(c[bulk.Done]), areRows(all))
	for _, part := range []struct {
		outcome   bulk.Outcome
		one, many string
	}{
		{bulk.Failed, "failed", "failed"},
		{bulk.Unknown, "is unknown", "are unknown"},
		{bulk.Pending, "is pending", "are pending"},
		{bulk.Skipped, "was skipped", "were skipped"},
	} {
		switch n := c[part.outcome]; n {
		case 0:
		case 1:
			text += ", 1 " + part.one
		default:
			text += fmt.Sprintf(", %s %s", number(n), part.many)
		}
	}
	return text + "."
}

func areRows(n int) string {
	if n == 1 {
		return "1 row is"
	}
	return number(n) + " rows are"
}

// A step is something left to do.
type step struct {
	Outcome bulk.Outcome
	Mark    string
	Count   int
	Text    string
	Command string // may be empty
}

// steps says what is left to do for which rows. What going on may settle by
// itself comes first. Of the rows in doubt, so many are of actions that mail
// nobody; again is the command that does them once more.
func steps(c bulk.Counts, next map[bulk.Outcome]string, unmailed int, again string) (list []step) {
	resets := c[bulk.Unknown] - unmailed
	safe := "of actions that mail nobody: each may have been done in part or in whole. To do them once more is safe, since what is so already is read first."
	if resets > 0 { // which the command would send, too
		safe += " Settle the resets above before that."
	}
	for _, s := range []step{
		{Outcome: bulk.Pending, Count: c[bulk.Pending], Command: next[bulk.Pending], Text: "not done yet. Go on with the run; what is done is not repeated."},
		{Outcome: bulk.Unknown, Count: resets, Command: next[bulk.Unknown], Text: "in doubt: the request left and no answer says what came of it, so the mail may have gone out. They are not sent again by themselves. Ask these people, or look in the system."},
		{Outcome: bulk.Unknown, Count: unmailed, Command: again, Text: safe},
		{Outcome: bulk.Failed, Count: c[bulk.Failed], Command: next[bulk.Failed], Text: "certainly not done. Fix the causes below, then take these rows again."},
	} {
		if s.Count > 0 {
			s.Mark = signs[s.Outcome].Mark
			list = append(list, s)
		}
	}
	return list
}
