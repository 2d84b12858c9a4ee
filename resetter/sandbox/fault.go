package sandbox

import (
	"net/http"
	"strings"
	"time"
)

// A FaultKind says what goes wrong.
type FaultKind string

const (
	// Throttle answers 429 with the vendor's body, and with Retry-After if the fault has one.
	Throttle FaultKind = "throttle"
	// Answer answers Status, Header and Body instead of the vendor.
	Answer FaultKind = "answer"
	// Page answers an HTML page, as a login portal or a proxy does, with Status (200 if 0).
	Page FaultKind = "page"
	// Drop closes the connection without an answer.
	Drop FaultKind = "drop"
	// Stall waits For before it goes on as usual; if For is 0, until [Server.ClearFaults]. It ends
	// when the client hangs up.
	Stall FaultKind = "stall"
	// Cut carries the request out and closes the connection half-way through the answer's body.
	Cut FaultKind = "cut"
)

// A Fault is one thing that goes wrong, how often, and with which requests. The first fault in
// order of [Server.Inject] that concerns a request strikes; a request suffers one fault at most.
type Fault struct {
	Kind FaultKind
	// Processed has the server carry the request out before it goes wrong: the mail is sent, only
	// the answer is not what it should be. Without it nothing was done (except by Cut, and by a
	// Stall that the client sat out).
	Processed bool

	On     Operation // which requests; "" is all
	Person string    // only requests about this e-mail address; "" is all
	Skip   int       // lets so many pass first
	Times  int       // how often it strikes; 0 is for ever
	Chance float64   // strikes with this probability, between 0 and 1; 0 is always

	RetryAfter time.Duration // of Throttle, told in whole seconds, rounded up
	Status     int           // of Answer and Page
	Header     http.Header   // of Throttle and Answer
	Body       string        // of Answer
	For        time.Duration // of Stall
}

// armed is a fault with its counters.
type armed struct {
	Fault
	passed, struck int
	cleared        chan struct{} // closed when the fault is no more
}

// Inject adds faults to those that strike already.
func (s *Server) Inject(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range faults {
		s.faults = append(s.faults, &armed{Fault: f, cleared: make(chan struct{})})
	}
}

// ClearFaults removes all faults. A request that stalls goes on at once, so that a test can hold
// one for as long as it needs: it stalls when [Server.Requests] has it with Fault and no Status.
func (s *Server) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.faults {
		close(f.cleared)
	}
	s.faults = nil
}

// fault is what strikes this request, or nil.
func (s *Server) fault(op Operation, person string) *armed {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.faults {
		if f.On != "" && f.On != op || f.Person != "" && !strings.EqualFold(f.Person, person) {
			continue
		}
		if f.Times > 0 && f.struck >= f.Times {
			continue
		}
		if f.passed < f.Skip {
			f.passed++
			continue
		}
		if f.Chance > 0 && s.random.Float64() >= f.Chance {
			continue
		}
		f.struck++
		return f
	}
	return nil
}
