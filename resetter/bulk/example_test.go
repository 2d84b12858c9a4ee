package bulk_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/seed57652884/resetctl/looker"
	"github.com/seed57652884/resetctl/looker/lookertest"
	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/bulk"
	"github.com/seed57652884/resetctl/resetter/sandbox"
)

// directory is a system that knows some people. In a program of your own it is
// a looker.Client, an unleash.Client or a sugar.Client.
type directory map[string]resetter.Account

func (d directory) Resolve(_ context.Context, id resetter.Identity) (resetter.Account, error) {
	if account, ok := d[id.Value]; ok {
		return account, nil
	}
	return resetter.Account{}, &resetter.Error{System: "directory", Op: "look up", Account: id.Value,
		Kind: resetter.ErrNotFound, Advice: "correct the address"}
}

func (d directory) Reset(ctx context.Context, account resetter.Account) (resetter.Receipt, error) {
	// From here on the mail may be going out, and the journal knows it.
	if err := resetter.BeforeSend(ctx); err != nil {
		return resetter.Receipt{}, &resetter.Error{System: "directory", Op: "reset", Account: account.Email,
			Kind: resetter.ErrNotStarted, Err: err}
	}
	return resetter.Receipt{Status: 200, Attempts: 1}, nil
}

func Example() {
	ctx := context.Background()
	crm := directory{"ana@example.com": {ID: "7", Email: "ana@example.com"}}

	journal := bulk.NewMemory()
	err := journal.Add(ctx, bulk.Rows(
		bulk.Row{Target: "crm", Identity: resetter.Email("ana@example.com")},
		bulk.Row{Target: "crm", Identity: resetter.Email("bob@example.com")},
	))
	if err != nil {
		fmt.Println(err)
		return
	}
	engine := bulk.Engine{Journal: journal, Targets: []bulk.Target{{Name: "crm", Resetter: crm}}}

	plan, err := engine.Prepare(ctx) // looks everybody up, sends nothing
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("to be reset:", plan.Would())

	if _, err := engine.Act(ctx); err != nil {
		fmt.Println(err)
	}
	for result, err := range journal.Results(ctx) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%s: %s, %s: %s\n", result.Row.Identity, result.Outcome, result.Reason, result.Detail)
	}
	// Output:
	// to be reset: 1
	// ana@example.com: done, accepted: accepted; a reset mail goes to ana@example.com
	// bob@example.com: failed, not_found: not found; correct the address
}

// lookerWith is a Looker with people in it, to try things out, and a client.
func lookerWith(people ...string) (*lookertest.Server, *looker.Client) {
	system := lookertest.NewServer(lookertest.Config{})
	for _, address := range people {
		system.AddUser(lookertest.User{Email: address})
	}
	client, err := looker.New(system.URL, looker.Credentials{
		ClientID:     system.ClientID,
		ClientSecret: resetter.NewSecret(system.ClientSecret),
	})
	if err != nil {
		panic(err)
	}
	return system, client
}

// The answer to Ana's reset is lost, and so is Bo's whole request. Both are in
// doubt; reading settles what is plain, and sends nothing.
func ExampleEngine_Reconcile() {
	ctx := context.Background()
	system, client := lookerWith("ana@example.com", "bo@example.com")
	defer system.Close()
	defer client.Close(ctx)
	system.Inject(
		sandbox.Fault{Kind: sandbox.Drop, On: sandbox.Reset, Person: "ana@example.com", Processed: true},
		sandbox.Fault{Kind: sandbox.Drop, On: sandbox.Reset, Person: "bo@example.com"},
	)
	journal := bulk.NewMemory()
	_ = journal.Add(ctx, bulk.Rows(
		bulk.Row{Target: "looker", Identity: resetter.Email("ana@example.com")},
		bulk.Row{Target: "looker", Identity: resetter.Email("bo@example.com")},
	))
	engine := bulk.Engine{Journal: journal, Targets: []bulk.Target{{Name: "looker", Resetter: client}}}
	if _, err := engine.Prepare(ctx); err != nil {
		fmt.Println(err)
		return
	}
	summary, err := engine.Act(ctx)
	if err != nil {
		fmt.Println(err)
	}
	fmt.Println("in doubt:", summary.Counts()[bulk.Unknown])

	found, err := engine.Reconcile(ctx)
	if err != nil {
		fmt.Println(err)
	}
	for _, f := range found {
		fmt.Println(f.Target, "was asked about", f.Asked, "and confirmed", f.Confirmed)
	}
	for r, err := range journal.Results(ctx) {
		fmt.Println(r.Row.Identity, r.Outcome, r.Reason, err)
	}
	fmt.Println(system.Mailbox().Len(), "mail")
	// Output:
	// in doubt: 2
	// looker was asked about 2 and confirmed 1
	// ana@example.com done confirmed <nil>
	// bo@example.com unknown lost_answer <nil>
	// 1 mail
}

