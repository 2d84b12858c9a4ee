package bulk_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/bulk"
)

func TestWhatPreparingMakesOfARow(t *testing.T) {
	accounts := map[string]resetter.Account{
		"ana@example.com":   {ID: "1", Email: "ana@example.com"},
		"a.na@example.com":  {ID: "1", Email: "ana@example.com"},
		"sso@example.com":   {ID: "2", Email: "sso@example.com", Ineligible: "signs in by SSO only"},
		"new@example.com":   {ID: "3", Email: "new@example.com", SetupPending: true},
		"us@example.com":    {ID: "4", Email: "us@example.com"},
		"vip@example.com":   {ID: "5", Email: "vip@example.com"},
		"other@example.org": {ID: "6", Email: "other@example.org"},
		"noid@example.com":  {Email: "noid@example.com"},
		"five":              {ID: "five", Email: "five@example.com"},
	}
	errs := map[string]error{
		"two@example.com":    refusal(resetter.ErrAmbiguous, nil),
		"alias@example.com":  refusal(resetter.ErrIneligible, nil),
		"odd@example.com":    errors.New("odd"),
		"lost@example.com":   refusal(resetter.ErrLostAnswer, nil),
		"broken@example.com": &resetter.Error{Kind: resetter.ErrUnavailable, Status: 500},
	}
	s := &system{resolve: func(_ context.Context, id resetter.Identity) (resetter.Account, error) {
		if id.Value == "panic@example.com" {
			panic("!")
		}
		if a, ok := accounts[id.Value]; ok {
			return a, nil
		}
		if err, ok := errs[id.Value]; ok {
			return resetter.Account{}, err
		}
		return resetter.Account{}, refusal(resetter.ErrNotFound, nil)
	}}
	rows := []struct {
		row  bulk.Row
		want string
	}{
		{person("a", "ana@example.com"), "pending/not_started"},
		{person("a", "a.na@example.com"), "skipped/duplicate"},
		{person("a", "sso@example.com"), "failed/ineligible"},
		{person("a", "new@example.com"), "pending/not_started"},
		{person("a", "us@example.com"), "skipped/excluded"},
		{person("a", "vip@example.com"), "skipped/excluded"},
		{bulk.Row{Target: "a", Identity: resetter.ID("five")}, "skipped/excluded"},
		{person("a", "other@example.org"), "skipped/excluded"},
		{person("a", "nobody@example.com"), "failed/not_found"},
		{person("a", "two@example.com"), "failed/ambiguous"},
		{person("a", "alias@example.com"), "failed/ineligible"},
		{person("a", "not an address"), "failed/invalid"},
		{person("a", "noid@example.com"), "failed/unavailable"},
		{person("a", "odd@example.com"), "failed/unavailable"},
		{person("a", "panic@example.com"), "failed/unavailable"},
		{person("a", "lost@example.com"), "failed/unavailable"},
		{person("a", "broken@example.com"), "failed/unavailable"},
		{bulk.Row{Target: "a", Identity: resetter.Email("ana@example.com"), Action: "teleport"}, "failed/unsupported"},
		{person("b", "ana@example.com"), "skipped/excluded"},
	}
	var input []bulk.Row
	for _, r := range rows {
		input = append(input, r.row)
	}
	j := newLedger(t, input...)
	us := resetter.Status{Self: resetter.Account{ID: "4"}, Mailer: resetter.MailerReady}
	e := &bulk.Engine{
		Journal: j,
		Targets: []bulk.Target{{Name: "a", Resetter: &checked{system: s, status: us}, Concurrency: 3}, {Name: "b", Exclude: true}},
		Guards:  bulk.Guards{Deny: []string{"VIP@example.com", "five"}, Domains: []string{"@example.com"}},
	}
	plan := prepare(t, e)
	for i, r := range results(t, j) {
		is(t, r, rows[i].want)
		if r.Outcome != bulk.Pending && r.Detail == "" {
			t.Errorf("row %d has no detail", r.Row.Seq)
		}
	}
	if len(s.order) > 0 {
		t.Errorf("preparing sent %d requests", len(s.order))
	}
	p := plan.Targets[0]
	if p.Rows != 18 || p.Would != 2 || p.SetupMails != 1 || p.Later != 0 || p.Finished != 0 || p.LeftOut[bulk.Excluded] != 4 ||
		p.LeftOut[bulk.Duplicate] != 1 || p.LeftOut["ineligible"] != 2 || p.Status != us {
		t.Errorf("the plan is %+v", p)
	}
	// Once more makes no difference.
	if again := prepare(t, e).Targets[0]; again.Would != 2 || again.Finished != 16 || len(again.LeftOut) != 0 {
		t.Errorf("the plan of the second time is %+v", again)
	}
}

