package unleash

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/transport"
	"github.com/seed57652884/resetctl/unleash/unleashapi"
)

// batchSize is how many people are looked for in one reading of the list,
// which is as long for one of them.
const batchSize = 1000

// BatchSize implements resetter.BatchResolver.
func (c *Client) BatchSize(resetter.IdentityKind) int { return batchSize }

// ResolveBatch implements resetter.BatchResolver: it reads the list of all
// users once, whatever the number of ids. The list tells each person's live
// link, so that these accounts have the Evidence that Reconcile wants. It is
// read as it comes and never held.
func (c *Client) ResolveBatch(ctx context.Context, ids []resetter.Identity) ([]resetter.Resolution, error) {
	resolutions := make([]resetter.Resolution, len(ids))
	wanted := map[resetter.Identity][]int{} // places in ids
	_, exchange := c.http.Begin(ctx, transport.Operation{Name: lookUp, Class: transport.Read})
	for i, id := range ids {
		if err := validate(id); err != nil {
			resolutions[i].Err = exchange.About(id.Value).Refuse(resetter.ErrInvalid, err.Error(), "")
			continue
		}
		wanted[folded(id)] = append(wanted[folded(id)], i)
	}
	if len(wanted) == 0 {
		return resolutions, nil
	}
	var hits []int // for each of ids
	exchange, err := c.readUsers(ctx, lookUp, func() func(unleashapi.User) {
		hits = make([]int, len(ids))
		return func(u unleashapi.User) {
			for _, key := range names(u) {
				for _, i := range wanted[key] {
					if !named(u, ids[i]) {
						continue
					}
					if hits[i]++; hits[i] == 1 {
						account := accountOf(u)
						account.Evidence = c.evidence(account.ID, text(u.InviteLink))
						resolutions[i].Account = account
					}
				}
			}
		}
	})
	if err != nil {
		return nil, err
	}
	for i, id := range ids {
		if resolutions[i].Err == nil && hits[i] != 1 {
			resolutions[i] = resetter.Resolution{Err: notOne(exchange.About(id.Value), hits[i])}
		}
	}
	return resolutions, nil
}

// names are the identities of a user, folded.
func names(u unleashapi.User) []resetter.Identity {
	return []resetter.Identity{
		resetter.ID(strconv.Itoa(u.ID)), folded(resetter.Email(text(u.Email))), resetter.Username(text(u.Username)),
	}
}

// folded is an identity as a key. What is the same has the same key; not
// everything that has is the same.
func folded(id resetter.Identity) resetter.Identity {
	if id.Kind == resetter.ByEmail {
		id.Value = strings.ToLower(strings.ToUpper(id.Value))
	}
	return id
}

// readUsers reads the list of all users and hands them to what begin returns,
// one by one. Where the list has to be read again, begin is called again.
//
// The list holds live links: nothing of it may get into an error or a log.
func (c *Client) readUsers(ctx context.Context, name string, begin func() func(unleashapi.User)) (*transport.Exchange, error) {
	ctx, exchange := c.http.Begin(ctx, transport.Operation{
		Name: name, Class: transport.Read,
		Stream: func(r io.Reader) error { return eachUser(r, begin()) },
	})
	// The method that decodes would hold the list; the transport has it judged,
	// read and closed.
	if _, err := c.api.ListUsers(ctx); err != nil {
		return exchange, exchange.FailedForAll(err)
	}
	return exchange, nil
}

// eachUser reads {"users": […], …} to its end and hands over each user.
func eachUser(r io.Reader, take func(unleashapi.User)) error {
	in := json.NewDecoder(r)
	if err := expect(in, json.Delim('{')); err != nil {
		return err
	}
	listed := false
	for in.More() {
		name, err := in.Token()
		switch {
		case err != nil:
			return err
		case name != "users":
			if err := in.Decode(new(json.RawMessage)); err != nil {
				return err
			}
			continue
		case listed:
			return errors.New("a second list of users")
		}
		listed = true
		if err := expect(in, json.Delim('[')); err != nil {
			return err
		}
		for in.More() {
			var user unleashapi.User
			if err := in.Decode(&user); err != nil {
				return err
			}
			if user.ID == 0 {
				return errors.New("a user without an id")
			}
			take(user)
		}
		if err := expect(in, json.Delim(']')); err != nil {
			return err
		}
	}
	if err := expect(in, json.Delim('}')); err != nil {
		return err
	}
	if _, err := in.Token(); err != io.EOF {
		return errors.New("more than one answer")
	}
	if !listed {
		return errors.New("no list of users")
	}
	return nil
}

func expect(in *json.Decoder, want json.Delim) error {
	got, err := in.Token()
	if err == nil && got != want {
		err = fmt.Errorf("%v is missing", want)
	}
	return err
}
