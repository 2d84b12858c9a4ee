package resettertest

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed57652884/resetctl/resetter"
)

// A suite is Test under way.
type suite struct {
	start  Start
	report func(t *testing.T, findings []string)
	only   func(script string) bool // nil: all
}

// A script is something that goes wrong, and the calls that suffer it.
type script struct {
	name string
	play func(*world)
}

// play runs a script in a world in virtual time.
func (s *suite) play(t *testing.T, sc script) {
	if s.only != nil && !s.only(sc.name) {
		return
	}
	t.Run(sc.name, func(t *testing.T) {
		var findings []string
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, s.start, inMemory(), inMemory(), true)
			sc.play(w)
			findings = w.result()
		})
		s.report(t, findings)
	})
}

func (s *suite) scripts(t *testing.T) {
	var subject Subject
	var can can
	synctest.Test(t, func(t *testing.T) {
		server := inMemory()
		subject = s.start(t, server.listener)
		can = canOf(subject)
	})
	if len(subject.People) < People {
		t.Fatalf("the subject has %d people, which should be %d", len(subject.People), People)
	}
	for _, f := range faults(subject) {
		s.play(t, script{"reset/" + f.name, resetting.suffers(f, f.send, fresh, warm, handedBack, hurried)})
		if f.read.done || f.read.kinds != nil {
			s.play(t, script{"look up/" + f.name, reading.suffers(f, f.read, fresh, handedBack, hurried)})
		}
		if subject.IsSignIn != nil && (f.read.done || f.read.kinds != nil) {
			s.play(t, script{"sign in/" + f.name, signingIn.suffers(f, f.signIn(), fresh, way{name: handedBack.name, handedBack: true}, way{name: hurried.name, deadline: hurried.deadline})})
		}
	}
	for _, sc := range connections(subject) {
		s.play(t, sc)
	}
	for _, sc := range callers(subject) {
		s.play(t, sc)
	}
	if can.batch {
		for _, sc := range many(subject) {
			s.play(t, sc)
		}
	}
	if can.reconcile {
		for _, sc := range reconciles(subject) {
			s.play(t, sc)
		}
	}
}

// signIn is how a call ends if the fault happens to its sign-in once. A
// refusal is final there: systems lock out who tries again.
func (f *fault) signIn() ending {
	if f.refuses() || f.kills {
		return fails(certain...)
	}
	return f.read
}

// refuses reports whether f is a refusal that trying again does not change.
func (f *fault) refuses() bool { return f.notDone && !f.send.done && !f.long }

func once(r route, f *fault) func(route) *fault {
	struck := false
	return func(asked route) *fault {
		if asked != r || struck {
			return nil
		}
		struck = true
		return f
	}
}

func always(r route, f *fault) func(route) *fault {
	return func(asked route) *fault {
		if asked != r {
			return nil
		}
		return f
	}
}

// suffers has f strike requests of that route, once and, where once does no
// harm, for ever.
func (r route) suffers(f fault, want ending, ways ...way) func(*world) {
	if f.big {
		ways = ways[:1]
	}
	return func(w *world) {
		for _, how := range ways {
			w.enter(f.name + " once, " + how.name)
			w.strike(r, how, f, once(r, &f), want)
		}
		if !want.done {
			return
		}
		lasting := f.lasting
		if want.kinds != nil || r == signingIn {
			lasting = fails(certain...)
		}
		for _, how := range ways {
			w.enter(f.name + " for ever, " + how.name)
			w.strike(r, how, f, always(r, &f), lasting)
		}
	}
}

// strike makes one call while the proxy follows plan, on a client of its own.
func (w *world) strike(r route, how way, f fault, plan func(route) *fault, want ending) {
	w.meet(how, func(client resetter.Resetter, account resetter.Account) {
		w.proxy.follow(plan)
		w.suffer(r, how, f, want, client, account)
	})
}

// suffer is strike once the plan is at work.
func (w *world) suffer(r route, how way, f fault, want ending, client resetter.Resetter, account resetter.Account) {
	var c call
	if r == reading {
		c = w.resolve(client, account, how)
	} else {
		c = w.reset(client, account, how, nil)
	}
	w.expect(c, want, how)
	w.timely(client, c, how, f)
	if how.deadline > 0 && f.pause > how.deadline && c.spent > how.deadline/2 {
		w.found("it waited %v for a pause that ends behind the deadline", c.spent)
	}
	w.stopping(r, how, f, c)
	if r == signingIn && how.deadline == 0 && f.refuses() {
		w.proxy.follow(always(r, &f))
		w.reset(client, account, how, nil)
		if n := w.proxy.count(signingIn); n > 0 {
			w.found("it signed in again after a refusal, %d times", n)
		}
	}
}

// stopping checks whether the end of a call is the end of its target, as it
// should be. What is too large to read may well be so the next time, unless it
// is the answer to a reset: that is another one for each person.
func (w *world) stopping(r route, how way, f fault, c call) {
	e, ok := errors.AsType[*resetter.Error](c.err)
	switch {
	case !ok || how.deadline > 0:
	case f.stops && r == resetting && !e.Stop:
		w.found("the error does not stop the target, where nothing else will go better: %v", e)
	case f.goesOn && (r == resetting || r == reading && !f.big) && e.Stop:
		w.found("the error stops the target, where the next may go better: %v", e)
	}
}

// timely checks how long a call took, in virtual time. Over real sockets, which
// play nothing that is not played in virtual time as well, the machine has its
// part in that.
func (w *world) timely(client resetter.Resetter, c call, how way, f fault) {
	if how.deadline > 0 || !w.virtual {
		return
	}
	most := maxWait + timeout + 10*time.Second
	if how.handedBack {
		rate := 0.5 // as slow as any pace
		if p, ok := client.(resetter.Pacer); ok {
			rate = min(p.Pace().Rate, 20)
		}
		most = 2*time.Second + time.Duration(4/rate*float64(time.Second))
		if f.slow {
			most += 2 * timeout
		}
	}
	if c.spent > most {
		w.found("the call took %v, which should have been no more than %v", c.spent, most)
	}
}