func TestAnActionThatTheSystemLacksIsNotLookedUp(t *testing.T) {
	s := &system{}
	j := newLedger(t, bulk.Row{Target: "a", Identity: resetter.Email("p@example.com"), Action: resetter.ActionLock})
	prepare(t, &bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "a", Resetter: s}}})
	all(t, j, "failed/unsupported")
	if s.lookUps > 0 {
		t.Error("it was looked up")
	}
}

func TestATargetThatCanDoNothingIsNotNeeded(t *testing.T) {
	useless := &checked{system: &system{}, err: refusal(resetter.ErrUnauthorized, nil)}
	able := &able{system: &system{}}
	lock := func(target string) bulk.Row {
		return bulk.Row{Target: target, Identity: resetter.Email("p@example.com"), Action: resetter.ActionLock}
	}
	for _, atOnce := range []bool{false, true} {
		j := newLedger(t, lock("useless"), lock("able"))
		e := &bulk.Engine{Journal: j, AtOnce: atOnce, Targets: []bulk.Target{{Name: "useless", Resetter: useless}, {Name: "able", Resetter: able}}}
		work(t, e)
		got := results(t, j)
		is(t, got[0], "failed/unsupported")
		is(t, got[1], map[bool]string{false: "done/accepted", true: "done/already"}[atOnce])
		if useless.asked+useless.lookUps > 0 {
			t.Error("it was asked")
		}
	}

	// One row that it can do, and it is.
	j := newLedger(t, lock("useless"), person("useless", "q@example.com"))
	_, err := (&bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "useless", Resetter: useless}}}).Prepare(t.Context())
	if !errors.Is(err, resetter.ErrUnauthorized) {
		t.Errorf("got %v", err)
	}
}

func TestATargetThatCannotBeWorkedWithEndsPreparing(t *testing.T) {
	stop := refusal(resetter.ErrForbidden, nil)
	stop.Stop = true
	for name, c := range map[string]struct {
		err    error
		failed int // rows that have failed until it is plain
	}{
		"unreachable in a row": {refusal(resetter.ErrUnavailable, nil), 5},
		"unauthorized":         {refusal(resetter.ErrUnauthorized, nil), 0},
		"says so":              {stop, 0},
		"forbidden in a row":   {refusal(resetter.ErrForbidden, nil), 5},
		"broken in a row":      {&resetter.Error{Kind: resetter.ErrUnavailable, Status: 500}, 5},
		"asks for a long wait": {&resetter.Error{Kind: resetter.ErrRateLimited, Until: time.Now().Add(time.Hour), Scope: resetter.ScopeTarget}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			bad := &system{resolve: func(context.Context, resetter.Identity) (resetter.Account, error) {
				return resetter.Account{}, c.err
			}}
			good := &system{}
			j := newLedger(t, append(people("bad", 20), people("good", 20)...)...)
			e := &bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "bad", Resetter: bad}, {Name: "good", Resetter: good}}}
			_, err := e.Prepare(t.Context())
			var target *bulk.TargetError
			if !errors.As(err, &target) || target.Target != "bad" {
				t.Fatalf("Prepare returned %v", err)
			}
			failed := 0
			for _, r := range results(t, j) {
				if r.Outcome != bulk.Pending {
					failed++
				}
			}
			if failed != c.failed {
				t.Errorf("%d rows have an outcome, want %d", failed, c.failed)
			}
			if len(good.order)+len(bad.order) > 0 {
				t.Error("something was sent")
			}
			bad.resolve = nil // mended
			work(t, e)
			for _, r := range results(t, j)[c.failed:] {
				is(t, r, "done/accepted")
			}
		})
	}
}

