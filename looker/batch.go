package looker

import (
	"context"
	"errors"
	"slices"

	"github.com/seed57652884/resetctl/looker/lookerapi"
	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/transport"
)

// BatchSize implements resetter.BatchResolver. An address costs a call of its
// own in a batch, too, so that there is nothing to be had from one.
func (c *Client) BatchSize(kind resetter.IdentityKind) int {
	if kind == resetter.ByID {
		return listedAtOnce
	}
	return 1
}

// ResolveBatch implements resetter.BatchResolver. Ids are looked up together,
// addresses one by one: Looker's search takes one pattern at a time, and would
// not spare a call. Where Looker asks for a pause on the way, those who were
// found until then are found.
func (c *Client) ResolveBatch(ctx context.Context, ids []resetter.Identity) ([]resetter.Resolution, error) {
	var named []string
	for _, id := range ids {
		if id.Kind == resetter.ByID && id.Validate() == nil {
			named = append(named, id.Value)
		}
	}
	listed, err := c.listed(ctx, named, userFields)
	if err != nil {
		return nil, err
	}
	resolutions := make([]resetter.Resolution, len(ids))
	known := make(map[resetter.Identity]resetter.Resolution)
	for i, id := range ids {
		r, again := known[id]
		if !again {
			if user := listed[id.Value]; user != nil && id.Kind == resetter.ByID {
				r.Account, r.Err = c.account(ctx, user)
			} else {
				r.Account, r.Err = c.Resolve(ctx, id)
			}
			if r.Err != nil && aboutOne(r.Err) == nil {
				if i == 0 || !asksToWait(r.Err) {
					return nil, r.Err
				}
				for ; i < len(ids); i++ {
					resolutions[i].Err = r.Err
				}
				return resolutions, nil
			}
			known[id] = r
		}
		resolutions[i] = r
	}
	return resolutions, nil
}

// listedAtOnce is how many users one call asks for by id: few enough for the
// length of a URL and the size of an answer.
const listedAtOnce = 100

// listed reads the users with these ids, many in one call (GET /users?ids=).
// That somebody is missing in it proves nothing: ask for those one by one. A
// single id is left to that from the start.
func (c *Client) listed(ctx context.Context, ids []string, fields string) (map[string]*lookerapi.User, error) {
	ids = slices.Clone(ids)
	slices.Sort(ids)
	found := make(map[string]*lookerapi.User)
	for chunk := range slices.Chunk(slices.Compact(ids), listedAtOnce) {
		if len(chunk) == 1 {
			continue
		}
		ctx, exchange := c.http.Begin(ctx, transport.Operation{Name: "look up users", Class: transport.Read})
		answer, err := c.api.ListUsersWithResponse(ctx, &lookerapi.ListUsersParams{Fields: &fields, Ids: &chunk})
		switch {
		case aboutOne(err) != nil:
			continue // one of the ids is not to Looker's liking, and each by itself will show which
		case err != nil:
			return nil, exchange.Failed(err)
		case answer.JSON200 == nil || *answer.JSON200 == nil:
			return nil, exchange.Unreadable("the answer holds no list of users")
		}
		for _, user := range *answer.JSON200 {
			if user.ID != nil {
				found[*user.ID] = &user
			}
		}
	}
	return found, nil
}

// asksToWait reports whether err says when to come again.
func asksToWait(err error) bool {
	e, ok := errors.AsType[*resetter.Error](err)
	return ok && !e.Until.IsZero() && !e.Stop
}

// aboutOne is err if it is about the account that was asked for, nil if it
// would have met any other as well.
func aboutOne(err error) *resetter.Error {
	e, ok := errors.AsType[*resetter.Error](err)
	if !ok || e.Stop {
		return nil
	}
	switch e.Kind {
	case resetter.ErrNotFound, resetter.ErrAmbiguous, resetter.ErrIneligible, resetter.ErrInvalid, resetter.ErrRejected:
		return e
	}
	return nil
}
