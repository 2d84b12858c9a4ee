package resettertest

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/seed57652884/resetctl/resetter"
)

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
	w.meet(how, func(client resetter.Resetter, account resetter.Account) {
		prepare(w)
		c := w.reset(client, account, how, nil)
		w.expect(c, want, how)
		w.timely(client, c, how, fault{slow: true})
	})
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
