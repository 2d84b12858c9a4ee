package bulk_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/bulk"
)

// legible is a system whose state tells whom it has mailed: the evidence is how
// often.
type legible struct {
	*system
	read func(ctx context.Context) error // before it answers

	mu    sync.Mutex
	asked [][]string
}

func (l *legible) Resolve(_ context.Context, id resetter.Identity) (resetter.Account, error) {
	a := account(id.Value)
	a.Evidence = l.evidence(a.ID)
	return a, nil
}

func (l *legible) evidence(id string) string { return strings.Repeat("x", 1+l.mailed()[id]) }

func (l *legible) Reconcile(ctx context.Context, before []resetter.Account) ([]resetter.Finding, error) {
	if l.read != nil {
		if err := l.read(ctx); err != nil {
			return nil, err
		}
	}
	var ids []string
	findings := make([]resetter.Finding, len(before))
	for i, a := range before {
		ids = append(ids, a.ID)
		findings[i] = resetter.Finding{Done: l.evidence(a.ID) != a.Evidence, Evidence: "what was read"}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked = append(l.asked, ids)
	return findings, nil
}

// half loses every answer, and has mailed every second person.
func half() *legible {
	return &legible{system: &system{answer: func(_ context.Context, id string, _ int) (bool, error) {
		return strings.TrimLeft(id, "p")[0]%2 == 0, refusal(resetter.ErrLostAnswer, nil)
	}}}
}

func TestReadingSettlesWhatIsPlainAndNothingElse(t *testing.T) {
	l, mute := half(), &system{answer: func(context.Context, string, int) (bool, error) { return true, refusal(resetter.ErrServerError, nil) }}
	j := newLedger(t, append(people("a", 6), people("b", 2)...)...)
	e := &bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "a", Resetter: l, Concurrency: 3}, {Name: "b", Resetter: mute}}}
	work(t, e)
	sent := len(l.order) + len(mute.order)
	found, err := e.Reconcile(t.Context())
	ok(t, err)
	if len(found) != 2 || found[0] != (bulk.Reconciled{Target: "a", Asked: 6, Confirmed: 3}) || found[1] != (bulk.Reconciled{Target: "b", Mute: true}) {
		t.Errorf("found %+v", found)
	}
	for _, r := range results(t, j) {
		switch {
		case r.Row.Target == "b":
			is(t, r, "unknown/server_error")
		case l.mailed()[r.Account.ID] == 1:
			is(t, r, "done/confirmed")
			if !strings.Contains(r.Detail, "what was read") || !strings.Contains(r.Detail, "lost") {
				t.Errorf("the detail is %q", r.Detail)
			}
		default:
			is(t, r, "unknown/lost_answer")
		}
	}
	if n := len(l.order) + len(mute.order); n != sent {
		t.Errorf("reading sent %d requests", n-sent)
	}
	// Again is about those that are left.
	if _, err := e.Reconcile(t.Context()); err != nil || len(l.asked) != 2 || len(l.asked[1]) != 3 {
		t.Errorf("%v, asked %v", err, l.asked)
	}
}

func TestWhatWasInFlightInAnEarlierProcessIsReadAbout(t *testing.T) {
	l := half()
	j := newLedger(t, people("a", 2)...)
	e := &bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "a", Resetter: l}}}
	prepare(t, e)
	ok(t, j.Intent(t.Context(), 1, 1))
	_, _ = l.Reset(t.Context(), resetter.Account{ID: "p0"}) // and then the process ended
	ok(t, j.Intent(t.Context(), 2, 1))                      // which had not sent this one yet
	_, err := e.Reconcile(t.Context())
	ok(t, err)
	is(t, results(t, j)[0], "done/confirmed")
	is(t, results(t, j)[1], "unknown/interrupted")
}

func TestASystemThatCannotBeReadLeavesItsRowsInDoubt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bad, good := half(), half()
		j := newLedger(t, append(people("bad", 2), people("good", 2)...)...)
		e := &bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "bad", Resetter: bad, MaxWait: time.Minute}, {Name: "good", Resetter: good}}}
		work(t, e)
		for name, err := range map[string]error{
			"it refuses":      refusal(resetter.ErrForbidden, nil),
			"it is gone":      refusal(resetter.ErrUnavailable, nil),
			"something else":  errors.New("odd"),
			"too long a wait": throttled(time.Hour, resetter.ScopeTarget),
		} {
			bad.read = func(context.Context) error { return err }
			found, err := e.Reconcile(t.Context())
			ok(t, err)
			if found[0].Stopped == "" || found[0].Confirmed > 0 {
				t.Errorf("%s: found %+v", name, found)
			}
		}
		if good.mailed()["p0"] != 1 {
			t.Fatal("this proves nothing")
		}
		is(t, results(t, j)[0], "unknown/lost_answer")
		is(t, results(t, j)[2], "done/confirmed")

		// A pause that it asks for is waited for.
		asked, begun := 0, time.Now()
		bad.read = func(context.Context) error {
			if asked++; asked == 1 {
				return throttled(10*time.Second, resetter.ScopeTarget)
			}
			return nil
		}
		_, err := e.Reconcile(t.Context())
		ok(t, err)
		if took := time.Since(begun); took != 10*time.Second {
			t.Errorf("it took %v", took)
		}
		is(t, results(t, j)[0], "done/confirmed")
	})
}

