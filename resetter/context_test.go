package resetter_test

import (
	"context"
	"errors"
	"testing"

	"github.com/seed57652884/resetctl/resetter"
)

func TestBeforeSendCallsWhatTheContextCarries(t *testing.T) {
	full := errors.New("the disk is full")
	calls := 0
	ctx := resetter.WithBeforeSend(t.Context(), func(context.Context) error {
		calls++
		return full
	})
	for range 2 {
		if err := resetter.BeforeSend(ctx); !errors.Is(err, full) {
			t.Errorf("returned %v", err)
		}
	}
	if calls != 2 {
		t.Errorf("%d calls, want 2", calls)
	}
}

func TestBeforeSendIsHandedTheContextOfTheAttempt(t *testing.T) {
	type key struct{}
	var seen any
	ctx := resetter.WithBeforeSend(t.Context(), func(ctx context.Context) error {
		seen = ctx.Value(key{})
		return ctx.Err()
	})
	ctx, cancel := context.WithCancel(context.WithValue(ctx, key{}, "attempt"))
	cancel()
	if err := resetter.BeforeSend(ctx); !errors.Is(err, context.Canceled) || seen != "attempt" {
		t.Errorf("returned %v and saw %v", err, seen)
	}
}

func TestTheInnermostBeforeSendCounts(t *testing.T) {
	outer := resetter.WithBeforeSend(t.Context(), func(context.Context) error { return errors.New("outer") })
	inner := resetter.WithBeforeSend(outer, func(context.Context) error { return nil })
	if err := resetter.BeforeSend(inner); err != nil {
		t.Error(err)
	}
}

func TestWithoutBeforeSendNothingHappens(t *testing.T) {
	if err := resetter.BeforeSend(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestWaitsAreHandedBackOnlyToWhoAsks(t *testing.T) {
	if resetter.WaitsHandedBack(t.Context()) {
		t.Error("handed back without having been asked")
	}
	ctx, cancel := context.WithCancel(resetter.WithWaitsHandedBack(t.Context()))
	defer cancel()
	if !resetter.WaitsHandedBack(ctx) {
		t.Error("not handed back")
	}
}
