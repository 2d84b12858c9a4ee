package resettertest

import (
	"context"
	"errors"
	"fmt"

	"github.com/seed57652884/resetctl/resetter"
)

// reconciles are the scripts in which it is read whether resets were carried
// out.
func reconciles(s Subject) (list []script) {
	list = append(list, script{"reconcile/some were reset", someReset}, script{"reconcile/nothing was read before", blind})
	for _, f := range faults(s) {
		if f.name == "a dropped connection" {
			list = append(list, lostReset(f, false), lostReset(afterwards(f), true))
		}
		if f.big || !f.read.done && f.read.kinds == nil {
			continue
		}
		list = append(list, script{"reconcile/" + f.name, func(w *world) {
			w.enter(f.name + " once")
			w.reading(func(client resetter.Resetter, before []resetter.Account) {
				w.proxy.follow(once(reading, &f))
				_, c := w.reconcile(client, before, fresh)
				w.expect(c, f.readOfMany(), fresh)
			})
		}})
	}
	return list
}

// reading has act work with a client and a few people whom it has looked up.
func (w *world) reading(act func(client resetter.Resetter, before []resetter.Account)) {
	accounts := w.people(4)
	w.meet(fresh, func(client resetter.Resetter, _ resetter.Account) {
		if accounts == nil {
			return
		}
		var ids []resetter.Identity
		for _, a := range accounts {
			ids = append(ids, resetter.Email(a.Email))
		}
		if batch, ok := client.(resetter.BatchResolver); ok { // may read what Resolve cannot
			found, err := batch.ResolveBatch(context.Background(), ids)
			if err != nil || len(found) != len(ids) {
				w.found("people cannot be looked up although all is well: %v", err)
				return
			}
			for i := range found {
				accounts[i] = found[i].Account
			}
		}
		act(client, accounts)
	})
}

// reconcile calls Reconcile and checks what must hold whatever went wrong.
func (w *world) reconcile(client resetter.Resetter, before []resetter.Account, how way) (findings []resetter.Finding, c call) {
	mails := w.subject.Mails()
	w.log.take()
	c = w.make(how, func(ctx context.Context) (int, error) {
		var err error
		findings, err = client.(resetter.Reconciler).Reconcile(w.reads(ctx), before)
		return 0, err
	})
	w.settle()
	w.checkMails(mails, nil)
	w.checkError(c.err)
	w.hides(fmt.Sprintf("%+v", findings))
	w.checkSecrets(c.err, resetter.Receipt{})
	w.ofEverybody(c.err)
	switch {
	case c.err != nil:
		return nil, c
	case len(findings) != len(before):
		w.found("%d findings for %d accounts", len(findings), len(before))
		return nil, c
	}
	for i, f := range findings {
		if f.Evidence == "" {
			w.found("it does not say what it read of %s", before[i].Email)
		}
	}
	return findings, c
}

// wantDone checks who is found to have been reset.
func (w *world) wantDone(client resetter.Resetter, before []resetter.Account, want ...bool) {
	w.proxy.follow(nil)
	findings, c := w.reconcile(client, before, fresh)
	w.expect(c, succeeds, fresh)
	for i, f := range findings {
		if f.Done != want[i] {
			w.found("%s was reset: %v, and is found to: %+v", before[i].Email, want[i], f)
		}
	}
}

// someReset is read in the order of the accounts, of which one comes twice.
func someReset(w *world) {
	w.enter("some were reset")
	w.reading(func(client resetter.Resetter, before []resetter.Account) {
		w.wantDone(client, before, false, false, false, false)
		for _, i := range []int{1, 3} {
			w.proxy.follow(nil)
			w.expect(w.reset(client, before[i], fresh, nil), succeeds, fresh)
		}
		w.wantDone(client, append(before, before[1]), false, true, false, true, true)
	})
}

// blind is asked about accounts of which nothing was read that could be
// compared.
func blind(w *world) {
	w.enter("nothing was read before")
	w.reading(func(client resetter.Resetter, before []resetter.Account) {
		w.expect(w.reset(client, before[0], fresh, nil), succeeds, fresh)
		before[0].Evidence, before[1].Evidence = "", "of another release"
		w.wantDone(client, before[:2], false, false)
		w.proxy.follow(nil)
		if _, c := w.reconcile(client, nil, fresh); c.err != nil || w.proxy.count(reading) > 0 {
			w.found("nobody to read about: %v, %d requests", c.err, w.proxy.count(reading))
		}
	})
}

// lostReset is a reset without an answer, which was carried out or not.
func lostReset(f fault, carriedOut bool) script {
	return script{"reconcile/a reset, then " + f.name, func(w *world) {
		w.enter(f.name)
		w.reading(func(client resetter.Resetter, before []resetter.Account) {
			w.proxy.follow(once(resetting, &f))
			if c := w.reset(client, before[2], fresh, nil); !errors.Is(c.err, resetter.ErrUnknownOutcome) {
				w.found("a lost answer is %v", c.err)
			}
			w.wantDone(client, before, false, false, carriedOut, false)
		})
	}}
}