func TestWhoeverAnswersAboutTooFewPeopleIsNotBelieved(t *testing.T) {
	j := newLedger(t, people("a", 4)...)
	l := half()
	e := &bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "a", Resetter: l}}}
	work(t, e)
	e.Targets[0].Resetter = short{l}
	found, err := e.Reconcile(t.Context())
	ok(t, err)
	if found[0].Confirmed > 0 || found[0].Stopped == "" {
		t.Errorf("found %+v", found)
	}
	all(t, j, "unknown/lost_answer")
}

// short leaves the last one out.
type short struct{ *legible }

func (s short) Reconcile(ctx context.Context, before []resetter.Account) ([]resetter.Finding, error) {
	f, err := s.legible.Reconcile(ctx, before)
	return f[:len(f)-1], err
}

// mailless is a legible system that mails nobody and hands out links instead.
type mailless struct{ *legible }

func (mailless) Check(context.Context) (resetter.Status, error) {
	return resetter.Status{Mailer: resetter.MailerAbsent}, nil
}

// Where there is no mailer, a reset whose link was lost with its answer is no
// more use for having been made: it stays in doubt until it is sent once more.
func TestALinkThatWasLostWithItsAnswerIsMadeOnceMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := mailless{&legible{system: &system{receipt: resetter.Receipt{Link: resetter.NewSecret("https://example.com/reset/1")}}}}
		s.answer = func(_ context.Context, _ string, nth int) (bool, error) {
			switch nth {
			case 1:
				return true, refusal(resetter.ErrLostAnswer, nil)
			case 2: // which proves that the first was done
				return false, throttled(50*time.Second, resetter.ScopePerson)
			}
			return true, nil
		}
		j := newLedger(t, people("a", 2)...)
		links := 0
		engine := func() *bulk.Engine {
			return &bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "a", Resetter: s}},
				Links: func(context.Context, bulk.Result, resetter.Secret) error { links++; return nil }}
		}
		e := engine()
		work(t, e)
		for range 2 { // at the end of the run, and before another one begins
			found, err := e.Reconcile(t.Context())
			ok(t, err)
			if len(found) != 1 || found[0].Confirmed > 0 || !strings.Contains(found[0].Stopped, "no mailer") {
				t.Errorf("found %+v", found)
			}
			all(t, j, "unknown/lost_answer")
			e = engine()
		}
		e.ResendUnknown = true
		work(t, e)
		all(t, j, "done/accepted")
		if links != 2 || len(s.legible.asked) > 0 {
			t.Errorf("%d links; it was read %d times", links, len(s.legible.asked))
		}
	})
}

func TestReadingEndsWithItsContext(t *testing.T) {
	l := half()
	j := newLedger(t, people("a", 4)...)
	e := &bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "a", Resetter: l}}}
	work(t, e)
	ctx, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	l.read = func(ctx context.Context) error { cancel(enough); <-ctx.Done(); return ctx.Err() }
	if _, err := e.Reconcile(ctx); !errors.Is(err, enough) {
		t.Errorf("got %v", err)
	}
	all(t, j, "unknown/lost_answer")
}

