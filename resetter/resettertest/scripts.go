package resettertest

import (
	"context"
	"errors"
	"net"
	"strings"
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
	synctest.Test(t, func(t *testing.T) {
		server := inMemory()
		subject = s.start(t, server.listener)
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
	accounts := w.people(1)
	client, done := w.client()
	if accounts == nil || client == nil {
		return
	}
	defer func() {
		w.proxy.follow(nil)
		done()
	}()
	if how.warm {
		if _, err := client.Resolve(context.Background(), resetter.Email(accounts[0].Email)); err != nil {
			w.found("it cannot be looked up although all is well: %v", err)
			return
		}
		w.quiet()
	}
	w.proxy.follow(plan)
	var c call
	if r == reading {
		c = w.resolve(client, accounts[0], how)
	} else {
		c = w.reset(client, accounts[0], how, nil)
	}
	w.expect(c, want, how)
	w.timely(client, c, how, f)
	if how.deadline > 0 && f.pause > how.deadline && c.spent > how.deadline/2 {
		w.found("it waited %v for a pause that ends behind the deadline", c.spent)
	}
	if e, ok := errors.AsType[*resetter.Error](c.err); ok && f.stops && r == resetting && how.deadline == 0 && !e.Stop {
		w.found("the error does not stop the target, where nothing else will go better: %v", e)
	}
	if r == signingIn && how.deadline == 0 && f.refuses() {
		w.proxy.follow(always(r, &f))
		w.reset(client, accounts[0], how, nil)
		if n := w.proxy.count(signingIn); n > 0 {
			w.found("it signed in again after a refusal, %d times", n)
		}
	}
}

// timely checks how long a call took, in virtual time.
func (w *world) timely(client resetter.Resetter, c call, how way, f fault) {
	if how.deadline > 0 {
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

// connections are the scripts in which there is no connection, or not for long.
func connections(s Subject) (list []script) {
	unavailable := fails(resetter.ErrUnavailable)
	someBytes := lost
	if s.IsSignIn != nil {
		someBytes = succeeds // they were the sign-in's
	}
	add := func(name string, want ending, how way, prepare func(*world)) {
		list = append(list, script{"connect/" + name, func(w *world) {
			w.enter(name)
			w.connect(how, want, prepare)
		}})
	}
	type dial = func(context.Context) (net.Conn, error)
	for _, how := range []way{fresh, {name: handedBack.name, handedBack: true}} {
		add("refused once "+how.name, succeeds, how, func(w *world) {
			w.proxy.dialed(func(ctx context.Context, n int, dial dial) (net.Conn, error) {
				if n == 0 {
					return nil, refused()
				}
				return dial(ctx)
			})
		})
		add("refused for three seconds "+how.name, succeeds, how, func(w *world) {
			back := time.Now().Add(3 * time.Second)
			w.proxy.dialed(func(ctx context.Context, _ int, dial dial) (net.Conn, error) {
				if time.Now().Before(back) {
					return nil, refused()
				}
				return dial(ctx)
			})
		})
		add("refused for ever "+how.name, unavailable, how, func(w *world) {
			w.proxy.dialed(func(context.Context, int, dial) (net.Conn, error) { return nil, refused() })
		})
		add("nobody there for ever "+how.name, unavailable, how, func(w *world) {
			w.proxy.dialed(func(ctx context.Context, _ int, _ dial) (net.Conn, error) {
				<-ctx.Done()
				return nil, ctx.Err()
			})
		})
	}
	// After a session was signed in to on a connection that has closed since.
	add("the connection after takes nothing", succeeds, warm, func(w *world) {
		w.breakNext(0)
	})
	add("the connection after takes some bytes", lost, warm, func(w *world) {
		w.breakNext(20)
	})
	// Every new connection breaks after so many bytes, three in a row. Without
	// sessions the first of them carries the reset itself.
	newOnes := func(name string, bytes int, want ending) {
		add(name, want, fresh, func(w *world) {
			w.proxy.dialed(func(ctx context.Context, n int, dial dial) (net.Conn, error) {
				conn, err := dial(ctx)
				if c, ok := conn.(*memoryConn); ok && n < 3 {
					c.out.wither(bytes)
				}
				return conn, err
			})
		})
	}
	newOnes("new connections take nothing", 0, succeeds)
	newOnes("new connections take some bytes", 20, someBytes)
	idle := func(f func(*memoryConn)) func(*world) {
		return func(w *world) {
			w.proxy.eachIdle(func(conn net.Conn) { f(conn.(*memoryConn)) })
		}
	}
	add("an idle connection was closed", succeeds, warm, func(w *world) {
		w.proxy.eachIdle(func(conn net.Conn) { _ = conn.Close() })
		w.quiet()
	})
	add("an idle connection takes nothing", succeeds, warm, idle(func(c *memoryConn) { c.in.wither(0) }))
	add("an idle connection takes some bytes", lost, warm, idle(func(c *memoryConn) { c.in.wither(20) }))
	return list
}

// breakNext closes what connections there are and has the next one break after
// so many bytes.
func (w *world) breakNext(bytes int) {
	w.proxy.eachIdle(func(conn net.Conn) { _ = conn.Close() })
	w.quiet()
	w.proxy.dialed(func(ctx context.Context, n int, dial func(context.Context) (net.Conn, error)) (net.Conn, error) {
		conn, err := dial(ctx)
		if c, ok := conn.(*memoryConn); ok && n == 0 {
			c.out.wither(bytes)
		}
		return conn, err
	})
}

// connect makes one reset after prepare.
func (w *world) connect(how way, want ending, prepare func(*world)) {
	f := fault{slow: true}
	accounts := w.people(1)
	client, done := w.client()
	if accounts == nil || client == nil {
		return
	}
	defer func() {
		w.proxy.follow(nil)
		done()
	}()
	if how.warm {
		if _, err := client.Resolve(context.Background(), resetter.Email(accounts[0].Email)); err != nil {
			w.found("it cannot be looked up although all is well: %v", err)
			return
		}
		w.quiet()
	}
	w.proxy.follow(nil)
	prepare(w)
	c := w.reset(client, accounts[0], how, nil)
	w.expect(c, want, how)
	w.timely(client, c, how, f)
}

var errIntent = errors.New("the intent cannot be written")

// callers are the scripts in which it is the caller who ends the call.
func callers(s Subject) (list []script) {
	add := func(name string, play func(w *world, client resetter.Resetter, account resetter.Account)) {
		list = append(list, script{"caller/" + name, func(w *world) {
			w.enter(name)
			accounts := w.people(1)
			client, done := w.client()
			if accounts == nil || client == nil {
				return
			}
			defer func() {
				w.proxy.follow(nil)
				done()
			}()
			play(w, client, accounts[0])
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

// sockets plays what breaks connections over real ones.
func (s *suite) sockets(t *testing.T) {
	dropped := connection("a dropped connection", (*exchange).drop)
	reset := connection("a reset connection", (*exchange).reset)
	for _, f := range []fault{dropped, reset, afterwards(dropped), afterwards(reset), cutAndReset()} {
		if s.only != nil && !s.only("sockets/"+f.name) {
			continue
		}
		t.Run("sockets/"+f.name, func(t *testing.T) {
			t.Parallel()
			near, err := loopback()
			if err != nil {
				t.Fatal(err)
			}
			server, err := loopback()
			if err != nil {
				t.Fatal(err)
			}
			w := newWorld(t, s.start, near, server, false)
			for _, how := range []way{fresh, warm, handedBack} {
				w.enter(f.name + ", " + how.name)
				w.strike(resetting, how, f, once(resetting, &f), f.send)
			}
			s.report(t, w.result())
		})
	}
}
