//go:build unix

package e2e

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if dir, ok := strings.CutPrefix(os.Args[len(os.Args)-1], keeperArgument); ok {
		if err := keep(dir, os.Stdin); err != nil {
			fmt.Fprintln(os.Stderr, "e2e:", err)
			os.Exit(1)
		}
		return
	}
	code := m.Run()
	if err := shutdown(); err != nil {
		fmt.Fprintln(os.Stderr, "e2e: shutting down:", err)
		code = 1
	}
	os.Exit(code)
}

// A stack is everything that runs beside the command under test.
type stack struct {
	keeper     *keeper
	mailbox    *mailbox
	mailing    *unleash // mails through the mailbox
	mailerless *unleash // has no mailer
}

// running is the one stack, for all tests, or why it did not start.
var running struct {
	once   sync.Once
	stack  *stack
	err    error
	cancel context.CancelFunc
}

// boot returns the running stack and starts it for the first test that asks.
// It skips the test unless the end-to-end tests are wanted.
func boot(t *testing.T) *stack {
	t.Helper()
	if os.Getenv("E2E") == "" {
		t.Skip("needs npm and starts real servers; run it with: E2E=1 go test ./cmd/resetctl/e2e/...")
	}
	running.once.Do(func() {
		var ctx context.Context
		ctx, running.cancel = context.WithCancel(context.Background())
		running.stack, running.err = start(ctx)
	})
	if running.err != nil {
		t.Fatal(running.err)
	}
	return running.stack
}

func start(ctx context.Context) (s *stack, err error) {
	s = &stack{}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if err = install(ctx); err != nil {
		return s, err
	}
	booting, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if s.keeper, err = startKeeper(); err != nil {
		return s, err
	}
	if s.mailbox, err = openMailbox(); err != nil {
		return s, err
	}
	db, err := startPostgres(ctx, s.keeper)
	if err != nil {
		return s, err
	}
	if err = db.waitReady(booting); err != nil {
		return s, err
	}
	if s.mailing, err = startUnleash(ctx, s.keeper, db, mailingDatabase, s.mailbox); err != nil {
		return s, err
	}
	if s.mailerless, err = startUnleash(ctx, s.keeper, db, mailerlessDatabase, nil); err != nil {
		return s, err
	}
	return s, errors.Join(s.mailing.waitHealthy(booting), s.mailerless.waitHealthy(booting))
}

func (s *stack) close() error {
	var errs []error
	if s.keeper != nil {
		errs = append(errs, s.keeper.close())
	}
	if s.mailbox != nil {
		errs = append(errs, s.mailbox.close())
	}
	return errors.Join(errs...)
}

// shutdown ends what boot started and looks for what was forgotten.
func shutdown() error {
	if running.stack == nil {
		return nil
	}
	var err error
	if running.err == nil { // else start has closed it
		err = running.stack.close()
	}
	running.cancel()
	http.DefaultClient.CloseIdleConnections()
	return errors.Join(err, goleak.Find())
}

var addresses atomic.Int64

// newAddress is an e-mail address that nobody else in the tests has. It has
// capitals, as people's files do.
func newAddress(t *testing.T) string {
	t.Helper()
	return fmt.Sprintf("Person.%04d@Example.com", addresses.Add(1))
}

// settle returns when every mail that the server has to send for the resets
// that it accepted so far is in the mailbox. Unleash answers before it mails,
// so a last person is reset: once that mail is in and no other is on its way,
// there is nothing more to come.
func (s *stack) settle(t *testing.T) {
	t.Helper()
	last := s.mailing.newPerson(t, newAddress(t), "The last one")
	s.mailing.reset(t, last.Email).want(t, http.StatusOK)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	err := s.mailbox.wait(ctx, func() bool {
		return len(s.mailbox.lettersTo(last.Email)) > 0 && s.mailbox.open == 0
	})
	if err != nil {
		t.Fatalf("the mail of %s does not come: %v", last.Email, err)
	}
}
