package resetter

import "context"

type beforeSendKey struct{}

// WithBeforeSend returns a context under which f is called for each attempt of
// a Reset, when everything else is ready and the next thing is the request's
// first byte. (Should the system ask for a pause in that very moment, the
// request stays, and f is called again later.) If f fails, nothing is sent and Reset returns an error
// that matches both ErrNotStarted and f's own.
//
// f must not use the same Resetter: requests leave one at a time, and the next
// one waits for f.
//
// It is the place to write down, durably, that the mail may be going out from
// now on. An attempt that certainly was not sent may be followed by another,
// so f can be called more than once for one Reset; it is never called for
// reads.
func WithBeforeSend(ctx context.Context, f func(context.Context) error) context.Context {
	return context.WithValue(ctx, beforeSendKey{}, f)
}

// BeforeSend calls what WithBeforeSend left in ctx; without that it does
// nothing. It is for those who implement a Resetter.
func BeforeSend(ctx context.Context) error {
	if f, ok := ctx.Value(beforeSendKey{}).(func(context.Context) error); ok {
		return f(ctx)
	}
	return nil
}

type handBackKey struct{}

// WithWaitsHandedBack returns a context under which no call sleeps because the
// system asked for a pause: it fails at once with ErrRateLimited or
// ErrUnavailable, and the error's Until says when to come again. A caller that
// has other work to do, such as package resetter/bulk, wants that. Without it
// calls sleep such waits themselves, up to the maximum of their client.
func WithWaitsHandedBack(ctx context.Context) context.Context {
	return context.WithValue(ctx, handBackKey{}, true)
}

// WaitsHandedBack reports whether ctx comes from WithWaitsHandedBack.
// It is for those who implement a Resetter.
func WaitsHandedBack(ctx context.Context) bool {
	b, _ := ctx.Value(handBackKey{}).(bool)
	return b
}
