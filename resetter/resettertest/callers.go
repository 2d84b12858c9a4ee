package resettertest

import (
	"context"
	"errors"
	"strings"

	"github.com/seed57652884/resetctl/resetter"
)

var errIntent = errors.New("the intent cannot be written")

// callers are the scripts in which it is the caller who ends the call.
func callers(s Subject) (list []script) {
	add := func(name string, play func(w *world, client resetter.Resetter, account resetter.Account)) {
		list = append(list, script{"caller/" + name, func(w *world) {
			w.enter(name)
			w.meet(fresh, func(client resetter.Resetter, account resetter.Account) { play(w, client, account) })
		}})
	}
	add("nothing goes wrong", func(w *world, client resetter.Resetter, account resetter.Account) {
		w.expect(w.reset(client, account, fresh, nil), succeeds, fresh)
		if n := w.proxy.count(resetting); n != 1 {
			w.found("%d requests for one reset", n)
		}
	})
	add("BeforeSend fails", func(w *world, client resetter.Resetter, account resetter.Account) {
		c := w.reset(client, account, fresh, errIntent)
		w.expect(c, fails(resetter.ErrNotStarted), fresh)
		if !errors.Is(c.err, errIntent) {
			w.found("the error does not match that of BeforeSend: %v", c.err)
		}
		if n := w.proxy.count(resetting); n != 0 {
			w.found("%d requests were sent although BeforeSend failed", n)
		}
	})
	add("cancelled before", func(w *world, client resetter.Resetter, account resetter.Account) {
		how := way{deadline: -1, name: "cancelled"}
		ctx, cancel := how.context()
		cancel()
		before := w.subject.Mails()
		_, err := client.Reset(ctx, account)
		w.settle()
		w.checkMails(before, map[string]error{strings.ToLower(account.Email): err})
		w.expect(call{err: err}, fails(resetter.ErrNotStarted), fresh)
		if n := w.proxy.count(resetting); n != 0 {
			w.found("%d requests were sent although the call was cancelled before", n)
		}
	})
	add("a name of two lines", twoLines)
	for _, f := range []fault{connection("a stall", (*exchange).stall), connection("a stall, and the server does it", (*exchange).late)} {
		add("the deadline ends "+f.name, func(w *world, client resetter.Resetter, account resetter.Account) {
			w.proxy.follow(always(resetting, &f))
			how := hurried
			c := w.reset(client, account, how, nil)
			w.expect(c, ending{}, how)
			w.expect(c, lost, fresh)
		})
	}
	if !s.Anonymous {
		add("the answer is about somebody else", somebodyElse)
	}
	return list
}

// twoLines names somebody in a way that would make two lines of a log.
func twoLines(w *world, client resetter.Resetter, account resetter.Account) {
	const name = "ana@example.com\n2026-01-05 09:00:00 bo"
	for _, id := range []resetter.Identity{resetter.Email(name), resetter.ID(name), resetter.Username(name)} {
		_, err := client.Resolve(context.Background(), id)
		w.checkError(err)
		w.expect(call{err: err}, fails(resetter.ErrInvalid), fresh)
	}
	account.Email, account.Username = name, name
	ctx, cancel := fresh.context()
	cancel()
	_, err := client.Reset(ctx, account)
	w.checkError(err)
	w.expect(call{err: err}, fails(resetter.ErrInvalid, resetter.ErrNotStarted), fresh)
	if n := w.proxy.count(reading) + w.proxy.count(resetting); n != 0 {
		w.found("%d requests for a name that nobody can have", n)
	}
}

// somebodyElse has a reset answered with what another person's was answered.
func somebodyElse(w *world, client resetter.Resetter, account resetter.Account) {
	other := w.people(1)
	if other == nil {
		return
	}
	var answer []byte
	w.proxy.follow(once(resetting, &fault{name: "noted", notDone: true, strike: func(x *exchange) bool {
		answer = x.forward()
		return x.reply(answer)
	}}))
	w.expect(w.reset(client, other[0], fresh, nil), succeeds, fresh)
	w.proxy.follow(always(resetting, &fault{name: "somebody else's answer", strike: func(x *exchange) bool { return x.reply(answer) }}))
	c := w.reset(client, account, fresh, nil)
	w.expect(c, unread, fresh)
	if e, ok := errors.AsType[*resetter.Error](c.err); ok && !e.Stop {
		w.found("the error does not stop the target: %v", e)
	}
}
