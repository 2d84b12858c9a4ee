package unleash

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"strings"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/unleash/unleashapi"
)

// Reconcile implements resetter.Reconciler: it reads the list of all users once
// more and compares each person's live link with the one that was there before.
// Every reset makes another link, a refused one makes none (seen on 7.6.5), so
// another link means that a reset was carried out: ours, or one that somebody
// else asked for in the same time. That a link is gone means nothing: it is
// used up when the person follows it.
//
// It can compare what ResolveBatch found, by any client with the same
// transport.WithEvidenceKey; Resolve gives no evidence.
func (c *Client) Reconcile(ctx context.Context, before []resetter.Account) ([]resetter.Finding, error) {
	if len(before) == 0 {
		return nil, nil
	}
	at := map[string][]int{} // places in before
	for i, account := range before {
		at[account.ID] = append(at[account.ID], i)
	}
	findings := make([]resetter.Finding, len(before))
	_, err := c.readUsers(ctx, "read invite links", func() func(unleashapi.User) {
		for i := range findings {
			findings[i] = resetter.Finding{Evidence: "the account is not there any more"}
		}
		return func(u unleashapi.User) {
			account := accountOf(u)
			for _, i := range at[account.ID] {
				findings[i] = c.compare(before[i], text(u.InviteLink))
			}
		}
	})
	if err != nil {
		return nil, err
	}
	return findings, nil
}

// compare says what an account's live link of now tells about the time since
// before.
func (c *Client) compare(before resetter.Account, link string) resetter.Finding {
	comparable := strings.HasPrefix(before.Evidence, c.evidencePrefix())
	switch {
	case before.Evidence == "":
		return resetter.Finding{Evidence: "the link before the reset was not read"}
	case !comparable:
		return resetter.Finding{Evidence: "the link before the reset was read with another key, so that it cannot be compared"}
	case link == "":
		return resetter.Finding{Evidence: "there is no live reset link, which may have been used since"}
	case before.Evidence == c.evidence(before.ID, link):
		return resetter.Finding{Evidence: "the live reset link is the one from before"}
	case before.Evidence == c.evidence(before.ID, ""):
		return resetter.Finding{Done: true, Evidence: "a live reset link that was not there before"}
	default:
		return resetter.Finding{Done: true, Evidence: "another live reset link than before"}
	}
}

// evidence is what may be stored of an account's live link, or of there being
// none: it says whether two links are the same, to who has the key.
func (c *Client) evidence(id, link string) string {
	return c.evidencePrefix() + c.mac("link", id, secretOf(link))
}

// evidencePrefix begins what can be compared: same version, same key.
func (c *Client) evidencePrefix() string { return "unleash1:" + c.mac("key")[:12] + ":" }

func (c *Client) mac(parts ...string) string {
	h := hmac.New(sha256.New, []byte(c.http.EvidenceKey().Reveal()))
	for _, part := range parts {
		sum := sha256.Sum256([]byte(part)) // so that no two lists of parts are one text
		h.Write(sum[:])
	}
	return hex.EncodeToString(h.Sum(nil))
}

// secretOf is what changes when a link is made anew. The address before it is
// that of the instance, which may change by itself.
func secretOf(link string) string {
	if u, err := url.Parse(link); err == nil && u.Query().Get("token") != "" {
		return u.Query().Get("token")
	}
	return link
}
