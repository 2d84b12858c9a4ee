package bulk_test

import (
	"context"
	"fmt"
	"log"

	"github.com/seed57652884/resetctl/looker"
	"github.com/seed57652884/resetctl/looker/lookertest"
	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/bulk"
	"github.com/seed57652884/resetctl/sugar"
	"github.com/seed57652884/resetctl/sugar/sugartest"
	"github.com/seed57652884/resetctl/unleash"
	"github.com/seed57652884/resetctl/unleash/unleashtest"
)

// A Go service that takes leavers out of everything: whoever can be locked is
// locked, and what a system cannot do is told to whoever does it by hand.
func Example_offboarding() {
	ctx := context.Background()
	lookerServer, sugarServer, unleashServer := lookertest.NewServer(lookertest.Config{}), sugartest.NewServer(sugartest.Config{}), unleashtest.NewServer(unleashtest.Config{})
	defer lookerServer.Close()
	defer sugarServer.Close()
	defer unleashServer.Close()
	const leaver = "ana@example.com"
	lookerServer.AddUser(lookertest.User{Email: leaver})
	sugarServer.AddUser(sugartest.User{UserName: "ana", Email: leaver})
	unleashServer.AddUser(unleashtest.User{Email: leaver})

	inLooker, err := looker.New(lookerServer.URL, looker.Credentials{ClientID: lookerServer.ClientID, ClientSecret: resetter.NewSecret(lookerServer.ClientSecret)})
	if err != nil {
		log.Fatal(err)
	}
	defer inLooker.Close(ctx)
	inSugar, err := sugar.New(sugarServer.URL, sugar.Credentials{Username: sugarServer.Username, Password: resetter.NewSecret(sugarServer.Password)})
	if err != nil {
		log.Fatal(err)
	}
	defer inSugar.Close(ctx)
	inUnleash, err := unleash.New(unleashServer.URL, unleash.Credentials{Token: resetter.NewSecret(unleashServer.Token)})
	if err != nil {
		log.Fatal(err)
	}
	defer inUnleash.Close(ctx)

	var rows []bulk.Row
	for _, target := range []string{"looker", "sugar", "unleash"} {
		rows = append(rows, bulk.Row{Target: target, Identity: resetter.Email(leaver), Action: resetter.ActionLock})
	}
	journal := bulk.NewMemory()
	if err := journal.Add(ctx, bulk.Rows(rows...)); err != nil {
		log.Fatal(err)
	}
	engine := bulk.Engine{Journal: journal, Lock: resetter.LockOptions{RevokeKeys: true}, Targets: []bulk.Target{
		{Name: "looker", Resetter: inLooker}, {Name: "sugar", Resetter: inSugar}, {Name: "unleash", Resetter: inUnleash}}}
	if _, err := engine.Prepare(ctx); err != nil {
		log.Fatal(err)
	}
	if _, err := engine.Act(ctx); err != nil {
		log.Fatal(err)
	}
	for result, err := range journal.Results(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(result.Row.Target, result.Outcome, result.Reason)
	}
	fmt.Println("mails:", lookerServer.Mailbox().Len()+sugarServer.Mailbox().Len()+unleashServer.Mailbox().Len())
	// Output:
	// looker done accepted
	// sugar done accepted
	// unleash failed unsupported
	// mails: 0
}
