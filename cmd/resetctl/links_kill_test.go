package main

import (
	"slices"
	"strings"
	"testing"

	"filippo.io/age"
)

// withLinks has the chain's command write links down.
func (c *chain) withLinks() *chain {
	c.t.Helper()
	key, err := age.GenerateX25519Identity()
	if err != nil {
		c.t.Fatal(err)
	}
	c.key = key
	c.command = append(c.command, "--links", "links.age", "--links-to", key.Recipient().String())
	return c
}

// A link is on disk before its outcome is: wherever a process is killed, every
// reset that the ledger knows as accepted has its link in the file, and that can
// be read, also behind one that was torn.
func TestAKillAroundALinkLosesNoLinkOfWhatWasAccepted(t *testing.T) {
	for _, point := range []string{answered, linkAppending, linkAppended, outcomeCommitting, outcomeCommitted, body} {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			c := newChain(t, enough, pace, 0).withLinks()
			c.report(c.killed(point, 1, 3))
			if c.kills != 2 {
				t.Errorf("it came to %s only %d times:\n%s", point, c.kills, c.said())
			}
		})
	}
}

// And that can fail: who hands a link over late has lost it when it counts.
func TestALinkThatIsKeptLateIsFoundOut(t *testing.T) {
	t.Parallel()
	c := newChain(t, 5, pace, 0).withLinks()
	p := c.start("doomed", "late-links", outcomeCommitted, "6") // Sugar has but five
	wrong := c.link(p, 0)
	if !slices.ContainsFunc(wrong, func(w string) bool { return strings.HasPrefix(w, "I7: ") && strings.HasSuffix(w, "its link is lost") }) || c.kills != 1 {
		t.Errorf("nothing was found after %d kills, only %q", c.kills, wrong)
	}
}
