package resettertest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed57652884/resetctl/resetter"
)

// A world is one system, one proxy before it, and what was found there.
type world struct {
	subject Subject
	proxy   *proxy
	virtual bool // time costs nothing
	log     record
	used    int // of Subject.People

	mu       sync.Mutex
	scene    string
	findings []string
	endings  map[string]int // of random resets
}

// A record is a log that may be written and read at once.
type record struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (r *record) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(p)
}

func (r *record) take() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	defer r.text.Reset()
	return r.text.String()
}

func newWorld(t testing.TB, start Start, near, server network, virtual bool) *world {
	if virtual {
		// Virtual time begins in 2000, when points in time counted in seconds
		// looked like spans of time.
		time.Sleep(time.Until(time.Date(2026, time.January, 5, 9, 0, 0, 0, time.UTC)))
	}
	w := &world{subject: start(t, server.listener), virtual: virtual, endings: map[string]int{}}
	w.proxy = newProxy(w.subject, near, server)
	t.Cleanup(w.proxy.close)
	return w
}

func (w *world) found(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.findings = append(w.findings, w.scene+": "+fmt.Sprintf(format, args...))
}

// enter names what is going on, for findings.
func (w *world) enter(scene string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.scene = scene
}

// result is everything that was found, the proxy's part included.
func (w *world) result() []string {
	w.collect()
	return w.findings
}

func (w *world) collect() {
	w.proxy.mu.Lock()
	found := w.proxy.findings
	w.proxy.findings = nil
	w.proxy.mu.Unlock()
	for _, f := range found {
		w.found("%s", f)
	}
}