func TestALookUpThatGetsNoAnswerFailsAlone(t *testing.T) {
	s := &system{resolve: func(_ context.Context, id resetter.Identity) (resetter.Account, error) {
		if id.Value == "p1@example.com" {
			return resetter.Account{}, refusal(resetter.ErrUnavailable, nil)
		}
		return resetter.Account{ID: id.Value, Email: id.Value}, nil
	}}
	j := newLedger(t, people("a", 3)...)
	prepare(t, &bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "a", Resetter: s}}})
	got := results(t, j)
	is(t, got[1], "failed/unavailable")
	if got[0].Outcome != bulk.Pending || got[2].Outcome != bulk.Pending {
		t.Errorf("the others are %s and %s", got[0].Outcome, got[2].Outcome)
	}
}

// The account that we sign in with is known by whatever the system told of it.
func TestOurOwnAccountIsKnownByIdAddressOrName(t *testing.T) {
	ana := resetter.Account{ID: "7", Email: "ana@example.com", Username: "ana"}
	for _, self := range []resetter.Account{{ID: "7"}, {Email: "ANA@example.com"}, {Username: "ana"}} {
		s := &system{resolve: func(context.Context, resetter.Identity) (resetter.Account, error) { return ana, nil }}
		j := newLedger(t, people("a", 1)...)
		prepare(t, &bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "a", Resetter: &checked{system: s, status: resetter.Status{Self: self}}}}})
		all(t, j, "skipped/excluded")
	}
}

// pausing is a system whose Check may fail.
type pausing struct {
	*system
	check func() error
}

func (p pausing) Check(context.Context) (resetter.Status, error) { return resetter.Status{}, p.check() }

func TestACheckWaitsForAPauseAndNotForASystemThatIsGone(t *testing.T) {
	pause := func(kind resetter.Kind) error {
		return &resetter.Error{Kind: kind, Until: time.Now().Add(10 * time.Second), Scope: resetter.ScopeTarget}
	}
	for kind, wants := range map[resetter.Kind]time.Duration{resetter.ErrRateLimited: 10 * time.Second, resetter.ErrUnavailable: 0} {
		synctest.Test(t, func(t *testing.T) {
			begun, asked := time.Now(), 0
			s := pausing{&system{}, func() error {
				if asked++; asked == 1 {
					return pause(kind)
				}
				return nil
			}}
			e := &bulk.Engine{Journal: newLedger(t, people("a", 1)...), Targets: []bulk.Target{{Name: "a", Resetter: s}}}
			_, err := e.Check(t.Context())
			if took := time.Since(begun); took != wants || (err == nil) != (wants > 0) {
				t.Errorf("%s: %v after %v", kind, err, took)
			}
		})
	}
}

func TestACheckKeepsToTheDeadlineAndWaitsForNobodyOnceOneHasRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		slow := pausing{&system{}, func() error {
			return &resetter.Error{Kind: resetter.ErrRateLimited, Until: time.Now().Add(10 * time.Second), Scope: resetter.ScopeTarget}
		}}
		e := &bulk.Engine{Journal: newLedger(t, people("a", 1)...), Targets: []bulk.Target{{Name: "a", Resetter: slow}}, Deadline: begun.Add(3 * time.Second)}
		if _, err := e.Prepare(t.Context()); !errors.Is(err, bulk.ErrTimeUp) || time.Since(begun) > 3*time.Second {
			t.Errorf("with a deadline: %v after %v", err, time.Since(begun))
		}
		begun = time.Now()
		wrong := pausing{&system{}, func() error { time.Sleep(time.Second); return refusal(resetter.ErrUnauthorized, nil) }}
		e = &bulk.Engine{Journal: newLedger(t, append(people("a", 1), people("b", 1)...)...),
			Targets: []bulk.Target{{Name: "a", Resetter: slow}, {Name: "b", Resetter: wrong}}}
		_, err := e.Prepare(t.Context())
		if target := (*bulk.TargetError)(nil); !errors.As(err, &target) || target.Target != "b" || time.Since(begun) > time.Second {
			t.Errorf("beside one that refused: %v after %v", err, time.Since(begun))
		}
	})
}

func TestALookUpThatIsThrottledWaitsForItsTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &system{}
		n := 0
		s.resolve = func(_ context.Context, id resetter.Identity) (resetter.Account, error) {
			if n++; n == 5 {
				return resetter.Account{}, throttled(time.Minute, resetter.ScopeTarget)
			}
			return account(id.Value), nil
		}
		j := newLedger(t, people("a", 20)...)
		start := time.Now()
		plan := prepare(t, &bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "a", Resetter: s}}})
		if took := time.Since(start); took != time.Minute || plan.Would() != 20 {
			t.Errorf("%d rows would be done, after %v", plan.Would(), took)
		}
	})
}

