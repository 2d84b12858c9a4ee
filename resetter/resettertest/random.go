package resettertest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed57652884/resetctl/resetter"
)

// random has everybody reset at once while a random sequence of faults
// strikes, and settles the account in the end. The same seed gives the same
// faults in the same order, if not always to the same requests.
func (s *suite) random(t *testing.T, seed uint64) {
	var findings []string
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, s.start, inMemory(), inMemory(), true)
		w.enter(fmt.Sprintf("seed %d", seed))
		w.chaos(seed)
		findings = w.result()
		t.Logf("endings: %v", w.endings)
	})
	s.report(t, findings)
}

func (w *world) chaos(seed uint64) {
	accounts := w.people(People)
	client, done := w.client()
	if accounts == nil || client == nil {
		return
	}
	w.proxy.crowded = true
	w.disturb(seed)
	before := w.subject.Mails()
	noted := &intents{world: w}
	said := map[string]error{}
	var all sync.WaitGroup
	for i, account := range accounts {
		how := []way{{}, {handedBack: true}, {deadline: time.Duration(1+i) * time.Second}}[i%3]
		all.Go(func() {
			err := w.persist(client, account, how, noted)
			word := "done"
			if e, ok := errors.AsType[*resetter.Error](err); ok {
				word = string(e.Kind)
			}
			w.mu.Lock()
			defer w.mu.Unlock()
			w.endings[word]++
			said[strings.ToLower(account.Email)] = err
		})
	}
	all.Wait()
	w.settle()
	w.checkMails(before, said)
	if arrived := w.proxy.count(resetting); arrived > noted.noted {
		w.found("%d resets left and BeforeSend was called %d times", arrived, noted.noted)
	}
	w.proxy.follow(nil)
	done()
}

// persist resets an account, a few times if it fails: what certainly was not
// done may be done again, so that a lie about it shows as a second mail.
func (w *world) persist(client resetter.Resetter, account resetter.Account, how way, noted *intents) (err error) {
	for range 3 {
		var receipt resetter.Receipt
		c := w.make(how, func(ctx context.Context) (int, error) {
			ctx = resetter.WithBeforeSend(ctx, noted.count)
			if _, err := client.Resolve(ctx, resetter.Email(account.Email)); errors.Is(err, resetter.ErrUnknownOutcome) {
				w.found("looking up ends in doubt: %v", err)
			}
			var err error
			receipt, err = client.Reset(ctx, account)
			return 0, err
		})
		w.checkError(c.err)
		w.checkSecrets(c.err, receipt)
		if most := 2 * (maxWait + 2*timeout); c.spent > most {
			w.found("looking up and resetting took %v, which should have been no more than %v", c.spent, most)
		}
		if err = c.err; err == nil || errors.Is(err, resetter.ErrUnknownOutcome) {
			break
		}
	}
	return err
}

// count is note for where several calls are under way.
func (i *intents) count(context.Context) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.noted++
	return nil
}

// disturb has the proxy do what a seed comes to: most of what goes wrong is on
// the reset itself, and now and then there is no connection.
func (w *world) disturb(seed uint64) {
	dice := rand.New(rand.NewPCG(seed, 0))
	list := faults(w.subject)
	w.proxy.follow(func(r route) *fault { // called with the proxy's lock held
		chance := map[route]float64{resetting: 0.5, reading: 0.1, signingIn: 0.1}[r]
		if dice.Float64() >= chance {
			return nil
		}
		f := &list[dice.IntN(len(list))]
		if f.refuses() && r != resetting || f.stops && r == signingIn || f.long {
			return nil // it would end everything at once
		}
		return f
	})
	var mu sync.Mutex
	var back time.Time
	coin := rand.New(rand.NewPCG(seed, 1))
	w.proxy.dialed(func(ctx context.Context, _ int, dial func(context.Context) (net.Conn, error)) (net.Conn, error) {
		mu.Lock()
		if coin.IntN(20) == 0 && !time.Now().Before(back) {
			back = time.Now().Add(3 * time.Second)
		}
		down := time.Now().Before(back)
		mu.Unlock()
		if down {
			return nil, refused()
		}
		return dial(ctx)
	})
}