func TestOnTheOperatorsWordWhatIsInDoubtIsSentOnceMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answers := map[string]error{}
		s := &system{answer: func(_ context.Context, id string, nth int) (bool, error) {
			if nth == 1 {
				return true, refusal(resetter.ErrLostAnswer, nil)
			}
			return answers[id] == nil, answers[id]
		}}
		j := newLedger(t, people("a", 5)...)
		e := &bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "a", Resetter: s, Concurrency: 2, Cooldown: time.Hour}}}
		work(t, e)
		all(t, j, "unknown/lost_answer")
		ok(t, j.Add(t.Context(), bulk.Rows(bulk.Row{Seq: 6, Target: "a", Identity: resetter.Email("p0+x@example.com")})))
		work(t, e)
		is(t, results(t, j)[5], "skipped/duplicate")
		if n := len(s.order); n != 5 {
			t.Fatalf("%d requests without the operator's word", n)
		}

		answers["p1"] = refusal(resetter.ErrRejected, nil)              // certainly not sent now, perhaps before
		answers["p2"] = refusal(resetter.ErrServerError, nil)           // in doubt again
		answers["p3"] = throttled(61*time.Second, resetter.ScopePerson) // proves that the first was done
		e.Guards.Deny = []string{"p4@example.com"}                      // not to be touched any more
		before := results(t, j)
		time.Sleep(10 * time.Second)
		e.ResendUnknown = true
		if plan := prepare(t, e); plan.Would() != 4 || plan.Targets[0].Again != 4 || plan.Targets[0].Would != 0 {
			t.Errorf("the plan is %+v", plan)
		}
		summary, err := e.Act(t.Context())
		ok(t, err)
		got := results(t, j)
		for i, want := range []string{"done/accepted", "unknown/lost_answer", "unknown/server_error", "done/confirmed", "unknown/lost_answer", "skipped/duplicate"} {
			is(t, got[i], want)
		}
		if d := got[1].Detail; !strings.Contains(d, "sent once more and refused") || got[1].Attempts != 2 || !got[1].FinishedAt.Equal(before[1].FinishedAt) {
			t.Errorf("attempts %d, finished %v: %s", got[1].Attempts, got[1].FinishedAt, d)
		}
		if s.requests["p4"] != 1 || s.requests["p3"] != 2 || s.mailed()["p3"] != 1 {
			t.Errorf("requests %v, mails %v", s.requests, s.mailed())
		}
		if c := summary.Counts(); c[bulk.Done] != 2 || c[bulk.Unknown] != 3 {
			t.Errorf("the summary counts %v", c)
		}
		progress := e.Progress().Targets[0].Counts
		if progress[bulk.Done] != 2 || progress[bulk.Unknown] != 3 || progress[bulk.Pending] != 0 {
			t.Errorf("the progress counts %v", progress)
		}
	})
}

// A pause for the person proves nothing when the request in doubt is older.
func TestAnOldDoubtIsNotProvedByAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &system{answer: func(_ context.Context, _ string, nth int) (bool, error) {
			switch nth {
			case 1:
				return false, refusal(resetter.ErrLostAnswer, nil)
			case 2: // somebody else has mailed the person
				return false, throttled(61*time.Second, resetter.ScopePerson)
			}
			return true, nil
		}}
		j := newLedger(t, people("a", 1)...)
		e := &bulk.Engine{Journal: j, ResendUnknown: true, Targets: []bulk.Target{{Name: "a", Resetter: s}}}
		work(t, e)
		time.Sleep(2 * time.Minute)
		work(t, e)
		all(t, j, "done/accepted")
		if s.requests["p0"] != 3 {
			t.Errorf("%d requests", s.requests["p0"])
		}
	})
}

// The time of a request counts, not when its process was found to have ended.
func TestADoubtIsAsOldAsItsRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &system{answer: func(_ context.Context, _ string, nth int) (bool, error) {
			if nth == 1 { // somebody else has mailed the person
				return false, throttled(61*time.Second, resetter.ScopePerson)
			}
			return true, nil
		}}
		j := newLedger(t, people("a", 1)...)
		e := &bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "a", Resetter: s}}}
		prepare(t, e)
		ok(t, j.Intent(t.Context(), 1, 1)) // and then the process ended, before the request had left
		time.Sleep(2 * time.Minute)
		e.ResendUnknown = true
		work(t, e)
		all(t, j, "done/accepted")
		mailedOnce(t, s)
	})
}

// Until a request has left, a row that is to be sent once more is in doubt, and
// a process that ends meanwhile leaves nothing that would be sent by itself.
func TestARowThatIsToBeSentOnceMoreIsNeverPending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &system{answer: func(context.Context, string, int) (bool, error) { return true, refusal(resetter.ErrLostAnswer, nil) }}
		j := newLedger(t, people("a", 8)...)
		e := &bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "a", Resetter: s, Concurrency: 2}}}
		work(t, e)
		s.answer = func(_ context.Context, id string, _ int) (bool, error) {
			if id == "p0" {
				time.Sleep(time.Second / 2)
				return false, throttled(time.Minute, resetter.ScopeTarget)
			}
			time.Sleep(time.Second)
			return true, nil
		}
		e.ResendUnknown = true
		prepare(t, e)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		_, err := e.Act(ctx)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Act returned %v", err)
		}
		for i, r := range results(t, j) {
			if i == 1 {
				is(t, r, "done/accepted")
			} else {
				is(t, r, "unknown/lost_answer")
			}
		}
		sent := len(s.order)
		e.ResendUnknown = false
		work(t, e)
		if len(s.order) != sent {
			t.Error("it was sent without the operator's word")
		}
	})
}