func TestCancellingALookUpLeavesEverythingPending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &system{resolve: func(ctx context.Context, _ resetter.Identity) (resetter.Account, error) {
			<-ctx.Done()
			return resetter.Account{}, refusal(resetter.ErrNotStarted, ctx.Err())
		}}
		j := newLedger(t, people("a", 20)...)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err := (&bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "a", Resetter: s, Concurrency: 4}}}).Prepare(ctx)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Prepare returned %v", err)
		}
		all(t, j, "pending/not_started")
	})
}

func TestALookUpThatTheDeadlineEndsIsLeftForLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &system{}
		s.resolve = func(_ context.Context, id resetter.Identity) (resetter.Account, error) {
			time.Sleep(time.Second)
			return account(id.Value), nil
		}
		j := newLedger(t, people("a", 20)...)
		e := &bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "a", Resetter: s}}, Deadline: time.Now().Add(4500 * time.Millisecond)}
		if plan := prepare(t, e); plan.Targets[0].Would != 4 || plan.Targets[0].Later != 16 {
			t.Errorf("the plan is %+v", plan)
		}
		_, err := e.Act(t.Context())
		ok(t, err)
		all(t, j, "pending/not_started")
	})
}

func TestOnlyTargetsThatAreNeededAreContacted(t *testing.T) {
	var targets []bulk.Target
	systems := make(map[string]*checked)
	for _, name := range []string{"needed", "idle", "excluded"} {
		systems[name] = &checked{system: &system{}}
		targets = append(targets, bulk.Target{Name: name, Resetter: systems[name], Exclude: name == "excluded"})
	}
	j := newLedger(t, person("needed", "p@example.com"), person("excluded", "p@example.com"))
	e := &bulk.Engine{Journal: j, Targets: targets}
	_, err := e.Check(t.Context())
	ok(t, err)
	work(t, e)
	if n := [3]int{systems["needed"].asked, systems["idle"].asked, systems["excluded"].asked + systems["excluded"].lookUps}; n != [3]int{1, 0, 0} {
		t.Errorf("needed, idle and excluded were asked %v times", n)
	}
}

func TestCheckNamesEveryTargetThatRefuses(t *testing.T) {
	a := &checked{system: &system{}, err: refusal(resetter.ErrUnauthorized, nil)}
	b := &checked{system: &system{}, status: resetter.Status{Mailer: resetter.MailerAbsent}}
	c := &checked{system: &system{}}
	j := newLedger(t, person("a", "p@example.com"), person("b", "p@example.com"), person("c", "p@example.com"))
	e := &bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "a", Resetter: a}, {Name: "b", Resetter: b}, {Name: "c", Resetter: c}}}
	_, err := e.Prepare(t.Context())
	if !errors.Is(err, resetter.ErrUnauthorized) || !errors.Is(err, bulk.ErrNoMailer) {
		t.Fatalf("Prepare returned %v", err)
	}
	if !strings.Contains(err.Error(), "target a:") || !strings.Contains(err.Error(), "target b:") {
		t.Errorf("the error does not name both: %v", err)
	}
	all(t, j, "pending/not_started")

	a.err = nil
	e.Links = func(context.Context, bulk.Result, resetter.Secret) error { return nil }
	work(t, e) // someone takes the links now
	all(t, j, "done/accepted")
}

func TestRowsOfATargetThatIsNotGivenAreAnError(t *testing.T) {
	s := &system{}
	j := newLedger(t, person("a", "p@example.com"), person("elsewhere", "p@example.com"))
	_, err := (&bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "a", Resetter: s}}}).Prepare(t.Context())
	if err == nil || !strings.Contains(err.Error(), `"elsewhere"`) || s.lookUps > 0 {
		t.Errorf("Prepare returned %v after %d look-ups", err, s.lookUps)
	}
}

