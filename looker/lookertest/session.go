package lookertest

import (
	"net/url"
	"slices"
	"strings"

	"github.com/seed57652884/resetctl/resetter/sandbox"
)

// login takes the key from the form body and from nowhere else. Looker's own document also has it
// in the query; that is a violation here, and refused.
func (s *Server) login(x *sandbox.Exchange) {
	query := x.Request.URL.Query()
	if query.Has("client_id") || query.Has("client_secret") {
		refuse(x, 400, "The API key belongs into the form body, not into the URL.")
		return
	}
	form, err := url.ParseQuery(string(x.Body))
	if err != nil || !x.HasBodyType() {
		refuse(x, 400, "The API key belongs into a form body.")
		return
	}
	for name := range form {
		if name != "client_id" && name != "client_secret" {
			x.Violation(sandbox.UnknownProperty, "of the login form")
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refused >= s.config.LockOutAfter {
		x.Violation(sandbox.LoginHammered, "the API key is locked out")
		refuse(x, 404, "Not found")
		return
	}
	exists := slices.ContainsFunc(s.keys[s.Self.ID], func(k Key) bool { return k.ClientID == s.ClientID }) && !s.byID[s.Self.ID].Disabled
	if form.Get("client_id") != s.ClientID || form.Get("client_secret") != s.ClientSecret || !exists {
		s.refused++
		refuse(x, 404, "Not found")
		return
	}
	s.refused = 0
	token := s.Mint("")
	s.tokens[token] = s.Now().Add(s.config.TokenLife)
	x.JSON(200, map[string]any{
		"access_token":  token,
		"token_type":    "Bearer",
		"expires_in":    int64(s.config.TokenLife.Seconds()),
		"refresh_token": nil,
	})
}

func (s *Server) logout(x *sandbox.Exchange) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.tokens, token(x))
	x.Empty(204)
}

// Unlock lets a locked-out API key sign in again.
func (s *Server) Unlock() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refused = 0
}

// ExpireTokens ends all sessions at once, as a restart of Looker does.
func (s *Server) ExpireTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.tokens)
}

// token is what the request signs itself with, "" if nothing.
func token(x *sandbox.Exchange) string {
	scheme, token, _ := strings.Cut(x.Request.Header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "token") || strings.EqualFold(scheme, "bearer") {
		return token
	}
	return ""
}

// signedIn lets only requests with a living token through.
func (s *Server) signedIn(next func(*sandbox.Exchange)) func(*sandbox.Exchange) {
	return func(x *sandbox.Exchange) {
		token := token(x)
		s.mu.Lock()
		until, known := s.tokens[token]
		s.mu.Unlock()
		if token != "" && !strings.Contains(token, s.Canary()) {
			x.Violation(sandbox.ForeignToken, "this server never gave it")
		}
		if !known || !s.Now().Before(until) {
			refuse(x, 401, "Requires authentication.")
			return
		}
		next(x)
	}
}

// permitted refuses operations on e-mail credentials where they are forbidden.
func (s *Server) permitted(next func(*sandbox.Exchange)) func(*sandbox.Exchange) {
	if !s.config.Forbidden {
		return next
	}
	return func(x *sandbox.Exchange) { refuse(x, 403, "Permission denied.") }
}
