package looker

import (
	"context"

	"github.com/seed57652884/resetctl/looker/lookerapi"
	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/transport"
)

// Reconcile implements resetter.Reconciler. A reset makes a one-time link, and
// Looker tells whether one lives without telling the link: where none did
// before and one does now, a reset was carried out in between. Of somebody who
// never set the account up the set-up link counts as well, since that is what
// is mailed then.
//
// A link lives 60 minutes and dies when it is used, so that a reset can be
// found for an hour at the most. One that lived before already hides a reset
// for good.
func (c *Client) Reconcile(ctx context.Context, before []resetter.Account) ([]resetter.Finding, error) {
	findings := make([]resetter.Finding, len(before))
	var ids []string // of those about whom a second reading can tell something
	for i, account := range before {
		if findings[i].Evidence = hopeless(account); findings[i].Evidence == "" {
			ids = append(ids, account.ID)
		}
	}
	listed, err := c.listed(ctx, ids, "id,credentials_email("+linkStates+")")
	if err != nil {
		return nil, err
	}
	for i, account := range before {
		if findings[i].Evidence != "" {
			continue
		}
		credential, err := c.credentialNow(ctx, account, listed[account.ID])
		switch e := aboutOne(err); {
		case e != nil && e.Kind == resetter.ErrNotFound:
			findings[i].Evidence = "the account is gone, or its sign-in by e-mail and password"
		case e != nil:
			findings[i].Evidence = "it could not be read again: " + e.Detail()
		case err != nil:
			return nil, err
		default:
			findings[i] = compare(account, linksOf(credential))
		}
	}
	return findings, nil
}

// hopeless says why no second reading can show that account was reset; empty
// where one can.
func hopeless(account resetter.Account) string {
	if resetter.ID(account.ID).Validate() != nil {
		return "it has no id to read it by"
	}
	lived := ""
	for _, before := range mailed(account, parseLinks(account.Evidence)) {
		switch before.state {
		case none:
			return ""
		case live:
			lived = before.kind
		}
	}
	if lived != "" {
		return "a " + lived + " link lived before already, so one that lives now proves nothing"
	}
	return "what was read before does not say whether a link lived"
}

// compare tells what a second reading shows, where the first can be compared.
func compare(account resetter.Account, after links) resetter.Finding {
	now, told := mailed(account, after), false
	for i, before := range mailed(account, parseLinks(account.Evidence)) {
		switch {
		case before.state == none && now[i].state == live:
			return resetter.Finding{Done: true, Evidence: "a live " + now[i].kind + " link that was not there before"}
		case now[i].state != unread:
			told = true
		}
	}
	if !told {
		return resetter.Finding{Evidence: "Looker does not say whether a link lives"}
	}
	return resetter.Finding{Evidence: "no link lives that did not before; one that was mailed may have been used, or be older than 60 minutes"}
}

// credentialNow is account's credential, from the list where that has it.
func (c *Client) credentialNow(ctx context.Context, account resetter.Account, listed *lookerapi.User) (*lookerapi.CredentialsEmail, error) {
	if listed != nil {
		if credential := ownCredential(listed); credential != nil {
			return credential, nil
		}
	}
	ctx, exchange := c.http.Begin(ctx, transport.Operation{Name: "look up credential", Class: transport.Read, Account: nameOf(account)})
	fields := linkStates
	answer, err := c.api.GetCredentialsEmailWithResponse(ctx, account.ID, &lookerapi.GetCredentialsEmailParams{Fields: &fields})
	switch {
	case err != nil:
		return nil, exchange.Failed(err)
	case answer.JSON200 == nil || text(answer.JSON200.UserID) == "":
		return nil, exchange.Unreadable("the answer does not say whose credential it is")
	case *answer.JSON200.UserID != account.ID:
		return nil, exchange.WrongPerson()
	}
	return answer.JSON200, nil
}

// linkStates are the fields of a credential that say which links live. The
// links themselves are not among them.
const linkStates = "user_id,password_reset_url_expired,account_setup_url_expired"

// links say which one-time links of a credential lived when it was read. As a
// text they are an Account's Evidence.
type links struct{ reset, setup state }

type state string

const (
	unread state = "unread" // Looker did not say
	none   state = "none"   // expired, or never made
	live   state = "live"
)

func (l links) String() string {
	return "reset link " + string(l.reset) + ", set-up link " + string(l.setup)
}

// parseLinks reads what String wrote, maybe in an earlier process. What it does
// not know, such as the words of another version, tells nothing.
func parseLinks(evidence string) links {
	states := []state{unread, none, live}
	for _, reset := range states {
		for _, setup := range states {
			if l := (links{reset, setup}); l.String() == evidence {
				return l
			}
		}
	}
	return links{unread, unread}
}

func linksOf(credential *lookerapi.CredentialsEmail) links {
	read := func(expired *bool) state {
		switch {
		case expired == nil:
			return unread
		case *expired:
			return none
		default:
			return live
		}
	}
	return links{read(credential.PasswordResetURLExpired), read(credential.AccountSetupURLExpired)}
}

// A linkState is one link of an account.
type linkState struct {
	kind  string
	state state
}

// mailed picks the links that a reset of account may have made: of somebody who
// by all that can be seen never set the account up the set-up link, and the
// other, since an instance may tell of that one alone.
func mailed(account resetter.Account, l links) []linkState {
	if account.SetupPending {
		return []linkState{{"set-up", l.setup}, {"reset", l.reset}}
	}
	return []linkState{{"reset", l.reset}}
}