func TestAnIntentToSendOnceMoreThatCannotBeRecordedSendsNothing(t *testing.T) {
	s := &system{answer: func(context.Context, string, int) (bool, error) { return true, refusal(resetter.ErrLostAnswer, nil) }}
	j := newLedger(t, people("a", 2)...)
	e := &bulk.Engine{Journal: j, ResendUnknown: true, Targets: []bulk.Target{{Name: "a", Resetter: s}}}
	work(t, e)
	j.again = func(int, int) error { return errDisk }
	prepare(t, e)
	if _, err := e.Act(t.Context()); !errors.Is(err, errDisk) {
		t.Errorf("Act returned %v", err)
	}
	if len(s.order) != 2 {
		t.Errorf("%d requests", len(s.order))
	}
	all(t, j, "unknown/lost_answer")
}

// Whoever was read about long before his request may have been mailed by others
// since, so that nothing is proved.
func TestAnOldReadingProvesNothing(t *testing.T) {
	for age, want := range map[time.Duration]string{bulk.EvidenceLife: "done/confirmed", bulk.EvidenceLife + time.Second: "unknown/lost_answer"} {
		synctest.Test(t, func(t *testing.T) {
			l := half()
			j := newLedger(t, people("a", 1)...)
			e := &bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "a", Resetter: l}}}
			prepare(t, e)
			time.Sleep(age)
			_, err := e.Act(t.Context())
			ok(t, err)
			_, err = e.Reconcile(t.Context())
			ok(t, err)
			is(t, results(t, j)[0], want)
		})
	}
}

// Nor does what shows after another run has mailed the person between the reading
// and the request.
func TestWhatWasMailedBeforeTheRequestProvesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &legible{system: &system{answer: func(context.Context, string, int) (bool, error) { return false, refusal(resetter.ErrLostAnswer, nil) }}}
		j := newLedger(t, people("a", 1)...)
		j.twins = true
		e := &bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "a", Resetter: l}}}
		_, _ = l.Reset(t.Context(), account("p9@example.com")) // so that it counts from now on
		prepare(t, e)
		time.Sleep(time.Second)
		again := person("a", "p0@example.com")
		again.Seq = 2
		ok(t, j.Add(t.Context(), bulk.Rows(again)))
		ok(t, j.Resolved(t.Context(), 2, account("p0@example.com")))
		l.mails["p0"]++
		ok(t, j.Record(t.Context(), bulk.Result{Row: bulk.Row{Seq: 2}, Outcome: bulk.Done, Reason: bulk.Accepted}))
		time.Sleep(time.Second)
		_, err := e.Act(t.Context())
		ok(t, err)
		_, err = e.Reconcile(t.Context())
		ok(t, err)
		is(t, results(t, j)[0], "unknown/lost_answer")
	})
}

// Nor does it where the system has said that somebody else was faster.
func TestWhomSomebodyElseHasMailedIsNotReadAbout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &legible{system: &system{}}
		l.answer = func(_ context.Context, id string, nth int) (bool, error) {
			if nth == 1 {
				return true, throttled(61*time.Second, resetter.ScopePerson) // the mail is somebody else's
			}
			return false, refusal(resetter.ErrServerError, nil)
		}
		j := newLedger(t, people("a", 1)...)
		e := &bulk.Engine{Journal: j, Targets: []bulk.Target{{Name: "a", Resetter: l}}}
		work(t, e)
		_, err := e.Reconcile(t.Context())
		ok(t, err)
		is(t, results(t, j)[0], "unknown/server_error")
	})
}

// What shows may be what we did ourselves since.
func TestWhatWasMailedSinceProvesNothing(t *testing.T) {
	l := half()
	first := l.answer
	j := newLedger(t, people("a", 1)...)
	j.twins = true
	e := &bulk.Engine{Journal: j, ResendUnknown: true, Targets: []bulk.Target{{Name: "a", Resetter: l}}}
	l.answer = func(context.Context, string, int) (bool, error) { return false, refusal(resetter.ErrLostAnswer, nil) }
	work(t, e)
	all(t, j, "unknown/lost_answer")
	again := person("a", "p0@example.com")
	again.Seq = 2
	ok(t, j.Add(t.Context(), bulk.Rows(again)))
	ok(t, j.Resolved(t.Context(), 2, account("p0@example.com")))
	ok(t, j.Intent(t.Context(), 2, 1))
	_, _ = l.Reset(t.Context(), account("p0@example.com"))
	l.mails["p0"]++
	ok(t, j.Record(t.Context(), bulk.Result{Row: bulk.Row{Seq: 2}, Outcome: bulk.Done, Reason: bulk.Accepted}))
	l.answer = first
	_, err := e.Reconcile(t.Context())
	ok(t, err)
	is(t, results(t, j)[0], "unknown/lost_answer")
}
