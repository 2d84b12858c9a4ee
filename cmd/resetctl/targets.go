package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/config"
	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/bulk"
	"github.com/seed57652884/resetctl/resetter/journal"
	"github.com/seed57652884/resetctl/resetter/transport"
)

// targets makes the clients of all targets that are named. Those that the
// operator leaves out are not made. It returns those that it made along with
// an error.
func (j *job) targets(ctx context.Context, named map[string]bool) ([]bulk.Target, error) {
	var targets []bulk.Target
	var errs []error
	for _, name := range j.config.Names() {
		if !named[name] {
			continue
		}
		if j.excluded(name) {
			// In a run that goes on they wait for a command that does not leave
			// them out; in one that begins, they are no part of it.
			targets = append(targets, bulk.Target{Name: name, Exclude: !j.continued, Idle: j.continued})
			continue
		}
		t, err := j.target(ctx, j.config.Target(name))
		if err != nil {
			errs = append(errs, fmt.Errorf("target %s: %w", name, err))
			continue
		}
		targets = append(targets, t)
	}
	if err := errors.Join(errs...); err != nil {
		return targets, &exit{exitUsage, err}
	}
	return targets, j.twoNames(targets)
}

// twoNames refuses to work with one system under two names: whoever is named at
// both would be mailed twice.
func (j *job) twoNames(targets []bulk.Target) error {
	seen := make(map[string]string)
	for _, t := range targets {
		if t.Resetter == nil {
			continue
		}
		system := systemAt(j.config.Target(t.Name))
		if other, twice := seen[system]; twice {
			return usage("targets %s and %s are the same system, so that people would be mailed twice: leave one of them out, with --except or in the table", other, t.Name)
		}
		seen[system] = t.Name
	}
	return nil
}

// onThisMachine is in the name of each system at a loopback address.
const onThisMachine = "://localhost:"

// systemAt names the system that a target is, however its URL is written.
func systemAt(t *config.Target) string {
	u, err := url.Parse(t.URL)
	if err != nil { // which making its client refuses
		return t.System + " " + t.URL
	}
	scheme, host, port := strings.ToLower(u.Scheme), strings.TrimSuffix(strings.ToLower(u.Hostname()), "."), u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[scheme]
	}
	if ip := net.ParseIP(host); host == "localhost" || ip != nil && ip.IsLoopback() {
		host = "localhost" // see onThisMachine
	}
	return t.System + " " + scheme + "://" + net.JoinHostPort(host, port) + strings.TrimRight(u.EscapedPath(), "/")
}

// bind refuses to go on with a run whose targets are other systems by now: who
// its rows are about is true of the systems that they were looked up at. Test
// servers on this machine may have come up at another port. The run is ours.
func (j *job) bind(ctx context.Context, run *journal.Run) error {
	systems, err := j.systems(ctx, run)
	if err != nil {
		return err
	}
	for {
		other, err := j.moved(run.Bind(ctx, systems))
		if err != nil || other == nil {
			return err
		}
		j.io.Tell("%v: who is left is looked up there anew", other)
		if err := run.Move(ctx, other.Target, other.Now); err != nil {
			return err
		}
	}
}

// borrow is bind for a plan, which takes from a run of others what it knows, and
// changes nothing of it.
func (j *job) borrow(ctx context.Context, from *journal.Run) error {
	systems, err := j.systems(ctx, from)
	if err != nil {
		return err
	}
	w := j.waiting("comparing the rows with those of the run", 0)
	err = j.run.Borrow(ctx, from)
	w.stop()
	if err != nil {
		return err
	}
	for len(systems) > 0 {
		other, err := j.moved(from.Elsewhere(ctx, systems))
		if err != nil || other == nil {
			return err
		}
		if err := j.run.Move(ctx, other.Target, other.Now); err != nil {
			return err
		}
		delete(systems, other.Target)
	}
	return nil
}

