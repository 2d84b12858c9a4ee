package looker

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/seed57652884/resetctl/looker/lookerapi"
	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/transport"
)

// Lock implements resetter.Locker: PATCH /users/{user_id} disables the account,
// whatever its owner signs in by; then each web session is deleted and, with
// RevokeKeys, each API key. In this order, so that nothing new is opened
// meanwhile.
func (c *Client) Lock(ctx context.Context, account resetter.Account, o resetter.LockOptions) (resetter.Receipt, error) {
	a := action{client: c, account: account}
	err := a.disable(ctx, "lock user", true)
	if err == nil {
		a.holds = append(a.holds, "the account is disabled")
		err = a.deleteAll(ctx, "session", a.sessions, func(ctx context.Context, id string) error {
			_, err := c.api.DeleteSessionWithResponse(ctx, account.ID, id)
			return err
		})
	}
	if err == nil && o.RevokeKeys {
		err = a.deleteAll(ctx, "API key", a.keys, func(ctx context.Context, id string) error {
			_, err := c.api.DeleteAPIKeyWithResponse(ctx, account.ID, id)
			return err
		})
	}
	return a.end(err)
}

// Unlock implements resetter.Locker: PATCH /users/{user_id}.
func (c *Client) Unlock(ctx context.Context, account resetter.Account) (resetter.Receipt, error) {
	a := action{client: c, account: account}
	return a.end(a.disable(ctx, "unlock user", false))
}

// disable has the account disabled or not, as wanted, unless it is so already.
// Where Looker does not say whether it is, as to somebody without the right to
// know, the write will show.
func (a *action) disable(ctx context.Context, name string, wanted bool) error {
	fields, id := "id,is_disabled", a.account.ID
	already := false
	err := a.step(ctx, "look up user", transport.Read, func(ctx context.Context, exchange *transport.Exchange) error {
		answer, err := a.client.api.GetUserWithResponse(ctx, id, &lookerapi.GetUserParams{Fields: &fields})
		if err != nil {
			return exchange.Failed(err)
		}
		user := answer.JSON200
		already = user != nil && user.IsDisabled != nil && *user.IsDisabled == wanted
		return a.isAccounts(exchange, user)
	})
	if err != nil || already {
		return err
	}
	return a.step(ctx, name, transport.Write, func(ctx context.Context, exchange *transport.Exchange) error {
		answer, err := a.client.api.UpdateUserWithResponse(ctx, id, &lookerapi.UpdateUserParams{Fields: &fields}, lookerapi.WriteUser{IsDisabled: &wanted})
		if err != nil {
			return exchange.Failed(err)
		}
		err = a.isAccounts(exchange, answer.JSON200)
		switch {
		case err != nil:
			return err
		case answer.JSON200.IsDisabled == nil:
			return exchange.Unreadable("the answer does not say whether the user is disabled")
		case *answer.JSON200.IsDisabled != wanted:
			return notMade(exchange)
		}
		return nil
	})
}

// isAccounts errs unless an answer's user is the account's.
func (a *action) isAccounts(exchange *transport.Exchange, user *lookerapi.User) error {
	switch {
	case user == nil || text(user.ID) == "":
		return exchange.Unreadable("the answer does not say which user it is about")
	case *user.ID != a.account.ID:
		return exchange.WrongPerson()
	}
	return nil
}

// sessions are the ids of the account's web sessions; nil where the answer is
// no list.
func (a *action) sessions(ctx context.Context) (ids []*string, err error) {
	fields := "id"
	answer, err := a.client.api.ListSessionsWithResponse(ctx, a.account.ID, &lookerapi.ListSessionsParams{Fields: &fields})
	if err != nil || answer.JSON200 == nil || *answer.JSON200 == nil {
		return nil, err
	}
	ids = []*string{}
	for _, session := range *answer.JSON200 {
		ids = append(ids, session.ID)
	}
	return ids, nil
}

// keys are the ids of the account's API keys; nil where the answer is no list.
func (a *action) keys(ctx context.Context) (ids []*string, err error) {
	fields := "id"
	answer, err := a.client.api.ListAPIKeysWithResponse(ctx, a.account.ID, &lookerapi.ListAPIKeysParams{Fields: &fields})
	if err != nil || answer.JSON200 == nil || *answer.JSON200 == nil {
		return nil, err
	}
	ids = []*string{}
	for _, key := range *answer.JSON200 {
		ids = append(ids, key.ID)
	}
	return ids, nil
}

// deleteAll deletes one after another what the account has of a kind. What is
// gone meanwhile is as good as deleted.
func (a *action) deleteAll(ctx context.Context, kind string, list func(context.Context) ([]*string, error), remove func(context.Context, string) error) error {
	var ids []*string
	err := a.step(ctx, "list "+kind+"s", transport.Read, func(ctx context.Context, exchange *transport.Exchange) (err error) {
		if ids, err = list(ctx); err != nil {
			return exchange.Failed(err)
		}
		if ids == nil {
			return exchange.Unreadable("the answer is no list")
		}
		for _, id := range ids {
			if id == nil || resetter.ID(*id).Validate() != nil { // it is to become part of a URL
				return exchange.Unreadable("an entry of the list has no usable id")
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	deleted := 0
	for _, id := range ids {
		err = a.step(ctx, "delete "+kind, transport.Write, func(ctx context.Context, exchange *transport.Exchange) error {
			if err := remove(ctx, *id); err != nil && !gone(err) {
				return exchange.Failed(err)
			}
			return nil
		})
		if err != nil {
			break
		}
		deleted++
	}
	held := fmt.Sprintf("%d of %d %ss deleted", deleted, len(ids), kind)
	if len(ids) == 0 {
		held = "there is no " + kind
	}
	a.holds = append(a.holds, held)
	return err
}

// gone reports whether what was to be deleted is not there. The status says so
// even where an earlier try, whose answer was lost, leaves its doubt in the kind.
func gone(err error) bool {
	e, ok := errors.AsType[*resetter.Error](err)
	return ok && e.Status == http.StatusNotFound && !e.Stop
}