func TestAnAccountThatWasMailedIsLetBe(t *testing.T) {
	accepted, doubtful := error(nil), error(refusal(resetter.ErrLostAnswer, nil))
	for _, c := range []struct {
		name     string
		first    error
		cooldown time.Duration
		after    time.Duration
		want     string
	}{
		{"mailed within it", accepted, time.Hour, 59 * time.Minute, "skipped/cooldown"},
		{"mailed before it", accepted, time.Hour, 61 * time.Minute, "pending/not_started"},
		{"mailed, and it is off", accepted, 0, time.Minute, "pending/not_started"},
		{"in doubt within it", doubtful, 2 * time.Hour, 119 * time.Minute, "skipped/cooldown"},
		{"in doubt, and it is off", doubtful, 0, 59 * time.Minute, "skipped/cooldown"},
		{"in doubt, and it is short", doubtful, time.Minute, 59 * time.Minute, "skipped/cooldown"},
		{"in doubt long ago", doubtful, 0, 61 * time.Minute, "pending/not_started"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &system{answer: func(context.Context, string, int) (bool, error) { return true, c.first }}
				j := newLedger(t, person("a", "p@example.com"))
				j.twins = true
				e := &bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "a", Resetter: s, Cooldown: c.cooldown}}}
				work(t, e)
				time.Sleep(c.after)
				again := person("a", "p@example.com")
				again.Seq = 2
				ok(t, j.Add(t.Context(), bulk.Rows(again)))
				prepare(t, e)
				is(t, results(t, j)[1], c.want)
			})
		})
	}
}

func TestTooManyRowsSendNothing(t *testing.T) {
	s := &system{}
	j := newLedger(t, people("a", 4)...)
	e := &bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "a", Resetter: s}}, Guards: bulk.Guards{MaxRows: 3}}
	if plan := prepare(t, e); plan.Guard == nil || plan.Would() != 4 {
		t.Errorf("the plan is %+v", plan)
	}
	_, err := e.Act(t.Context())
	var guard *bulk.GuardError
	if !errors.As(err, &guard) || guard.Guard != "max_rows" || len(s.order) > 0 {
		t.Errorf("Act returned %v after %d requests", err, len(s.order))
	}
	all(t, j, "pending/halted")
	e.Guards.MaxRows = 4
	work(t, e)
	all(t, j, "done/accepted")
}

func TestWhatAnEarlierProcessFoundOutIsNotForgotten(t *testing.T) {
	s := &system{}
	j := newLedger(t, people("a", 1)...)
	// It ended between the look-up and its outcome.
	ok(t, j.Resolved(t.Context(), 1, resetter.Account{ID: "1", Ineligible: "inactive"}))
	work(t, &bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "a", Resetter: s}}})
	all(t, j, "failed/ineligible")
}

func TestALookUpThatIsThroughIsKeptWhenTheTimeIsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &system{}
		j := newLedger(t, people("a", 3)...)
		j.resolved = func() { time.Sleep(time.Minute) }
		e := &bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "a", Resetter: s}}, Deadline: time.Now().Add(30 * time.Second)}
		if plan := prepare(t, e); plan.Targets[0].Would != 1 || plan.Targets[0].Later != 2 {
			t.Errorf("the plan is %+v", plan)
		}
	})
}

// A system may see that the time does not suffice before it is over.
func TestACheckThatTheDeadlineWouldNotLetEndIsNoRefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hasty := pausing{&system{}, func() error { return refusal(resetter.ErrNotStarted, context.DeadlineExceeded) }}
		j := newLedger(t, people("a", 1)...)
		e := &bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "a", Resetter: hasty}}, Deadline: time.Now().Add(time.Second)}
		if _, err := e.Prepare(t.Context()); !errors.Is(err, bulk.ErrTimeUp) {
			t.Errorf("got %v", err)
		}
		all(t, j, "pending/not_started")
	})
}

func TestEverythingThatIsWrongWithAnEngineIsSaidAtOnce(t *testing.T) {
	wrong := bulk.Engine{
		Targets: []bulk.Target{{}, {Name: "a"}, {Name: "a", Resetter: &system{}}},
		Guards:  bulk.Guards{MaxRows: -1, MaxFailurePercent: 101},
	}
	for name, method := range map[string]func() error{
		"Check":     func() error { _, err := wrong.Check(t.Context()); return err },
		"Prepare":   func() error { _, err := wrong.Prepare(t.Context()); return err },
		"Act":       func() error { _, err := wrong.Act(t.Context()); return err },
		"Reconcile": func() error { _, err := wrong.Reconcile(t.Context()); return err },
	} {
		err := method()
		if err == nil {
			t.Fatalf("%s: accepted", name)
		}
		for _, want := range []string{"no Journal", "no Name", `"a" has no Resetter`, `two Targets are called "a"`, "cannot be negative", "MaxFailurePercent is 101"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %q is not said: %v", name, want, err)
			}
		}
	}
}