// client makes a client; the function returned closes it.
func (w *world) client() (resetter.Resetter, func()) {
	client, err := w.subject.New(Terms{
		Dial: w.proxy.dial, Timeout: timeout, MaxWait: maxWait,
		Log: slog.New(slog.NewJSONHandler(&w.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		w.found("New fails: %v", err)
		return nil, nil
	}
	return client, func() {
		if c, ok := client.(resetter.Closer); ok {
			ctx, cancel := context.WithTimeout(context.Background(), timeout)
			defer cancel()
			_ = c.Close(ctx)
		}
	}
}

// people looks up the next n people while all is well. It starts again from
// the first when all have had their turn.
func (w *world) people(n int) (accounts []resetter.Account) {
	w.proxy.follow(nil)
	client, done := w.client()
	if client == nil {
		return nil
	}
	defer done()
	for range n {
		id := w.subject.People[w.used%len(w.subject.People)]
		w.used++
		account, err := client.Resolve(context.Background(), id)
		if err != nil {
			w.found("%s cannot be looked up although all is well: %v", id, err)
			return nil
		}
		accounts = append(accounts, account)
	}
	return accounts
}

// meet has act work with a client of its own and an account that exists, once
// the client is as warm as the way wants it. Then all is well again.
func (w *world) meet(how way, act func(resetter.Resetter, resetter.Account)) {
	accounts := w.people(1)
	client, done := w.client()
	if accounts == nil || client == nil {
		return
	}
	defer func() {
		w.proxy.follow(nil)
		done()
	}()
	if how.warm {
		if _, err := client.Resolve(context.Background(), resetter.Email(accounts[0].Email)); err != nil {
			w.found("%s cannot be looked up although all is well: %v", accounts[0].Email, err)
			return
		}
		w.quiet()
	}
	w.proxy.follow(nil) // what it took is not counted
	act(client, accounts[0])
}

// A way is how a call is made.
type way struct {
	name       string
	warm       bool // on a connection and a session that were used before
	handedBack bool // waits are slept here instead of in the call
	deadline   time.Duration
}

func (w way) context() (context.Context, context.CancelFunc) {
	ctx := context.Background()
	if w.handedBack {
		ctx = resetter.WithWaitsHandedBack(ctx)
	}
	if w.deadline > 0 {
		return context.WithTimeout(ctx, w.deadline)
	}
	return context.WithCancel(ctx)
}

var (
	fresh      = way{name: "on a new connection"}
	warm       = way{name: "on a used connection", warm: true}
	handedBack = way{name: "with waits handed back", handedBack: true, warm: true}
	hurried    = way{name: "under a deadline", deadline: 10 * time.Second, warm: true}
)

// A call is one Reset or Resolve, with all that its caller does about it.
type call struct {
	err      error
	spent    time.Duration // in the call that took longest
	total    time.Duration
	attempts int // requests, by its own account
}

// make has act done on the way. An act that never returns is a finding.
func (w *world) make(how way, act func(context.Context) (attempts int, err error)) (c call) {
	began := time.Now()
	for range 100 {
		ctx, cancel := how.context()
		since := time.Now()
		var attempts int
		attempts, c.err = w.bounded(ctx, cancel, act)
		cancel()
		c.spent = max(c.spent, time.Since(since))
		c.total = time.Since(began)
		c.attempts += attempts
		e, ok := errors.AsType[*resetter.Error](c.err)
		if !how.handedBack || !ok || e.Until.IsZero() || e.Kind.Unknown() || e.Until.After(began.Add(maxWait)) {
			return c
		}
		wait := time.Until(e.Until)
		if wait <= 0 {
			w.found("it was handed back to be tried again at a time that has passed: %v", c.err)
			return c
		}
		time.Sleep(wait)
	}
	w.found("it was handed back 100 times")
	return c
}

// bounded calls act and gives up on it after a time that nothing explains.
func (w *world) bounded(ctx context.Context, cancel context.CancelFunc, act func(context.Context) (int, error)) (attempts int, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		attempts, err = act(ctx)
	}()
	longest := time.Hour
	if !w.virtual {
		longest = time.Minute
	}
	patience := time.NewTimer(longest)
	defer patience.Stop()
	select {
	case <-done:
	case <-patience.C:
		w.found("it does not return")
		cancel()
		w.hangUpAll()
		<-done
	}
	return attempts, err
}

func (w *world) hangUpAll() {
	w.proxy.mu.Lock()
	defer w.proxy.mu.Unlock()
	for conn := range w.proxy.conns {
		_ = conn.Close()
	}
}

// quiet waits until connections that are of no more use now are idle.
func (w *world) quiet() {
	if w.virtual {
		synctest.Wait()
	}
}

// settle waits until nothing that was begun goes on anywhere.
func (w *world) settle() {
	w.hangUpAll()
	w.proxy.settle()
	if w.virtual {
		time.Sleep(time.Minute) // a mailer that runs later has run now
	}
}

// intents counts what BeforeSend is told.
type intents struct {
	world  *world
	mu     sync.Mutex
	noted  int
	refuse error
}

func (i *intents) note(context.Context) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.noted++
	if arrived := i.world.proxy.count(resetting); arrived >= i.noted {
		i.world.found("a reset left before BeforeSend was called for it")
	}
	return i.refuse
}

// reset calls Reset for one account and checks what must hold whatever went
// wrong. The plan of the proxy must be for it alone.
func (w *world) reset(client resetter.Resetter, account resetter.Account, how way, refuse error) call {
	noted := &intents{world: w, refuse: refuse}
	before := w.subject.Mails()
	w.log.take()
	var receipt resetter.Receipt
	c := w.make(how, func(ctx context.Context) (int, error) {
		var err error
		receipt, err = client.Reset(resetter.WithBeforeSend(ctx, noted.note), account)
		if err != nil {
			e, _ := errors.AsType[*resetter.Error](err)
			if e == nil {
				return 0, err
			}
			return e.Attempts, err
		}
		return receipt.Attempts, nil
	})
	w.settle()
	w.checkMails(before, map[string]error{strings.ToLower(account.Email): c.err})
	w.checkError(c.err)
	w.checkSecrets(c.err, receipt)
	if arrived := w.proxy.count(resetting); arrived > noted.noted {
		w.found("%d resets left and BeforeSend was called %d times", arrived, noted.noted)
	}
	if noted.noted != c.attempts && !errors.Is(c.err, resetter.ErrNotStarted) {
		w.found("BeforeSend was called %d times and %d attempts are said to have been made", noted.noted, c.attempts)
	}
	return c
}

// resolve is reset for a look-up.
func (w *world) resolve(client resetter.Resetter, account resetter.Account, how way) call {
	before := w.subject.Mails()
	w.log.take()
	c := w.make(how, func(ctx context.Context) (int, error) {
		ctx = resetter.WithBeforeSend(ctx, func(context.Context) error {
			w.found("BeforeSend was called for a look-up")
			return nil
		})
		got, err := client.Resolve(ctx, resetter.Email(account.Email))
		if err == nil && (got.ID != account.ID || !resetter.SameEmail(got.Email, account.Email)) {
			w.found("another account was found than while all was well: %+v", got)
		}
		return 0, err
	})
	w.settle()
	w.checkMails(before, nil)
	w.checkError(c.err)
	w.checkSecrets(c.err, resetter.Receipt{})
	if errors.Is(c.err, resetter.ErrUnknownOutcome) {
		w.found("looking up ends in doubt: %v", c.err)
	}
	return c
}

// checkMails is the heart of it: what was said of each reset against who was
// mailed. Everybody who is not in said must not have been.
func (w *world) checkMails(before map[string]int, said map[string]error) {
	after := w.subject.Mails()
	for address := range maps.Keys(after) {
		if _, meant := said[address]; !meant && after[address] != before[address] {
			w.found("%s was mailed, whom nobody meant", address)
		}
	}
	for address, err := range said {
		switch n := after[address] - before[address]; {
		case n > 1:
			w.found("MAILED %d TIMES: %s (%v)", n, address, err)
		case n == 1 && err != nil && !errors.Is(err, resetter.ErrUnknownOutcome):
			w.found("MAILED, and said not to be: %s: %v", address, err)
		case n == 0 && err == nil:
			w.found("NOT MAILED, and said to be: %s", address)
		}
	}
}

func (w *world) checkError(err error) {
	w.collect()
	if err == nil {
		return
	}
	e, ok := errors.AsType[*resetter.Error](err)
	switch {
	case !ok:
		w.found("an error that is no *resetter.Error: %T %v", err, err)
	case strings.ContainsAny(err.Error(), "\r\n"):
		w.found("an error of several lines: %q", err)
	case !e.Kind.Unknown() && !slices.Contains(certain, e.Kind):
		w.found("an error of no known kind: %q", e.Kind)
	case e.Kind == resetter.ErrRateLimited && e.Until.IsZero():
		w.found("throttled, and no word of when to come again: %v", err)
	case (e.Scope == "") != e.Until.IsZero():
		w.found("it says whom a pause concerns or how long it is, and not both: %v", err)
	case errors.Is(err, resetter.ErrUnknownOutcome) != e.Kind.Unknown():
		w.found("an error of kind %s that does and does not match ErrUnknownOutcome", e.Kind)
	}
}

// checkSecrets looks for what must not be seen in what can be.
func (w *world) checkSecrets(err error, receipt resetter.Receipt) {
	asJSON := func(v any) string {
		text, failed := json.Marshal(v)
		if failed != nil {
			return "" // not of a kind that can be
		}
		return string(text)
	}
	w.proxy.mu.Lock()
	secrets := slices.Collect(maps.Keys(w.proxy.secrets))
	w.proxy.mu.Unlock()
	secrets = append(secrets, w.subject.Canary, canary)
	for where, text := range map[string]string{
		"the error":            fmt.Sprintf("%v %+v %#v", err, err, err),
		"the error's JSON":     asJSON(err),
		"the receipt":          fmt.Sprintf("%v %+v %#v", receipt, receipt, receipt),
		"the receipt's JSON":   asJSON(receipt),
		"the log":              w.log.take(),
		"a cause of the error": causes(err),
	} {
		for _, secret := range secrets {
			if at := strings.Index(text, secret); secret != "" && at >= 0 {
				w.found("a secret shows in %s: …%s…", where, text[max(0, at-60):at])
				break
			}
		}
	}
}

func causes(err error) (text string) {
	for err != nil {
		text += fmt.Sprintf("%+v %#v\n", err, err)
		err = errors.Unwrap(err)
	}
	return text
}

// expect checks how a call ended against how it should have.
func (w *world) expect(c call, want ending, how way) {
	if how.deadline > 0 {
		if c.spent > how.deadline+time.Second {
			w.found("it took %v under a deadline of %v", c.spent, how.deadline)
		}
		return
	}
	if c.err == nil && want.done {
		return
	}
	if e, ok := errors.AsType[*resetter.Error](c.err); ok && e.Kind == resetter.ErrUnauthorized && !e.Stop {
		w.found("the error does not stop the target, to which nobody can sign in: %v", e)
	}
	for _, k := range want.kinds {
		if errors.Is(c.err, k) {
			return
		}
	}
	w.found("it ended with %v, which should have been %s", c.err, want)
}
