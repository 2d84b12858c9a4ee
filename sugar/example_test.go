package sugar_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/sandbox"
	"github.com/seed57652884/resetctl/sugar"
	"github.com/seed57652884/resetctl/sugar/sugarapi"
	"github.com/seed57652884/resetctl/sugar/sugartest"
)

// One person is mailed a reset link. The test server stands for
// https://example.sugarondemand.com.
func Example() {
	system := sugartest.NewServer(sugartest.Config{})
	defer system.Close()
	system.AddUser(sugartest.User{UserName: "ana", Email: "ana@example.com"})

	ctx := context.Background()
	client, err := sugar.New(system.URL, sugar.Credentials{
		Username: system.Username,
		Password: resetter.NewSecret(system.Password),
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
// Sugar does not say whether it can mail.
func ExampleClient_Check() {
	system := sugartest.NewServer(sugartest.Config{})
	defer system.Close()

	ctx := context.Background()
	client, err := sugar.New(system.URL, sugar.Credentials{
		Username: system.Username,
		Password: resetter.NewSecret(system.Password),
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
	fmt.Println("signed in as", status.Self.Username)
	fmt.Println("mailer:", status.Mailer)
	// Output:
	// signed in as resetctl
	// mailer: unknown
}

// Many people are looked up in one call. What is wrong with one of them is said
// of that one.
func ExampleClient_ResolveBatch() {
	system := sugartest.NewServer(sugartest.Config{})
	defer system.Close()
	system.AddUser(sugartest.User{UserName: "ana", Email: "ana@example.com", OtherEmails: []string{"ana@example.org"}})
	system.AddUser(sugartest.User{UserName: "bo", Email: "bo@example.com", Inactive: true})

	ctx := context.Background()
	client, err := sugar.New(system.URL, sugar.Credentials{
		Username: system.Username,
		Password: resetter.NewSecret(system.Password),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close(ctx)

	ids := []resetter.Identity{
		resetter.Email("bo@example.com"), resetter.Email("ana@example.org"), resetter.Email("ana@example.com"),
	}
	found, err := client.ResolveBatch(ctx, ids)
	if err != nil {
		fmt.Println(err)
		return
	}
	for i, r := range found {
		fmt.Printf("%s: %s %q, only a secondary address: %v\n",
			ids[i], r.Account.Username, r.Account.Ineligible, errors.Is(r.Err, resetter.ErrIneligible))
	}
	fmt.Println(system.Calls(sandbox.Find), "filter")
	// Output:
	// bo@example.com: bo "the account is inactive", only a secondary address: false
	// ana@example.org:  "", only a secondary address: true
	// ana@example.com: ana "", only a secondary address: false
	// 1 filter
}

// A person is given another primary address. The second time nothing is
// written.
func ExampleClient_ChangeEmail() {
	system := sugartest.NewServer(sugartest.Config{})
	defer system.Close()
	system.AddUser(sugartest.User{UserName: "ana", Email: "ana@example.com", OtherEmails: []string{"ana@example.org"}})

	ctx := context.Background()
	client, err := sugar.New(system.URL, sugar.Credentials{
		Username: system.Username,
		Password: resetter.NewSecret(system.Password),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close(ctx)

	ana, err := client.Resolve(ctx, resetter.Username("ana"))
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
	now := system.Users()[2]
	fmt.Println(now.Email, now.OtherEmails)
	fmt.Println(system.Mailbox().Len(), "mails")
	// Output:
	// already: false
	// already: true
	// ana.silva@example.com [ana@example.org]
	// 0 mails
}

// A person is kept out, and let in again.
func ExampleClient_Lock() {
	system := sugartest.NewServer(sugartest.Config{})
	defer system.Close()
	system.AddUser(sugartest.User{UserName: "ana", Email: "ana@example.com"})

	ctx := context.Background()
	client, err := sugar.New(system.URL, sugar.Credentials{
		Username: system.Username,
		Password: resetter.NewSecret(system.Password),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close(ctx)

	ana, err := client.Resolve(ctx, resetter.Username("ana"))
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := client.Lock(ctx, ana, resetter.LockOptions{}); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("inactive:", system.Users()[2].Inactive)
	if _, err := client.Unlock(ctx, ana); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("inactive:", system.Users()[2].Inactive)
	// Output:
	// inactive: true
	// inactive: false
}

// Which release of Sugar it is, Check does not tell; the metadata do.
func ExampleClient_API() {
	system := sugartest.NewServer(sugartest.Config{})
	defer system.Close()

	ctx := context.Background()
	client, err := sugar.New(system.URL, sugar.Credentials{
		Username: system.Username,
		Password: resetter.NewSecret(system.Password),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close(ctx)

	section := "server_info" // all of them are many mebibytes
	answer, err := client.API().GetMetadataWithResponse(ctx, &sugarapi.GetMetadataParams{TypeFilter: &section})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(*answer.JSON200.ServerInfo.Version)
	// Output:
	// 25.1.0
}
