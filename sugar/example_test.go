package sugar_test

import (
	"context"
	"fmt"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/sugar"
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
