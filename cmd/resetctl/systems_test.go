package main

import (
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed57652884/resetctl/looker/lookertest"
	"github.com/seed57652884/resetctl/resetter/sandbox"
	"github.com/seed57652884/resetctl/sugar/sugartest"
	"github.com/seed57652884/resetctl/unleash/unleashtest"
)

// patience is how long a test waits for what must happen.
const patience = 30 * time.Second

// systems are the three test servers, and what was once one of them.
type systems struct {
	all          []*sandbox.Server
	names        []string // of all
	twiceIsMeant bool

	mu     sync.Mutex
	mailed chan struct{} // closed and replaced with each mail
}

// A variant is what is special about a system.
type variant struct {
	people              int
	noMailer, forbidden bool
	neverSetUp          string // somebody at looker who never signed in
	latency             time.Duration
	wire                net.Listener // nil: a free port
}

func newSystems() *systems { return &systems{mailed: make(chan struct{})} }

// start serves a system, in place of the one of that name if there is one, and
// returns the environment that leads to it, without a ceiling on the pace.
func (s *systems) start(name string, v variant) map[string]string {
	if old := s.running(name); old != nil {
		old.Close()
	}
	common := sandbox.Config{Latency: v.latency, Listener: v.wire, OnMail: func(sandbox.Mail) {
		s.mu.Lock()
		defer s.mu.Unlock()
		close(s.mailed)
		s.mailed = make(chan struct{})
	}}
	var server *sandbox.Server
	var settings map[string]string
	switch name {
	case "looker":
		l := lookertest.NewServer(lookertest.Config{Sandbox: common, People: v.people, NoMailer: v.noMailer, Forbidden: v.forbidden})
		if v.neverSetUp != "" {
			l.AddUser(lookertest.User{Email: v.neverSetUp, NeverSetUp: true})
		}
		server, settings = l.Server, map[string]string{"CLIENT_ID": l.ClientID, "CLIENT_SECRET": l.ClientSecret}
	case "sugar":
		u := sugartest.NewServer(sugartest.Config{Sandbox: common, People: v.people, NoMailer: v.noMailer, Forbidden: v.forbidden})
		server, settings = u.Server, map[string]string{"USERNAME": u.Username, "PASSWORD": u.Password, "PLATFORM": u.Platform}
	case "unleash":
		u := unleashtest.NewServer(unleashtest.Config{Sandbox: common, People: v.people, NoMailer: v.noMailer, Forbidden: v.forbidden})
		server, settings = u.Server, map[string]string{"TOKEN": u.Token}
	default:
		panic("no system is called " + name)
	}
	s.all, s.names = append(s.all, server), append(s.names, name)
	settings["URL"], settings["RATE"] = server.URL, "unlimited"
	env := make(map[string]string)
	for key, value := range settings {
		env["RESETCTL_"+strings.ToUpper(name)+"_"+key] = value
	}
	return env
}

// running is the newest server of that name; nil where there is none.
func (s *systems) running(name string) *sandbox.Server {
	for i := len(s.all) - 1; i >= 0; i-- {
		if s.names[i] == name {
			return s.all[i]
		}
	}
	return nil
}

// await reports whether the system has sent n mails, and waits for them.
func (s *systems) await(name string, n int) bool {
	late := time.After(patience)
	for {
		s.mu.Lock()
		mailed := s.mailed
		s.mu.Unlock()
		if s.running(name).Mailbox().Len() >= n {
			return true
		}
		select {
		case <-mailed:
		case <-late:
			return false
		}
	}
}

func (s *systems) close() {
	for _, server := range s.all {
		server.Close()
	}
}

// check fails t if somebody was mailed twice, or if a system was asked what its
// vendor would not like.
func (s *systems) check(t testing.TB) {
	t.Helper()
	for i, server := range s.all {
		for address, n := range server.Mailbox().Counts() {
			if n > 1 && !s.twiceIsMeant {
				t.Errorf("%s mailed %s %d times", s.names[i], address, n)
			}
		}
		for _, v := range server.Violations() {
			t.Errorf("%s: %v", s.names[i], v)
		}
	}
}
