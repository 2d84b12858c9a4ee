package bulk_test

import (
	"context"
	"fmt"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/bulk"
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
