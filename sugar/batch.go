package sugar

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/transport"
	"github.com/seed57652884/resetctl/sugar/sugarapi"
)

// batchSize is how many people one filter asks for, and how many hits one page
// is to hold; servers may give shorter pages.
const batchSize = 100

// BatchSize implements resetter.BatchResolver.
func (c *Client) BatchSize(resetter.IdentityKind) int { return batchSize }

// ResolveBatch implements resetter.BatchResolver with one filter for each kind
// of identity, as many pages as that has.
func (c *Client) ResolveBatch(ctx context.Context, ids []resetter.Identity) ([]resetter.Resolution, error) {
	ctx, exchange := c.http.Begin(ctx, transport.Operation{Name: lookUp, Class: transport.Read})
	resolutions := make([]resetter.Resolution, len(ids))
	wanted := map[resetter.IdentityKind][]string{}
	for i, id := range ids {
		if err := id.Validate(); err != nil {
			resolutions[i].Err = exchange.About(id.Value).Refuse(resetter.ErrInvalid, err.Error(), "")
		} else if !slices.Contains(wanted[id.Kind], id.Value) {
			wanted[id.Kind] = append(wanted[id.Kind], id.Value)
		}
	}
	found := map[resetter.IdentityKind]answers{}
	for kind, values := range wanted {
		var err error
		if found[kind], err = c.having(ctx, exchange, c.manys[kind], values); err != nil {
			return nil, exchange.FailedForAll(err)
		}
	}
	for i, id := range ids {
		r, found := &resolutions[i], found[id.Kind]
		if r.Err == nil {
			r.Err = found.refused[id.Value]
		}
		if r.Err == nil {
			r.Account, r.Err = theOne(exchange.About(id.Value), id, found.users)
		}
	}
	return resolutions, nil
}

// fields are what a filter calls the kinds of identity.
var fields = map[resetter.IdentityKind]string{
	resetter.ByEmail:    "email_addresses.email_address",
	resetter.ByUsername: "user_name",
	resetter.ByID:       "id",
}

// A condition is one of a filter: {field: value}, {field: {operator: value}} or
// {"$or": conditions}.
type condition = map[string]any

// The ways to ask for several values of a field, the shortest first. Sugar
// documents $in for user names; that it holds for addresses is inferred.
const (
	unknown = iota
	listed  // {field: {"$in": values}}
	either  // {"$or": [{field: value}, …]}
	singly  // a filter for each value
)

// A many is a field of which several values are asked for, and the way that the
// instance is known to understand.
type many struct {
	kind resetter.IdentityKind
	way  atomic.Int32
}

func manys() map[resetter.IdentityKind]*many {
	all := map[resetter.IdentityKind]*many{}
	for kind := range fields {
		all[kind] = &many{kind: kind}
	}
	return all
}

// answers are the users who have one of the values that were asked for, and the
// values that the instance does not take, each with its refusal.
type answers struct {
	users   []sugarapi.User
	refused map[string]error
}

// having finds the users who have one of the values. On one page nobody can be
// missed. Who is on none of several may have moved up to one that was read
// already, while the next was asked for, and is asked for alone.
func (c *Client) having(ctx context.Context, exchange *transport.Exchange, m *many, values []string) (answers, error) {
	if len(values) == 1 {
		return c.each(ctx, m.kind, values, answers{})
	}
	known, refused := m.way.Load(), false
	for way := max(known, listed); way < singly; way++ {
		users, pages, err := c.filter(ctx, exchange, together(fields[m.kind], values, way))
		switch {
		case notUnderstood(err):
			refused = true
			continue
		case err != nil:
			return answers{}, err
		case len(users) == 0 && way == listed && known == unknown:
			// Nobody has these values, or the instance does not understand $in
			// for this field and does not say so.
			continue
		case len(users) > 0 || refused:
			m.way.Store(way)
		}
		found := answers{users: users}
		if pages > 1 {
			return c.each(ctx, m.kind, absent(m.kind, values, users), found)
		}
		return found, nil
	}
	found, err := c.each(ctx, m.kind, values, answers{})
	if len(found.users) > 0 && len(found.refused) == 0 { // else it may have been one value that it did not take
		m.way.Store(singly)
	}
	return found, err
}