// Ana says that nothing has come. On a person's word, and only then, what is in
// doubt is sent once more.
func ExampleEngine_resendUnknown() {
	ctx := context.Background()
	system, client := lookerWith("ana@example.com")
	defer system.Close()
	defer client.Close(ctx)
	system.Inject(sandbox.Fault{Kind: sandbox.Drop, On: sandbox.Reset, Times: 1})
	journal := bulk.NewMemory()
	_ = journal.Add(ctx, bulk.Rows(bulk.Row{Target: "looker", Identity: resetter.Email("ana@example.com")}))

	for _, word := range []bool{false, false, true} {
		engine := bulk.Engine{
			Journal:       journal,
			Targets:       []bulk.Target{{Name: "looker", Resetter: client}},
			ResendUnknown: word,
		}
		if _, err := engine.Prepare(ctx); err != nil {
			fmt.Println(err)
			return
		}
		summary, err := engine.Act(ctx)
		if err != nil {
			fmt.Println(err)
		}
		fmt.Println(summary.Counts(), system.Calls(sandbox.Reset), "requests")
	}
	// Output:
	// map[unknown:1] 1 requests
	// map[unknown:1] 1 requests
	// map[done:1] 2 requests
}

// tickets is a journal of one's own: it has all from the one in memory, and
// notes in a ticket what is about to happen and what has.
type tickets struct{ *bulk.Memory }

func (t tickets) Intent(ctx context.Context, seq, n int) error {
	// What this cannot write down is not sent: return the error.
	fmt.Printf("ticket %d: about to be mailed\n", seq)
	return t.Memory.Intent(ctx, seq, n)
}

func (t tickets) Record(ctx context.Context, r bulk.Result) error {
	if err := t.Memory.Record(ctx, r); err != nil {
		return err
	}
	fmt.Printf("ticket %d: %s, %s\n", r.Row.Seq, r.Outcome, r.Reason)
	return nil
}

// A journal of one's own wraps one that is there, which keeps the contract, and
// adds to it. One that is written anew is held against the contract by package
// journaltest.
func ExampleJournal() {
	ctx := context.Background()
	system, client := lookerWith("ana@example.com")
	defer system.Close()
	defer client.Close(ctx)

	journal := tickets{bulk.NewMemory()}
	_ = journal.Add(ctx, bulk.Rows(bulk.Row{Target: "looker", Identity: resetter.Email("ana@example.com")}))
	engine := bulk.Engine{Journal: journal, Targets: []bulk.Target{{Name: "looker", Resetter: client}}}
	if _, err := engine.Prepare(ctx); err != nil {
		fmt.Println(err)
		return
	}
	if _, err := engine.Act(ctx); err != nil {
		fmt.Println(err)
	}
	// Output:
	// ticket 1: about to be mailed
	// ticket 1: done, accepted
}

// What concerns the whole run is an error; errors.As tells which.
func ExampleGuardError() {
	ctx := context.Background()
	system, client := lookerWith("ana@example.com", "bo@example.com")
	defer system.Close()
	defer client.Close(ctx)

	journal := bulk.NewMemory()
	_ = journal.Add(ctx, bulk.Rows(
		bulk.Row{Target: "looker", Identity: resetter.Email("ana@example.com")},
		bulk.Row{Target: "looker", Identity: resetter.Email("bo@example.com")},
	))
	engine := bulk.Engine{
		Journal: journal,
		Targets: []bulk.Target{{Name: "looker", Resetter: client}},
		Guards:  bulk.Guards{MaxRows: 1},
	}
	run := func() error {
		if _, err := engine.Prepare(ctx); err != nil {
			return err
		}
		_, err := engine.Act(ctx)
		return err
	}
	var (
		guard  *bulk.GuardError
		target *bulk.TargetError
	)
	switch err := run(); {
	case errors.As(err, &guard):
		fmt.Println("halted by", guard.Guard)
	case errors.As(err, &target):
		fmt.Println(target.Target, "cannot be worked with:", target.Err)
	default:
		fmt.Println(err)
	}
	fmt.Println(system.Mailbox().Len(), "mails")
	// Output:
	// halted by max_rows
	// 0 mails
}

// A row is one action on one person at one target: somebody leaves, somebody has
// another name.
func ExampleRow() {
	ctx := context.Background()
	system, client := lookerWith("ana@example.com", "bo@example.com")
	defer system.Close()
	defer client.Close(ctx)

	journal := bulk.NewMemory()
	_ = journal.Add(ctx, bulk.Rows(
		bulk.Row{Target: "looker", Identity: resetter.Email("ana@example.com"), Action: resetter.ActionLock},
		bulk.Row{Target: "looker", Identity: resetter.Email("bo@example.com"),
			Action: resetter.ActionChangeEmail, NewEmail: "bo.chen@example.com"},
	))
	engine := bulk.Engine{
		Journal: journal,
		Targets: []bulk.Target{{Name: "looker", Resetter: client}},
		Lock:    resetter.LockOptions{RevokeKeys: true},
	}
	if _, err := engine.Prepare(ctx); err != nil {
		fmt.Println(err)
		return
	}
	if _, err := engine.Act(ctx); err != nil {
		fmt.Println(err)
	}
	for r, err := range journal.Results(ctx) {
		fmt.Println(r.Row.Action, r.Row.Identity, r.Outcome, err)
	}
	// Output:
	// lock ana@example.com done <nil>
	// change-email bo@example.com done <nil>
}
