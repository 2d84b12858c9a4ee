package looker_test

import (
	"context"
	"fmt"

	"github.com/seed57652884/resetctl/looker"
	"github.com/seed57652884/resetctl/looker/lookertest"
	"github.com/seed57652884/resetctl/resetter"
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
