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
	// a refusal: systems lock out who tries again. ErrUnauthorized is final for
	// the Client, the others hold for a minute.
	SignIn func(ctx context.Context) (Token, error)
	// Refresh obtains another token from one that may be over; nil where there
	// is no such thing. Whatever its error, SignIn follows.
	Refresh func(ctx context.Context, old Token) (Token, error)
	// SignOut ends the token; nil where there is no such thing.
	SignOut func(ctx context.Context, t Token) error
}

// A Token is what a sign-in gave.
type Token struct {
	Access  resetter.Secret // what Authorize puts on requests
	Refresh resetter.Secret // what Session.Refresh asks with; may be empty
	// Life is how long Access lives; 0 or less where the system did not say
	// anything usable, and then a 401 will tell.
	Life time.Duration
}

// renewAt is the part of a token's life after which it is renewed.
const renewAt = 0.8

// refusalHolds is how long a sign-in is not tried again that was refused for
// another reason than wrong credentials.
const refusalHolds = time.Minute

// A session holds the present token of a Client.
type session struct {
	how    Session
	redact *redactor
	// busy is held by who signs in, renews or signs out. A channel, since
	// waiting for it must obey a context.
	busy chan struct{}

	mu      sync.Mutex
	present present
	refusal error     // of the sign-in
	refused time.Time // when that was
	failure error     // of the latest try, if it would go no better for anybody else
}

// present is what a session has at one moment.
type present struct {
	token   Token
	number  int // of the token; 0: none yet
	dead    bool
	renew   time.Time // zero: only on a 401
	expires time.Time
	tries   int // to obtain a token, so far
}

func (p present) fresh() bool {
	return p.number > 0 && !p.dead && (p.renew.IsZero() || time.Now().Before(p.renew))
}

func newSession(how Session, r *redactor) *session {
	return &session{how: how, redact: r, busy: make(chan struct{}, 1)}
}

func (s *session) look() (present, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.present, s.refusedStill()
}

// refusedStill is the refusal that nobody is to try against: that of the
// credentials for good, any other, such as a page of something in between, for
// a while. Called with mu held.
func (s *session) refusedStill() error {
	if s.refusal == nil || !errors.Is(s.refusal, resetter.ErrUnauthorized) && time.Since(s.refused) > refusalHolds {
		return nil
	}
	return s.refusal
}

// get returns the present token and its number, obtaining or renewing it first
// where that is due. However many callers there are, one does so, and the
// others wait and share what it came to.
func (s *session) get(ctx context.Context) (Token, int, error) {
	for {
		before, refusal := s.look()
		switch {
		case refusal != nil:
			return Token{}, 0, refusal
		case before.fresh():
			return before.token, before.number, nil
		}
		if err := s.lock(ctx); err != nil {
			return Token{}, 0, err
		}
		obtained, err := s.obtain(ctx, before)
		s.unlock()
		switch {
		case err != nil:
			return Token{}, 0, err
		case obtained:
			// Not asked again whether it is fresh: a token that is given out
			// too old would be obtained for ever.
			p, _ := s.look()
			return p.token, p.number, nil
		}
	}
}

func (s *session) lock(ctx context.Context) error {
	select {
	case s.busy <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (s *session) unlock() { <-s.busy }

// obtain replaces the token that was seen before, unless somebody tried to
// meanwhile; then it reports what came of it. Neither a token nor an error
// means that it is time to look again. Called with busy held.
func (s *session) obtain(ctx context.Context, before present) (obtained bool, err error) {
	s.mu.Lock()
	now, refusal, failure := s.present, s.refusedStill(), s.failure
	s.mu.Unlock()
	switch {
	case refusal != nil:
		return false, refusal
	case now.number != before.number || now.fresh():
		return false, nil
	case now.tries != before.tries:
		return false, failure
	}
	token, err := s.ask(ctx, now.token)
	s.mu.Lock()
	defer s.mu.Unlock()
	p := &s.present
	p.tries++
	s.failure = nil
	switch {
	case err == nil:
		s.redact.add(token.Access)
		s.redact.add(token.Refresh)
		*p = present{token: token, number: p.number + 1, tries: p.tries}
		if token.Life > 0 {
			p.renew = time.Now().Add(time.Duration(renewAt * float64(token.Life)))
			p.expires = time.Now().Add(token.Life)
		}
		return true, nil
	case isRefusal(err):
		s.refusal, s.refused = err, time.Now()
		return false, err
	case p.number > 0 && !p.dead && time.Now().Before(p.expires):
		// The old one still lives; whoever comes in a while tries again.
		p.renew = minTime(p.expires, time.Now().Add(time.Second))
		return false, nil
	}
	// What ended with this caller's context, or with a wait that others may
	// be ready to sit out, is this caller's alone.
	if e, ok := errors.AsType[*resetter.Error](err); ok && e.Kind != resetter.ErrNotStarted && e.Until.IsZero() {
		s.failure = err
	}
	return false, err
}

// ask obtains a token from the system.
func (s *session) ask(ctx context.Context, old Token) (Token, error) {
	if s.how.Refresh != nil && !old.Refresh.IsZero() {
		token, err := s.how.Refresh(ctx, old)
		if err == nil || ctx.Err() != nil {
			return token, err
		}
	}
	return s.how.SignIn(ctx)
}

// expired notes that the system no longer takes the token of that number, and
// reports whether that is the present one. If it was replaced meanwhile, its
// end says nothing.
func (s *session) expired(number int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.present.number != number {
		return false
	}
	s.present.dead = true
	return true
}

// holds reports whether the token of that number is still the one to use. One
// that would be over when its request arrives is not, but for anyAge, where
// the call has tried before, and tokens so short-lived that none is better.
func (s *session) holds(number int, anyAge bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.present
	if p.number != number || p.dead {
		return false
	}
	return anyAge || p.expires.IsZero() || p.token.Life < time.Second || time.Until(p.expires) > p.token.Life/20
}

// end signs out, if anybody signed in. It does not sit out a pause for that.
func (s *session) end(ctx context.Context) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.unlock()
	s.mu.Lock()
	p := s.present
	s.present.dead = true
	s.mu.Unlock()
	over := !p.expires.IsZero() && !time.Now().Before(p.expires)
	if p.number == 0 || p.dead || over || s.how.SignOut == nil {
		return nil
	}
	return s.how.SignOut(resetter.WithWaitsHandedBack(ctx), p.token)
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
