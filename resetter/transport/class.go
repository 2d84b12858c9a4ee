package transport

import "context"

// A Class says what repeating an operation would do.
type Class int

// The classes.
const (
	// Send mails a person, or does something else that must not happen twice.
	// It is the zero value, so that what nobody classified is treated strictly.
	Send Class = iota
	// Write brings about a state; doing it again changes nothing more.
	Write
	// Read changes nothing.
	Read
)

func (c Class) String() string {
	switch c {
	case Write:
		return "write"
	case Read:
		return "read"
	default:
		return "send"
	}
}

// An Operation is what a request is about.
type Operation struct {
	// Name says it as errors do: "send password reset".
	Name  string
	Class Class
	// Account is whom it is about, for errors: an e-mail address or an id. Never a secret.
	Account string
	// Anonymous requests carry no session: signing in, and what needs none.
	Anonymous bool

	probe bool // the breaker's own: passes the gate, is not repeated
}

type operationKey struct{}

// WithOperation names what the next request under ctx is about.
func WithOperation(ctx context.Context, op Operation) context.Context {
	return context.WithValue(ctx, operationKey{}, op)
}

func operationOf(ctx context.Context) Operation {
	op, _ := ctx.Value(operationKey{}).(Operation)
	if op.Name == "" {
		op.Name = "request"
	}
	return op
}