// together is a condition that is met by who has one of the values.
func together(field string, values []string, way int32) condition {
	if way == listed {
		return condition{field: condition{"$in": values}}
	}
	var alternatives []condition
	for _, value := range values {
		alternatives = append(alternatives, condition{field: value})
	}
	return condition{"$or": alternatives}
}

// absent are the values that none of the users has.
func absent(kind resetter.IdentityKind, values []string, users []sugarapi.User) (without []string) {
	for _, value := range values {
		id := resetter.Identity{Kind: kind, Value: value}
		if !slices.ContainsFunc(users, func(u sugarapi.User) bool { return named(u, id) }) {
			without = append(without, value)
		}
	}
	return without
}

// each asks for one value after the other, and adds to what was found before.
// Where all of several are refused, it is not for what they are. Where Sugar
// asks for a pause on the way, what was found until then is found.
func (c *Client) each(ctx context.Context, kind resetter.IdentityKind, values []string, found answers) (answers, error) {
	found.refused = map[string]error{}
	for i, value := range values {
		one, exchange := c.http.Begin(ctx, transport.Operation{Name: lookUp, Class: transport.Read, Account: value})
		users, _, err := c.filter(one, exchange, condition{fields[kind]: value})
		switch {
		case notUnderstood(err):
			found.refused[value] = err
		case i+len(found.users) > 0 && asksToWait(err):
			for _, later := range values[i:] {
				found.refused[later] = err
			}
			return found, nil
		case err != nil:
			return answers{}, err
		}
		found.users = append(found.users, users...)
	}
	if len(values) > 1 && len(found.refused) == len(values) && len(found.users) == 0 {
		return answers{}, found.refused[values[0]]
	}
	return found, nil
}

// asksToWait reports whether err says when to come again.
func asksToWait(err error) bool {
	e, ok := errors.AsType[*resetter.Error](err)
	return ok && !e.Until.IsZero() && !e.Stop
}

// notUnderstood reports whether err is a refusal of the question, so that it
// may be asked in another way.
func notUnderstood(err error) bool {
	e, ok := errors.AsType[*resetter.Error](err)
	return ok && !e.Stop && (e.Kind == resetter.ErrInvalid || e.Kind == resetter.ErrRejected)
}

// userFields is what is asked for of a user.
const userFields = "id,user_name,full_name,status,email,is_admin,is_group,portal_only,external_auth_only"

// filter finds the users who meet the condition, page by page.
func (c *Client) filter(ctx context.Context, exchange *transport.Exchange, meets condition) (found []sugarapi.User, pages int, err error) {
	wanted, size, order := userFields, batchSize, "user_name:ASC"
	for offset := 0; offset >= 0; pages++ {
		answer, err := c.api.FilterUsersWithResponse(ctx, sugarapi.UserFilter{
			Filter: []map[string]any{meets},
			Fields: &wanted, MaxNum: &size, Offset: &offset, OrderBy: &order,
		})
		switch {
		case err != nil:
			return nil, 0, exchange.Failed(err)
		case answer.JSON200 == nil || answer.JSON200.Records == nil:
			return nil, 0, exchange.Unreadable("the answer holds no list of users")
		case slices.ContainsFunc(answer.JSON200.Records, func(u sugarapi.User) bool { return u.ID == "" }):
			return nil, 0, exchange.Unreadable("the answer lists a user without an id")
		}
		found = append(found, answer.JSON200.Records...)
		next := answer.JSON200.NextOffset
		if next >= 0 && next <= offset {
			return nil, 0, exchange.Unreadable("the pages of the answer go round in circles")
		}
		offset = next
	}
	return found, pages, nil
}
