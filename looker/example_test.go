package looker_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/seed57652884/resetctl/looker"
	"github.com/seed57652884/resetctl/looker/lookerapi"
	"github.com/seed57652884/resetctl/looker/lookertest"
	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/sandbox"
)

// One person is mailed a reset link. The test server stands for
// https://example.cloud.looker.com.
func Example() {
	system := lookertest.NewServer(lookertest.Config{})
	defer system.Close()
	system.AddUser(lookertest.User{Email: "ana@example.com"})

	ctx := context.Background()
	client, err := looker.New(system.URL, looker.Credentials{
		ClientID:     system.ClientID,
		ClientSecret: resetter.NewSecret(system.ClientSecret),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close(ctx)

	account, err := client.Resolve(ctx, resetter.Email("Ana@example.com"))
	if err != nil {
		fmt.Println(err)
		return
	}
	receipt, err := client.Reset(ctx, account)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(account.Email, receipt.Status)
	fmt.Println(system.Mailbox().Count("ana@example.com"), "mail")
	// Output:
	// ana@example.com 200
	// 1 mail
}

// Before anybody is mailed, Check tells whether there is a point in it.
func ExampleClient_Check() {
	system := lookertest.NewServer(lookertest.Config{NoMailer: true})
	defer system.Close()

	ctx := context.Background()
	client, err := looker.New(system.URL, looker.Credentials{
		ClientID:     system.ClientID,
		ClientSecret: resetter.NewSecret(system.ClientSecret),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close(ctx)

	status, err := client.Check(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("signed in as", status.Self.Email)
	fmt.Println("mailer:", status.Mailer)
	// Output:
	// signed in as resetctl@example.com
	// mailer: absent
}

// clientOf makes a client for a test server, which stands for a Looker.
func clientOf(system *lookertest.Server) *looker.Client {
	client, err := looker.New(system.URL, looker.Credentials{
		ClientID:     system.ClientID,
		ClientSecret: resetter.NewSecret(system.ClientSecret),
	})
	if err != nil {
		panic(err)
	}
	return client
}

// Many people are looked up in few calls; what is wrong with one of them stands
// with that one.
func ExampleClient_ResolveBatch() {
	system := lookertest.NewServer(lookertest.Config{})
	defer system.Close()
	ana := system.AddUser(lookertest.User{Email: "ana@example.com"})
	bo := system.AddUser(lookertest.User{Email: "bo@example.com", SSOOnly: true})

	ctx := context.Background()
	client := clientOf(system)
	defer client.Close(ctx)

	people := []resetter.Identity{resetter.ID(ana.ID), resetter.ID(bo.ID), resetter.Email("cy@example.com")}
	found, err := client.ResolveBatch(ctx, people) // at most client.BatchSize of each kind at a time
	if err != nil {
		fmt.Println(err)
		return
	}
	for i, f := range found {
		switch {
		case errors.Is(f.Err, resetter.ErrNotFound):
			fmt.Println(people[i], "is nobody here")
		case f.Err != nil:
			fmt.Println(f.Err)
		case f.Account.Ineligible != "":
			fmt.Println(f.Account.Email, "cannot be reset:", f.Account.Ineligible)
		default:
			fmt.Println(f.Account.Email, "can be reset")
		}
	}
	// Output:
	// ana@example.com can be reset
	// bo@example.com cannot be reset: it signs in by SSO only and has no password here
	// cy@example.com is nobody here
}

// The answer to a reset is lost. Whether it was carried out is read from Looker,
// and nobody is mailed twice.
func ExampleClient_Reconcile() {
	system := lookertest.NewServer(lookertest.Config{})
	defer system.Close()
	system.AddUser(lookertest.User{Email: "ana@example.com"})
	system.Inject(sandbox.Fault{Kind: sandbox.Drop, On: sandbox.Reset, Processed: true})

	ctx := context.Background()
	client := clientOf(system)
	defer client.Close(ctx)

	before, err := client.Resolve(ctx, resetter.Email("ana@example.com"))
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := client.Reset(ctx, before); errors.Is(err, resetter.ErrUnknownOutcome) {
		findings, err := client.Reconcile(ctx, []resetter.Account{before})
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println("done:", findings[0].Done)
		fmt.Println(findings[0].Evidence)
	}
	fmt.Println(system.Mailbox().Count("ana@example.com"), "mail")
	// Output:
	// done: true
	// a live reset link that was not there before
	// 1 mail
}

// A new password is demanded at the next sign-in. Doing it twice does no harm.
func ExampleClient_ForceChange() {
	system := lookertest.NewServer(lookertest.Config{})
	defer system.Close()
	system.AddUser(lookertest.User{Email: "ana@example.com"})

	ctx := context.Background()
	client := clientOf(system)
	defer client.Close(ctx)

	account, err := client.Resolve(ctx, resetter.Email("ana@example.com"))
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 2 {
		receipt, err := client.ForceChange(ctx, account)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println("so already:", receipt.Already)
	}
	fmt.Println(system.Mailbox().Len(), "mails")
	// Output:
	// so already: false
	// so already: true
	// 0 mails
}

// Somebody has a new address, and signs in with it from now on.
func ExampleClient_ChangeEmail() {
	system := lookertest.NewServer(lookertest.Config{})
	defer system.Close()
	system.AddUser(lookertest.User{Email: "ana@example.com"})
	system.AddUser(lookertest.User{Email: "bo@example.com"})

	ctx := context.Background()
	client := clientOf(system)
	defer client.Close(ctx)

	account, err := client.Resolve(ctx, resetter.Email("ana@example.com"))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, address := range []string{"bo@example.com", "ana.silva@example.com"} {
		_, err = client.ChangeEmail(ctx, account, address)
		switch {
		case errors.Is(err, resetter.ErrInvalid):
			fmt.Println(address, "is malformed, or somebody else's")
		case err != nil:
			fmt.Println(err)
		default:
			fmt.Println(address, "it is")
		}
	}
	// Output:
	// bo@example.com is malformed, or somebody else's
	// ana.silva@example.com it is
}

// Somebody leaves: the account is disabled, web sessions are ended and API keys
// deleted.
func ExampleClient_Lock() {
	system := lookertest.NewServer(lookertest.Config{})
	defer system.Close()
	ana := system.AddUser(lookertest.User{Email: "ana@example.com"})
	system.AddSession(ana.ID)
	system.AddKey(ana.ID)

	ctx := context.Background()
	client := clientOf(system)
	defer client.Close(ctx)

	account, err := client.Resolve(ctx, resetter.Email("ana@example.com"))
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := client.Lock(ctx, account, resetter.LockOptions{RevokeKeys: true}); err != nil {
		fmt.Println(err) // and it says what holds by now
		return
	}
	fmt.Println(len(system.Sessions(ana.ID)), "sessions,", len(system.Keys(ana.ID)), "API keys")
	// Output:
	// 0 sessions, 0 API keys
}

// Somebody is back. Sessions and keys that a lock ended stay gone.
func ExampleClient_Unlock() {
	system := lookertest.NewServer(lookertest.Config{})
	defer system.Close()
	system.AddUser(lookertest.User{Email: "ana@example.com", Disabled: true})

	ctx := context.Background()
	client := clientOf(system)
	defer client.Close(ctx)

	account, err := client.Resolve(ctx, resetter.Email("ana@example.com"))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("before:", account.Ineligible)
	receipt, err := client.Unlock(ctx, account)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("so already:", receipt.Already)
	// Output:
	// before: the account is disabled
	// so already: false
}

// Somebody who signs in by SSO is given a password, and mailed a link to set it
// up.
func ExampleClient_API() {
	system := lookertest.NewServer(lookertest.Config{})
	defer system.Close()
	ana := system.AddUser(lookertest.User{Email: "ana@example.com", SSOOnly: true})

	ctx := context.Background()
	client := clientOf(system)
	defer client.Close(ctx)

	address, fields := "ana@example.com", "user_id" // and no link
	_, err := client.API().CreateCredentialsEmailWithResponse(ctx, ana.ID,
		&lookerapi.CreateCredentialsEmailParams{Fields: &fields}, lookerapi.WriteCredentialsEmail{Email: &address})
	if err != nil {
		fmt.Println(err)
		return
	}
	account, err := client.Resolve(ctx, resetter.Email(address))
	if err != nil {
		fmt.Println(err)
		return
	}
	receipt, err := client.Reset(ctx, account)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("set-up mail:", receipt.SetupMail)
	// Output:
	// set-up mail: true
}
