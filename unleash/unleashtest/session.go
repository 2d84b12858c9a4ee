package unleashtest

import (
	"strings"

	"github.com/seed57652884/resetctl/resetter/sandbox"
)

// token is what the request signs itself with, bare or as a Bearer; "" if nothing.
func token(x *sandbox.Exchange) string {
	header := x.Request.Header.Get("Authorization")
	if scheme, token, found := strings.Cut(header, " "); found && strings.EqualFold(scheme, "bearer") {
		return token
	}
	return header
}

// signedIn lets only requests through whose token is known and good for the admin API.
func (s *Server) signedIn(next func(*sandbox.Exchange)) func(*sandbox.Exchange) {
	return func(x *sandbox.Exchange) {
		s.mu.Lock()
		known, client := []string{s.Token, s.APIToken}, s.ClientToken
		s.mu.Unlock()
		switch token := token(x); token {
		case "":
			x.JSON(401, object{
				"id": newID(), "name": "AuthenticationRequired", "message": loginFirst, "details": details(loginFirst),
				"path": "/auth/simple/login", "type": "password", "defaultHidden": false,
			})
		case known[0], known[1]:
			next(x)
		case client:
			x.JSON(403, object{"message": "invalid token: expected a different token type for this endpoint"})
		default:
			if strings.Contains(token, sandbox.CanaryPrefix) { // of a sandbox, but not of this one
				x.Violation(sandbox.ForeignToken, "another test server gave it")
			}
			refuse(x, 401, "UnauthorizedError", "You must log in to use Unleash.", newID())
		}
	}
}

const loginFirst = "You must log in to use Unleash. Your request had no authorization header, so we could not authorize you. Try logging in at /auth/simple/login"

// permitted lets only administrators through.
func (s *Server) permitted(next func(*sandbox.Exchange)) func(*sandbox.Exchange) {
	return s.signedIn(func(x *sandbox.Exchange) {
		if s.mayReset(x) {
			next(x)
			return
		}
		const message = `You don't have the required permissions to perform this operation. To perform this action, you need the "ADMIN" permission.`
		x.JSON(403, object{"id": newID(), "name": "PermissionError", "message": message, "details": details(message), "permissions": []string{"ADMIN"}})
	})
}

func (s *Server) mayReset(x *sandbox.Exchange) bool {
	return !s.config.Forbidden || s.isAPIToken(x)
}

func (s *Server) isAPIToken(x *sandbox.Exchange) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return token(x) == s.APIToken
}
