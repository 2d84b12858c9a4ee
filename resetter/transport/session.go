package transport

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/seed57652884/resetctl/resetter"
)

// A Session tells how to sign in to a system. Its functions send requests
// through the Client like any other call, as anonymous operations of class
// Read; the transport never runs two of them at a time.
type Session struct {
	// SignIn obtains a token from the credentials. An error that matches
	// ErrUnauthorized, ErrForbidden, ErrInvalid, ErrNotFound or ErrRejected is
	// a refusal, which is remembered: systems lock out who tries again.
	SignIn func(ctx context.Context) (Token, error)
	// Refresh obtains another token from one that may be over; nil where there
	// is no such thing. Whatever its error, SignIn follows.
	Refresh func(ctx context.Context, old Token) (Token, error)
	// SignOut ends the token; nil where there is no such thing.
	SignOut func(ctx context.Context, t Token) error
}

// A Token is what a sign-in gave.
type Token struct {
	Access  resetter.Secret
	Refresh resetter.Secret
	// Life is how long Access lives; 0 or less where the system did not say
	// anything usable, and then a 401 will tell.
	Life time.Duration
}

// renewAt is the part of a token's life after which it is renewed.
const renewAt = 0.8

// A session holds the present token of a Client.
type session struct {
	how    Session
	redact *redactor
	// busy is held by who signs in, renews or signs out. A channel, since
	// waiting for it must obey a context.
	busy chan struct{}

	mu      sync.Mutex
	token   Token
	number  int // of the token; 0: none yet
	dead    bool
	renew   time.Time // zero: only on a 401
	expires time.Time
	refusal error // of the sign-in: final
}

func newSession(how Session, r *redactor) *session {
	return &session{how: how, redact: r, busy: make(chan struct{}, 1)}
}

// current returns a token that is good as far as we know, and its number.
func (s *session) current() (Token, int, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refusal != nil {
		return Token{}, 0, false, s.refusal
	}
	fresh := s.number > 0 && !s.dead && (s.renew.IsZero() || time.Now().Before(s.renew))
	return s.token, s.number, fresh, nil
}

// get returns the present token, obtaining or renewing it first where that is
// due. However many callers there are, one does so and the others wait.
func (s *session) get(ctx context.Context) (Token, int, error) {
	for {
		token, number, fresh, err := s.current()
		if err != nil || fresh {
			return token, number, err
		}
		select {
		case s.busy <- struct{}{}:
		case <-ctx.Done():
			return Token{}, 0, context.Cause(ctx)
		}
		err = s.obtain(ctx, number)
		<-s.busy
		if err != nil {
			return Token{}, 0, err
		}
	}
}

// obtain replaces the token of that number, unless somebody did meanwhile.
// Called with busy held.
func (s *session) obtain(ctx context.Context, number int) error {
	s.mu.Lock()
	old, dead, present, expires, refusal := s.token, s.dead, s.number, s.expires, s.refusal
	s.mu.Unlock()
	if refusal != nil {
		return refusal
	}
	if present != number {
		return nil
	}
	started := time.Now()
	if s.how.Refresh != nil && !old.Refresh.IsZero() {
		if token, err := s.how.Refresh(ctx, old); err == nil {
			s.replace(token, started)
			return nil
		} else if ctx.Err() != nil {
			return err
		}
	}
	token, err := s.how.SignIn(ctx)
	switch {
	case err == nil:
		s.replace(token, started)
		return nil
	case isRefusal(err):
		s.mu.Lock()
		s.refusal = err
		s.mu.Unlock()
		return err
	case number > 0 && !dead && started.Before(expires):
		// The old one still lives; whoever comes next tries again.
		s.mu.Lock()
		s.renew = minTime(expires, time.Now().Add(time.Second))
		s.mu.Unlock()
		return nil
	default:
		return err
	}
}

func (s *session) replace(t Token, started time.Time) {
	s.redact.add(t.Access)
	s.redact.add(t.Refresh)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.token, s.dead = t, false
	s.number++
	s.renew, s.expires = time.Time{}, time.Time{}
	if t.Life > 0 {
		s.expires = started.Add(t.Life)
		s.renew = started.Add(time.Duration(renewAt * float64(t.Life)))
	}
}

// expired notes that the system no longer takes the token of that number. If
// it was replaced meanwhile, that says nothing about the present one.
func (s *session) expired(number int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.number == number {
		s.dead = true
	}
}

// current number, for whoever must know whether what it holds is still good.
func (s *session) holds(number int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.number == number && !s.dead
}

// end signs out, if anybody signed in.
func (s *session) end(ctx context.Context) error {
	select {
	case s.busy <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { <-s.busy }()
	s.mu.Lock()
	token, live := s.token, s.number > 0 && !s.dead
	s.dead = true
	s.mu.Unlock()
	if !live || s.how.SignOut == nil {
		return nil
	}
	return s.how.SignOut(ctx, token)
}

// isRefusal reports whether a sign-in was refused, as against not answered.
func isRefusal(err error) bool {
	for _, k := range []resetter.Kind{
		resetter.ErrUnauthorized, resetter.ErrForbidden, resetter.ErrInvalid,
		resetter.ErrNotFound, resetter.ErrRejected,
	} {
		if errors.Is(err, k) {
			return true
		}
	}
	return false
}

func minTime(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
