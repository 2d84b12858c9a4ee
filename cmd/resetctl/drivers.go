package main

import (
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
	// open makes the client; secrets holds what System.Keys names.
	open func(url string, secrets map[string]resetter.Secret, opts ...transport.Option) (resetter.Resetter, error)
	// play starts the system's test server with some made-up people, and says
	// how it would be configured, by the keys of the configuration.
	play func(people int, common sandbox.Config) (*sandbox.Server, map[string]string)
}

// drivers lists the systems. A new one is a line here.
func drivers() []driver { return []driver{lookerDriver(), sugarDriver(), unleashDriver()} }

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
		System: config.System{Name: "looker", Rate: 10, Concurrency: 8, Keys: []config.Key{
			{Name: "client_id", Required: true},
			{Name: "client_secret", Secret: true, Required: true},
		}},
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
		System: config.System{Name: "sugar", Rate: sugar.DefaultRate, Concurrency: 4, Keys: []config.Key{
			{Name: "username", Required: true},
			{Name: "password", Secret: true, Required: true},
			{Name: "platform", Default: sugar.DefaultPlatform},
			{Name: "api_version", Default: sugar.DefaultAPIVersion},
		}},
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
		System: config.System{Name: "unleash", Rate: 10, Concurrency: 8, Keys: []config.Key{
			{Name: "token", Secret: true, Required: true},
		}},
		open: func(url string, s map[string]resetter.Secret, opts ...transport.Option) (resetter.Resetter, error) {
			return unleash.New(url, unleash.Credentials{Token: s["token"]}, opts...)
		},
		play: func(people int, common sandbox.Config) (*sandbox.Server, map[string]string) {
			s := unleashtest.NewServer(unleashtest.Config{Sandbox: common, People: people})
			return s.Server, map[string]string{"url": s.URL, "token": s.Token}
		},
	}
}
