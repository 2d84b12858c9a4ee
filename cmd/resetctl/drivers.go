package main

import (
	"time"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/config"
	"github.com/seed57652884/resetctl/looker"
	"github.com/seed57652884/resetctl/looker/lookertest"
	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/sandbox"
	"github.com/seed57652884/resetctl/resetter/transport"
	"github.com/seed57652884/resetctl/sugar"
	"github.com/seed57652884/resetctl/sugar/sugartest"
	"github.com/seed57652884/resetctl/unleash"
	"github.com/seed57652884/resetctl/unleash/unleashtest"
)

// A driver is what the command knows of a system.
type driver struct {
	config.System
	// setUp is a page for people: what to set up in the system.
	setUp string
	// noProof says why signing in does not show the right to reset, where it
	// does not.
	noProof string
	// linkLife is how long a one-time link lives; 0 where that is a setting of
	// each instance.
	linkLife time.Duration
	// requests is how many an action takes that does more than to ask for it: by
	// rule, that it is not so already is read first.
	requests map[resetter.Action]int
	// reads is true where the system can be read whether a reset was done.
	reads bool
	// revoking is how many more a lock takes that deletes API keys, of which
	// nobody knows beforehand how many there are.
	revoking int
	// signsOut is how many it takes to end a session.
	signsOut int
	// perLookUp is how many it takes to look somebody up by address; 0 where many
	// are looked up with one.
	perLookUp float64
	// open makes the client; secrets holds what System.Keys names.
	open func(url string, secrets map[string]resetter.Secret, opts ...transport.Option) (resetter.Resetter, error)
	// play starts the system's test server with some made-up people, and says
	// how it would be configured, by the keys of the configuration.
	play func(people int, common sandbox.Config) (*sandbox.Server, map[string]string)
}

// drivers lists the systems. A new one is a line here.
func drivers() []driver { return []driver{lookerDriver(), sugarDriver(), unleashDriver()} }

// kinds is what the configuration has to know of the drivers.
func kinds() []config.System {
	var all []config.System
	for _, d := range drivers() {
		all = append(all, d.System)
	}
	return all
}

func driverOf(system string) driver {
	for _, d := range drivers() {
		if d.Name == system {
			return d
		}
	}
	return driver{} // config knows no other systems
}

func lookerDriver() driver {
	return driver{
		setUp: lookerSetUp,
		System: config.System{Name: "looker", Rate: 10, Concurrency: 8, Keys: []config.Key{
			{Name: "client_id", Required: true, About: "of an API key: Admin, Users, the user, Edit keys"},
			{Name: "client_secret", Secret: true, Required: true, About: "of the same API key"},
		}},
		reads: true, linkLife: time.Hour, perLookUp: 1, revoking: 1, signsOut: 1,
		requests: map[resetter.Action]int{
			resetter.ActionForceChange: 2, resetter.ActionChangeEmail: 2, resetter.ActionUnlock: 2,
			resetter.ActionLock: 3, // sessions are listed; each that is open takes one more
		},
		open: func(url string, s map[string]resetter.Secret, opts ...transport.Option) (resetter.Resetter, error) {
			return looker.New(url, looker.Credentials{ClientID: s["client_id"].Reveal(), ClientSecret: s["client_secret"]}, opts...)
		},
		play: func(people int, common sandbox.Config) (*sandbox.Server, map[string]string) {
			s := lookertest.NewServer(lookertest.Config{Sandbox: common, People: people})
			return s.Server, map[string]string{"url": s.URL, "client_id": s.ClientID, "client_secret": s.ClientSecret}
		},
	}
}

func sugarDriver() driver {
	return driver{
		noProof: "Sugar tells nobody who may reset; a first reset shows it",
		setUp:   sugarSetUp,
		System: config.System{Name: "sugar", Rate: sugar.DefaultRate, Concurrency: 4, Keys: []config.Key{
			{Name: "username", Required: true, About: "of an administrator of users"},
			{Name: "password", Secret: true, Required: true, About: "of the same administrator"},
			{Name: "platform", Default: sugar.DefaultPlatform, About: "to sign in as, registered under Admin, Configure API Platforms; of its own, as each allows one session"},
			{Name: "api_version", Default: sugar.DefaultAPIVersion, About: "of the REST API; v11_24 is the first that can mail resets"},
		}},
		signsOut: 1,
		requests: map[resetter.Action]int{resetter.ActionChangeEmail: 2, resetter.ActionLock: 2, resetter.ActionUnlock: 2},
		open: func(url string, s map[string]resetter.Secret, opts ...transport.Option) (resetter.Resetter, error) {
			return sugar.New(url, sugar.Credentials{
				Username: s["username"].Reveal(), Password: s["password"],
				Platform: s["platform"].Reveal(), APIVersion: s["api_version"].Reveal(),
			}, opts...)
		},
		play: func(people int, common sandbox.Config) (*sandbox.Server, map[string]string) {
			s := sugartest.NewServer(sugartest.Config{Sandbox: common, People: people})
			return s.Server, map[string]string{"url": s.URL, "username": s.Username, "password": s.Password, "platform": s.Platform}
		},
	}
}

func unleashDriver() driver {
	return driver{
		setUp: unleashSetUp,
		System: config.System{Name: "unleash", Rate: 10, Concurrency: 8, Keys: []config.Key{
			{Name: "token", Secret: true, Required: true, About: "of an administrator: a personal access token or a service account's"},
		}},
		reads:    true,
		linkLife: 24 * time.Hour,
		requests: map[resetter.Action]int{resetter.ActionChangeEmail: 2},
		open: func(url string, s map[string]resetter.Secret, opts ...transport.Option) (resetter.Resetter, error) {
			return unleash.New(url, unleash.Credentials{Token: s["token"]}, opts...)
		},
		play: func(people int, common sandbox.Config) (*sandbox.Server, map[string]string) {
			s := unleashtest.NewServer(unleashtest.Config{Sandbox: common, People: people})
			return s.Server, map[string]string{"url": s.URL, "token": s.Token}
		},
	}
}
