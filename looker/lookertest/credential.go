package lookertest

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seed57652884/resetctl/resetter/sandbox"
)

// withCredential finds the account of the path that has a password credential, or answers 404 and
// returns nil: Looker says no more. The caller holds s.mu.
func (s *Server) withCredential(x *sandbox.Exchange) *account {
	a := s.byID[x.Request.PathValue("user_id")]
	if a == nil || a.SSOOnly {
		refuse(x, 404, "Not found")
		return nil
	}
	return a
}

func (s *Server) credential(x *sandbox.Exchange) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.withCredential(x); a != nil {
		answer(x, s.credentialRecord(a))
	}
}

// searchCredentials is those whose address matches.
func (s *Server) searchCredentials(x *sandbox.Exchange) {
	query := x.Request.URL.Query()
	s.mu.Lock()
	defer s.mu.Unlock()
	var hits []*account
	for _, a := range s.accounts {
		if !a.SSOOnly && (!query.Has("email") || sandbox.Like(query.Get("email"), a.Email)) {
			hits = append(hits, a)
		}
	}
	s.page(x, hits, s.credentialRecord)
}

// createCredential gives somebody a password, which is to be set up. Nobody is mailed.
func (s *Server) createCredential(x *sandbox.Exchange) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.byID[x.Request.PathValue("user_id")]
	switch {
	case a == nil:
		refuse(x, 404, "Not found")
		return
	case !a.SSOOnly:
		refuse(x, 409, "The user has an e-mail credential already.")
		return
	}
	changed := account{User: a.User}
	changed.Email, changed.SSOOnly, changed.CredentialDisabled, changed.NeverSetUp, changed.MustChange = "", false, false, true, false
	s.writeCredential(x, a, changed)
}

// updateCredential changes the address, or whether a new password is demanded.
func (s *Server) updateCredential(x *sandbox.Exchange) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.withCredential(x); a != nil {
		s.writeCredential(x, a, *a)
	}
}

// writeCredential makes a what the body says, beginning from changed. The caller holds s.mu.
func (s *Server) writeCredential(x *sandbox.Exchange, a *account, changed account) {
	if !s.written(x, s.credentialRecord(a), map[string]any{
		"email": &changed.Email, "forced_password_reset_at_next_login": &changed.MustChange,
	}) {
		return
	}
	switch {
	case !strings.Contains(changed.Email, "@"):
		invalid(x, "email", "invalid", "is not an e-mail address")
	case slices.ContainsFunc(s.accounts, func(b *account) bool { return b.ID != a.ID && strings.EqualFold(b.Email, changed.Email) }):
		invalid(x, "email", "already_exists", "is taken")
	default:
		*a = changed
		answer(x, s.credentialRecord(a))
	}
}

// deleteCredential leaves somebody with SSO.
func (s *Server) deleteCredential(x *sandbox.Exchange) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.withCredential(x); a != nil {
		a.SSOOnly, a.MustChange, a.link = true, false, ""
		x.Empty(204)
	}
}

// createToken makes a new link, and mails nobody.
func (s *Server) createToken(x *sandbox.Exchange) {
	query := x.Request.URL.Query()
	expires, err := strconv.ParseBool(query.Get("expires"))
	if query.Has("expires") && err != nil {
		refuse(x, 400, "expires is true or false.")
		return
	}
	if !emptyBody(x) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.withCredential(x); a != nil {
		s.makeLink(a, expires)
		answer(x, s.credentialRecord(a))
	}
}

// emptyBody looks at all that could be wrong with a request before it is carried out, as an answer
// 400 means that it was not.
func emptyBody(x *sandbox.Exchange) bool {
	if _, err := x.Object(); err != nil {
		refuse(x, 400, err.Error())
		return false
	}
	_, ok := wantedFields(x)
	return ok
}

// sendPasswordReset mails a link: the one that still lives, or a new one.
func (s *Server) sendPasswordReset(x *sandbox.Exchange) {
	if !emptyBody(x) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.withCredential(x)
	if a == nil {
		return
	}
	kind := sandbox.ResetMail
	if a.NeverSetUp {
		kind = sandbox.SetUpMail
	}
	if !s.linkLives(a) {
		s.makeLink(a, true)
	}
	x.Mail(sandbox.Mail{To: a.Email, Account: a.ID, Kind: kind, Link: a.link})
	answer(x, s.credentialRecord(a))
}

// linkLife is how long a link may be used that does not live for ever.
const linkLife = 60 * time.Minute

// makeLink makes a new link and forgets the old one. The caller holds s.mu.
func (s *Server) makeLink(a *account, expires bool) {
	page := "/password/reset/"
	if a.NeverSetUp {
		page = "/account/setup/"
	}
	a.link, a.expires = s.URL+page+s.Mint(""), time.Time{}
	if expires {
		a.expires = s.Now().Add(linkLife)
	}
}

// linkLives says whether a has a link that may be used. The caller holds s.mu.
func (s *Server) linkLives(a *account) bool {
	return a.link != "" && (a.expires.IsZero() || s.Now().Before(a.expires))
}
