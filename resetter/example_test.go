package resetter_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/seed57652884/resetctl/looker"
	"github.com/seed57652884/resetctl/looker/lookertest"
	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/sandbox"
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

// errors.Is tells the kinds apart, and errors.As gives the rest. Here the answer
// to a reset is lost, and then the system wants to be left alone for a while.
func ExampleError() {
	ctx := context.Background()
	system, client := lookerWith("ana@example.com")
	defer system.Close()
	defer client.Close(ctx)
	ana, err := client.Resolve(ctx, resetter.Email("ana@example.com"))
	if err != nil {
		fmt.Println(err)
		return
	}
	system.Inject(
		sandbox.Fault{Kind: sandbox.Drop, On: sandbox.Reset, Processed: true, Times: 1},
		sandbox.Fault{Kind: sandbox.Throttle, On: sandbox.Reset, RetryAfter: 20 * time.Minute},
	)

	_, err = client.Reset(ctx, ana)
	fmt.Println("do not repeat it:", errors.Is(err, resetter.ErrUnknownOutcome))
	fmt.Println("since its answer was lost:", errors.Is(err, resetter.ErrLostAnswer))

	// Without this the client would sleep the pause by itself.
	_, err = client.Reset(resetter.WithWaitsHandedBack(ctx), ana)
	var refusal *resetter.Error
	if errors.As(err, &refusal) {
		fmt.Println(refusal.System, refusal.Kind, refusal.Status, refusal.Scope)
		fmt.Println("come again in", time.Until(refusal.Until).Round(10*time.Minute))
	}
	// Output:
	// do not repeat it: true
	// since its answer was lost: true
	// looker rate limited 429 target
	// come again in 20m0s
}

// What only some systems can do is found by assertion. This offboards somebody
// at any system, as far as it goes.
func Example_capabilities() {
	ctx := context.Background()
	system, client := lookerWith("ana@example.com")
	defer system.Close()
	defer client.Close(ctx)

	offboard := func(r resetter.Resetter, address, heir string) error {
		account, err := r.Resolve(ctx, resetter.Email(address))
		if err != nil {
			return err
		}
		if expirer, ok := r.(resetter.PasswordExpirer); ok {
			if _, err := expirer.ForceChange(ctx, account); err != nil {
				return err
			}
			fmt.Println("has to choose a new password")
		}
		if locker, ok := r.(resetter.Locker); ok {
			if _, err := locker.Lock(ctx, account, resetter.LockOptions{RevokeKeys: true}); err != nil {
				return err
			}
			fmt.Println("cannot sign in")
		}
		if changer, ok := r.(resetter.EmailChanger); ok {
			if _, err := changer.ChangeEmail(ctx, account, heir); err != nil {
				return err
			}
			fmt.Println("mail goes to", heir)
		}
		return nil
	}
	if err := offboard(client, "ana@example.com", "ana.left@example.com"); err != nil {
		fmt.Println(err)
	}
	// Output:
	// has to choose a new password
	// cannot sign in
	// mail goes to ana.left@example.com
}

// Many people are looked up in as few calls as the system allows.
func ExampleBatchResolver() {
	ctx := context.Background()
	system, client := lookerWith("ana@example.com", "bo@example.com")
	defer system.Close()
	defer client.Close(ctx)

	people := []resetter.Identity{
		resetter.Email("ana@example.com"), resetter.Email("bo@example.com"), resetter.Email("cy@example.com"),
	}
	lookUp := func(r resetter.Resetter) error {
		batch, ok := r.(resetter.BatchResolver)
		if !ok {
			return errors.New("look them up one by one")
		}
		for some := range slices.Chunk(people, batch.BatchSize(resetter.ByEmail)) {
			found, err := batch.ResolveBatch(ctx, some)
			if err != nil {
				return err // of the call: nothing is known about anybody of some
			}
			for i, f := range found {
				fmt.Println(some[i], f.Account.Email != "", errors.Is(f.Err, resetter.ErrNotFound))
			}
		}
		return nil
	}
	if err := lookUp(client); err != nil {
		fmt.Println(err)
	}
	// Output:
	// ana@example.com true false
	// bo@example.com true false
	// cy@example.com false true
}
