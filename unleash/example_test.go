package unleash_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/sandbox"
	"github.com/seed57652884/resetctl/unleash"
	"github.com/seed57652884/resetctl/unleash/unleashtest"
)

// One person is mailed a reset link. The test server stands for
// https://unleash.example.com.
func Example() {
	system := unleashtest.NewServer(unleashtest.Config{})
	defer system.Close()
	system.AddUser(unleashtest.User{Email: "ana@example.com"})

	ctx := context.Background()
	client, err := unleash.New(system.URL, unleash.Credentials{
		Token: resetter.NewSecret(system.Token),
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
	system := unleashtest.NewServer(unleashtest.Config{NoMailer: true})
	defer system.Close()

	ctx := context.Background()
	client, err := unleash.New(system.URL, unleash.Credentials{
		Token: resetter.NewSecret(system.Token),
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

// Many people are looked up in one call. What is wrong with one of them is said
// of that one.
func ExampleClient_ResolveBatch() {
	system := unleashtest.NewServer(unleashtest.Config{})
	defer system.Close()
	system.AddUser(unleashtest.User{Email: "ana@example.com"})
	system.AddUser(unleashtest.User{Email: "bo@example.com", SCIM: true})

	ctx := context.Background()
	client, err := unleash.New(system.URL, unleash.Credentials{
		Token: resetter.NewSecret(system.Token),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close(ctx)

	ids := []resetter.Identity{
		resetter.Email("bo@example.com"), resetter.Email("nobody@example.com"), resetter.Email("ana@example.com"),
	}
	found, err := client.ResolveBatch(ctx, ids)
	if err != nil {
		fmt.Println(err)
		return
	}
	for i, r := range found {
		fmt.Printf("%s: %q, not found: %v\n", ids[i], r.Account.Ineligible, errors.Is(r.Err, resetter.ErrNotFound))
	}
	fmt.Println(system.Calls(sandbox.List), "request")
	// Output:
	// bo@example.com: "it is managed by SCIM", not found: false
	// nobody@example.com: "", not found: true
	// ana@example.com: "", not found: false
	// 1 request
}

// The answer to a reset is lost. It must not be repeated; what became of it is
// read. Who reads it in another process than the one that looked people up
// gives both the same transport.WithEvidenceKey.
func ExampleClient_Reconcile() {
	system := unleashtest.NewServer(unleashtest.Config{})
	defer system.Close()
	system.AddUser(unleashtest.User{Email: "ana@example.com"})
	system.Inject(sandbox.Fault{Kind: sandbox.Drop, On: sandbox.Reset, Processed: true})

	ctx := context.Background()
	client, err := unleash.New(system.URL, unleash.Credentials{
		Token: resetter.NewSecret(system.Token),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close(ctx)

	found, err := client.ResolveBatch(ctx, []resetter.Identity{resetter.Email("ana@example.com")})
	if err != nil {
		fmt.Println(err)
		return
	}
	ana := found[0].Account
	_, err = client.Reset(ctx, ana)
	fmt.Println("in doubt:", errors.Is(err, resetter.ErrUnknownOutcome))

	findings, err := client.Reconcile(ctx, []resetter.Account{ana})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("done:", findings[0].Done, "-", findings[0].Evidence)
	fmt.Println(system.Mailbox().Count("ana@example.com"), "mail")
	// Output:
	// in doubt: true
	// done: true - a live reset link that was not there before
	// 1 mail
}

// A person is given another address. The second time nothing is written.
func ExampleClient_ChangeEmail() {
	system := unleashtest.NewServer(unleashtest.Config{})
	defer system.Close()
	system.AddUser(unleashtest.User{Email: "ana@example.com"})

	ctx := context.Background()
	client, err := unleash.New(system.URL, unleash.Credentials{
		Token: resetter.NewSecret(system.Token),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close(ctx)

	ana, err := client.Resolve(ctx, resetter.Email("ana@example.com"))
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 2 {
		receipt, err := client.ChangeEmail(ctx, ana, "ana.silva@example.com")
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println("already:", receipt.Already)
	}
	fmt.Println(system.Mailbox().Len(), "mails")
	// Output:
	// already: false
	// already: true
	// 0 mails
}

// Somebody leaves. Unleash cannot lock an account, so it is deleted, for good.
func ExampleClient_API() {
	system := unleashtest.NewServer(unleashtest.Config{})
	defer system.Close()
	system.AddUser(unleashtest.User{Email: "ana@example.com"})

	ctx := context.Background()
	client, err := unleash.New(system.URL, unleash.Credentials{
		Token: resetter.NewSecret(system.Token),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close(ctx)

	ana, err := client.Resolve(ctx, resetter.Email("ana@example.com"))
	if err != nil {
		fmt.Println(err)
		return
	}
	id, err := strconv.Atoi(ana.ID)
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := client.API().DeleteUserWithResponse(ctx, id); err != nil {
		fmt.Println(err)
		return
	}
	_, err = client.Resolve(ctx, resetter.Email("ana@example.com"))
	fmt.Println("gone:", errors.Is(err, resetter.ErrNotFound))
	// Output:
	// gone: true
}
