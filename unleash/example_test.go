package unleash_test

import (
	"context"
	"fmt"

	"github.com/seed57652884/resetctl/resetter"
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
