package resettertest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"

	"github.com/seed57652884/resetctl/resetter"
)

// nobody is somebody whom no system knows.
var nobody = resetter.Email("nobody.of.this.name@example.com")

// can is what a subject's clients can do besides what all can.
type can struct{ batch, reconcile bool }

// canOf makes a client to see what it can do. It makes no request.
func canOf(s Subject) (c can) {
	client, err := s.New(Terms{
		Dial:    func(context.Context, string, string) (net.Conn, error) { return nil, refused() },
		Timeout: timeout, MaxWait: maxWait, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return can{} // which every script finds
	}
	if b, ok := client.(resetter.BatchResolver); ok { // else people are looked up one by one
		c.batch = b.BatchSize(resetter.ByEmail) > 1
	}
	_, c.reconcile = client.(resetter.Reconciler)
	if closer, ok := client.(resetter.Closer); ok {
		_ = closer.Close(context.Background())
	}
	return c
}

// many are the scripts in which many people are looked up in one call.
func many(s Subject) (list []script) {
	list = append(list, script{"look up many/nothing goes wrong", everybody}, script{"look up many/nobody to look up", noOne})
	for _, f := range faults(s) {
		if f.big || !f.read.done && f.read.kinds == nil { // a list may be long
			continue
		}
		list = append(list, script{"look up many/" + f.name, func(w *world) {
			for _, how := range []way{fresh, handedBack, hurried} {
				w.enter(f.name + " once, " + how.name)
				w.several(how, f, once(reading, &f), f.readOfMany())
				w.enter(f.name + " for ever, " + how.name)
				w.several(how, f, always(reading, &f), whatever)
			}
		}})
	}
	return list
}

// readOfMany is how a call for many ends that the fault happens to once. It may
// try another way and succeed, since it is seen whether that is true.
func (f fault) readOfMany() ending { return ending{done: true, kinds: f.read.kinds} }

// several looks a few people up while the proxy follows plan.
func (w *world) several(how way, f fault, plan func(route) *fault, want ending) {
	accounts := w.people(3)
	w.meet(how, func(client resetter.Resetter, _ resetter.Account) {
		if accounts == nil {
			return
		}
		w.proxy.follow(plan)
		c := w.lookUp(client, accounts, how)
		w.expect(c, want, how)
		w.timely(client, c, how, f)
	})
}

// everybody is looked up in one call, among people whom there are not.
func everybody(w *world) {
	w.enter("nothing goes wrong")
	accounts := w.people(People)
	w.meet(fresh, func(client resetter.Resetter, _ resetter.Account) {
		if accounts == nil {
			return
		}
		w.expect(w.lookUp(client, accounts, fresh), succeeds, fresh)
		// Where a system has no question about many, a batch is as dear as people
		// one by one, but never dearer. (That it is cheaper is for the tests of the
		// systems that have one.)
		if n := w.proxy.count(reading); n > 2*(People+3) {
			w.found("%d requests to look %d people up at once", n, People)
		}
	})
}

// noOne asks for nobody, and for names that nobody can have.
func noOne(w *world) {
	w.enter("nobody to look up")
	w.meet(fresh, func(client resetter.Resetter, _ resetter.Account) {
		for _, ids := range [][]resetter.Identity{nil, {{}, resetter.Email("ana"), resetter.ID("../me")}} {
			found, err := client.(resetter.BatchResolver).ResolveBatch(context.Background(), ids)
			if err != nil || len(found) != len(ids) {
				w.found("%d resolutions for %d identities: %v", len(found), len(ids), err)
			}
			for _, r := range found {
				w.checkError(r.Err)
				w.expect(call{err: r.Err}, fails(resetter.ErrInvalid), fresh)
			}
		}
		if n := w.proxy.count(reading); n > 0 {
			w.found("%d requests for nobody", n)
		}
	})
}

// lookUp calls ResolveBatch for accounts, a batch at a time, with a name that
// nobody can have and one that nobody has in front of each and the first person
// once more behind, and checks what must hold whatever went wrong.
func (w *world) lookUp(client resetter.Resetter, accounts []resetter.Account, how way) (whole call) {
	batch := client.(resetter.BatchResolver)
	size := max(1, batch.BatchSize(resetter.ByEmail)-3)
	for some := range slices.Chunk(accounts, size) {
		malformed, first := resetter.Email("not an address"), resetter.Email(some[0].Email)
		ids := []resetter.Identity{malformed, nobody}
		for _, a := range some {
			ids = append(ids, resetter.Email(strings.ToUpper(a.Email)))
		}
		ids = append(ids, first)

		before := w.subject.Mails()
		w.log.take()
		var found []resetter.Resolution
		c := w.make(how, func(ctx context.Context) (int, error) {
			var err error
			found, err = batch.ResolveBatch(w.reads(ctx), ids)
			return 0, err
		})
		w.settle()
		w.checkMails(before, nil)
		w.checkError(c.err)
		w.hides(fmt.Sprintf("%+v", found))
		w.checkSecrets(c.err, resetter.Receipt{})
		w.ofEverybody(c.err)
		if c.err == nil {
			w.compare(found, append(some, some[0]))
		}
		whole.err = errors.Join(whole.err, c.err)
		whole.spent = max(whole.spent, c.spent)
	}
	return whole
}

// reads is a context under which nothing may be noted as an intent.
func (w *world) reads(ctx context.Context) context.Context {
	return resetter.WithBeforeSend(ctx, func(context.Context) error {
		w.found("BeforeSend was called for what only reads")
		return nil
	})
}

// ofEverybody checks the error of a call for many.
func (w *world) ofEverybody(err error) {
	if errors.Is(err, resetter.ErrUnknownOutcome) {
		w.found("looking up ends in doubt: %v", err)
	}
	for _, k := range []resetter.Kind{resetter.ErrNotFound, resetter.ErrAmbiguous, resetter.ErrIneligible, resetter.ErrInvalid} {
		if errors.Is(err, k) {
			w.found("it says of everybody what can hold of one: %v", err)
		}
	}
}

// compare checks what lookUp found against what was found one by one.
func (w *world) compare(found []resetter.Resolution, want []resetter.Account) {
	if len(found) != 2+len(want) {
		w.found("%d resolutions for %d identities", len(found), 2+len(want))
		return
	}
	// A system may refuse to look somebody up, and say so of each; and it may ask
	// for a pause before it came to everybody.
	refused := func(r resetter.Resolution) bool {
		e, ok := errors.AsType[*resetter.Error](r.Err)
		if ok && !e.Until.IsZero() && !e.Stop {
			return e.Kind == resetter.ErrRateLimited || e.Kind == resetter.ErrUnavailable
		}
		return ok && e.Status >= 400 && !e.Stop &&
			slices.Contains([]resetter.Kind{resetter.ErrInvalid, resetter.ErrNotFound, resetter.ErrRejected}, e.Kind)
	}
	for i, kind := range []resetter.Kind{resetter.ErrInvalid, resetter.ErrNotFound} {
		w.checkError(found[i].Err)
		if !errors.Is(found[i].Err, kind) && !refused(found[i]) {
			w.found("what should have been %s is %+v", kind, found[i])
		}
	}
	for i, r := range found[2:] {
		r.Account.Evidence, want[i].Evidence = "", ""
		if (r.Err != nil || r.Account != want[i]) && !refused(r) {
			w.found("%s is %+v, which by itself is %+v", want[i].Email, r, want[i])
		}
	}
}

// hides looks for what must not be seen in text.
func (w *world) hides(text string) {
	w.proxy.mu.Lock()
	defer w.proxy.mu.Unlock()
	secrets := []string{w.subject.Canary, canary}
	for secret := range w.proxy.secrets {
		secrets = append(secrets, secret)
	}
	for _, secret := range secrets {
		if secret != "" && strings.Contains(text, secret) {
			w.found("a secret shows in what was found")
			return
		}
	}
}
