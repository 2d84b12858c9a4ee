package resetter_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/seed57652884/resetctl/looker"
	"github.com/seed57652884/resetctl/looker/lookertest"
	"github.com/seed57652884/resetctl/resetter"
)

// A function that works with every system takes a Resetter and decides by the
// kind of the error. Only an unknown outcome asks for a person's judgement:
// after any other error nobody was mailed.
func ExampleResetter() {
	system := lookertest.NewServer(lookertest.Config{}) // to try things out
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

	reset := func(r resetter.Resetter, address string) error {
		account, err := r.Resolve(ctx, resetter.Email(address))
		if err != nil {
			return err
		}
		_, err = r.Reset(ctx, account)
		return err
	}
	for _, address := range []string{"ana@example.com", "nobody@example.com"} {
		switch err := reset(client, address); {
		case err == nil:
			fmt.Println(address, "is mailed a link")
		case errors.Is(err, resetter.ErrUnknownOutcome):
			fmt.Println(address, "may have been mailed: look before you repeat it")
		case errors.Is(err, resetter.ErrNotFound):
			fmt.Println(address, "has no account")
		default:
			fmt.Println(address, "was not mailed:", err)
		}
	}
	// Output:
	// ana@example.com is mailed a link
	// nobody@example.com has no account
}

// A secret gets into a program by NewSecret and out of it by Reveal, and
// nowhere else.
func ExampleSecret() {
	link := resetter.NewSecret("https://example.com/password/reset/T0P")
	fmt.Println(link)
	fmt.Printf("%+v\n", struct{ Link resetter.Secret }{link})
	fmt.Println(link.Reveal())
	// Output:
	// [hidden]
	// {Link:[hidden]}
	// https://example.com/password/reset/T0P
}

// A program that must know after a crash whom it may have mailed writes that
// down when the mail is about to go out, not before. What cannot be written
// down is not sent.
func ExampleWithBeforeSend() {
	system := lookertest.NewServer(lookertest.Config{})
	defer system.Close()
	system.AddUser(lookertest.User{Email: "ana@example.com"})

	client, err := looker.New(system.URL, looker.Credentials{
		ClientID:     system.ClientID,
		ClientSecret: resetter.NewSecret(system.ClientSecret),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close(context.Background())
	ana, err := client.Resolve(context.Background(), resetter.Email("ana@example.com"))
	if err != nil {
		fmt.Println(err)
		return
	}

	diskFull := false
	ctx := resetter.WithBeforeSend(context.Background(), func(context.Context) error {
		if diskFull {
			return errors.New("no space left on device")
		}
		fmt.Println("noted: mailing", ana.Email)
		return nil
	})
	_, err = client.Reset(ctx, ana)
	fmt.Println(err)
	diskFull = true
	_, err = client.Reset(ctx, ana)
	fmt.Println(err)
	fmt.Println(errors.Is(err, resetter.ErrNotStarted), system.Mailbox().Count("ana@example.com"))
	// Output:
	// noted: mailing ana@example.com
	// <nil>
	// looker: send password reset for ana@example.com: not started: no space left on device
	// true 1
}