// systems names the systems of a run's targets, as far as they are configured.
func (j *job) systems(ctx context.Context, run *journal.Run) (map[string]string, error) {
	counts, err := run.Counts(ctx)
	systems := make(map[string]string)
	for name := range counts {
		if t := j.config.Target(name); t != nil {
			systems[name] = systemAt(t)
		}
	}
	return systems, err
}

// moved is the target that is another system, both on this machine; elsewhere
// that is an error, as any other is.
func (j *job) moved(err error) (*journal.OtherSystemError, error) {
	other := (*journal.OtherSystemError)(nil)
	switch {
	case !errors.As(err, &other):
		return nil, err
	case !strings.Contains(other.Was, onThisMachine) || !strings.Contains(other.Now, onThisMachine):
		return nil, usage("%v. Nothing was sent: name the system that it was, or begin afresh with run --new, which knows nothing of what was done there", other)
	}
	return other, nil
}

// excluded reports whether the operator leaves the target out.
func (j *job) excluded(name string) bool {
	return len(j.options.only) > 0 && !slices.Contains(j.options.only, name) || slices.Contains(j.options.except, name)
}

func (j *job) target(ctx context.Context, t *config.Target) (bulk.Target, error) {
	secrets, err := t.Credentials(ctx)
	if err != nil {
		return bulk.Target{}, err
	}
	key, err := evidenceKey(j.config.State)
	if err != nil {
		return bulk.Target{}, err
	}
	opts := []transport.Option{
		transport.WithEvidenceKey(key),
		transport.WithTarget(t.Name), transport.WithRate(t.Rate), transport.WithTimeout(t.Timeout),
		transport.WithMaxWait(t.MaxWait), transport.WithLogger(j.log), transport.WithUserAgent("resetctl/" + release()),
	}
	if j.options.links != nil {
		opts = append(opts, transport.WithLinks())
	}
	if t.CAFile != "" {
		pem, err := os.ReadFile(t.CAFile)
		if err != nil {
			return bulk.Target{}, fmt.Errorf("ca_file: %w", err)
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(pem) {
			return bulk.Target{}, fmt.Errorf("ca_file: there is no certificate in %s", t.CAFile)
		}
		opts = append(opts, transport.WithRootCAs(pool))
	}
	if t.AllowHTTP {
		opts = append(opts, transport.WithPlainHTTP())
	}
	client, err := driverOf(t.System).open(t.URL, secrets, opts...)
	if err != nil {
		return bulk.Target{}, err
	}
	return bulk.Target{
		Name: t.Name, Resetter: client, Concurrency: t.Concurrency, Cooldown: t.Cooldown, MaxWait: t.MaxWait,
	}, nil
}

// lock holds the targets that will be signed in to, always in the same order.
func (j *job) lock(targets []bulk.Target) error {
	for _, t := range targets {
		if t.Resetter == nil {
			continue
		}
		if err := j.hold(lockTarget(j.config.State, t.Name)); err != nil {
			return err
		}
	}
	return nil
}

// hold keeps a lock until the job is done.
func (j *job) hold(held *heldLock, err error) error {
	if err == nil {
		j.locks = append(j.locks, held)
	}
	return err
}

// stillHolds is an error where a lock of the job was lost.
func (j *job) stillHolds() error {
	for _, held := range j.locks {
		if err := held.lost(); err != nil {
			return err
		}
	}
	return nil
}

func (j *job) unlock() {
	for _, held := range j.locks {
		_ = held.Close()
	}
}

// signOut ends the sessions, also after Ctrl-C, and does not take long.
func (j *job) signOut(targets []bulk.Target) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	var all sync.WaitGroup
	for _, t := range targets {
		if c, ok := t.Resetter.(resetter.Closer); ok {
			all.Go(func() {
				if err := c.Close(ctx); err != nil {
					j.log.Info("signing out failed; the session ends by itself", "target", t.Name, "error", err)
				}
			})
		}
	}
	all.Wait()
}
