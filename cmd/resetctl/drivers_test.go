package main

import (
	"testing"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/sandbox"
)

func TestADriverKnowsWhetherItsSystemCanBeReadAfterwards(t *testing.T) {
	for _, d := range drivers() {
		server, values := d.play(1, sandbox.Config{})
		secrets := make(map[string]resetter.Secret)
		for key, value := range values {
			secrets[key] = resetter.NewSecret(value)
		}
		r, err := d.open(values["url"], secrets)
		if err != nil {
			t.Fatalf("%s: %v", d.Name, err)
		}
		if _, reads := r.(resetter.Reconciler); reads != d.reads {
			t.Errorf("%s: reads is %v", d.Name, d.reads)
		}
		server.Close()
	}
}
