package sugartest

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seed57652884/resetctl/resetter/sandbox"
)

// place is what there is one session for: a user and a platform. Signing in again replaces it.
type place struct{ user, platform string }

// session is what a place has.
type session struct {
	access, refresh string
	expires         time.Time // of the access token
	refreshExpires  time.Time
}

const refreshLife = 14 * 24 * time.Hour

// login exchanges a password, or a refresh token, for a new pair of tokens.
func (s *Server) login(x *sandbox.Exchange) {
	body, _ := x.Object("grant_type", "client_id", "client_secret", "username", "password", "refresh_token", "platform", "current_language", "client_info")
	text := func(name string) (value string) {
		_ = json.Unmarshal(body[name], &value) // what is no text counts as missing
		return value
	}
	platform := text("platform")
	if platform == "" {
		platform = "base" // as Sugar does
	}
	if platform == "base" {
		x.Violation(sandbox.PlatformBase, "it is the browser's")
	}
	if text("client_id") != "sugar" || text("client_secret") != "" {
		refuse(x, 400, "invalid_client", "Invalid client credentials")
		return
	}
	if !slices.Contains(append([]string{"base", "mobile", "resetctl"}, s.config.Platforms...), platform) {
		// [inferred]: the label of this refusal is not documented, only that it is a 4xx.
		refuse(x, 400, "invalid_request", "The platform is not registered.")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var at place
	switch text("grant_type") {
	case "password":
		a := s.byUserName(text("username"))
		if a == nil || a.password == "" || a.password != text("password") || a.Inactive {
			refuse(x, 401, "need_login", "You must specify a valid username and password.")
			return
		}
		at = place{a.ID, platform}
	case "refresh_token":
		token := text("refresh_token")
		if !strings.Contains(token, s.Canary()) {
			x.Violation(sandbox.ForeignToken, "this server never gave the refresh token")
		}
		for p, old := range s.sessions {
			if p.platform == platform && old.refresh == token && s.Now().Before(old.refreshExpires) {
				at = p
			}
		}
		if at.user == "" {
			refuse(x, 400, "invalid_grant", "Invalid refresh token")
			return
		}
	default:
		refuse(x, 400, "unsupported_grant_type", "The grant type is not supported.")
		return
	}
	now := s.Now()
	fresh := &session{access: s.Mint(""), refresh: s.Mint(""), expires: now.Add(s.config.TokenLife), refreshExpires: now.Add(refreshLife)}
	s.sessions[at] = fresh // the older pair of this place is dead from here on
	x.JSON(200, object{
		"access_token":       fresh.access,
		"expires_in":         int64(s.config.TokenLife.Seconds()),
		"token_type":         "bearer",
		"scope":              nil,
		"refresh_token":      fresh.refresh,
		"refresh_expires_in": int64(refreshLife.Seconds()),
		"download_token":     s.Mint(""),
	})
}

func (s *Server) logout(x *sandbox.Exchange) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for at, session := range s.sessions {
		if session.access == token(x) {
			delete(s.sessions, at)
		}
	}
	x.JSON(200, object{"success": true})
}

// ExpireTokens ends the life of all access tokens; their refresh tokens are good still.
func (s *Server) ExpireTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, session := range s.sessions {
		session.expires = time.Time{}
	}
}

// Displace throws everybody out, as someone does who signs in on the same platforms: neither the
// access tokens nor the refresh tokens are good any more.
func (s *Server) Displace() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.sessions)
}

// token is what the request signs itself with, "" if nothing.
func token(x *sandbox.Exchange) string {
	if token := x.Request.Header.Get("OAuth-Token"); token != "" {
		return token
	}
	scheme, token, _ := strings.Cut(x.Request.Header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "bearer") {
		return token
	}
	return ""
}

// signedIn lets only requests with a living access token through.
func (s *Server) signedIn(next func(*sandbox.Exchange)) func(*sandbox.Exchange) {
	return s.versioned(func(x *sandbox.Exchange) {
		token := token(x)
		if token == "" {
			refuse(x, 401, "need_login", "No valid authentication for user.")
			return
		}
		if !strings.Contains(token, s.Canary()) {
			x.Violation(sandbox.ForeignToken, "this server never gave it")
		}
		s.mu.Lock()
		caller := s.caller(x)
		s.mu.Unlock()
		if caller == nil {
			refuse(x, 401, "invalid_grant", "The access token provided is invalid.")
			return
		}
		next(x)
	})
}

// caller is whose living session a request carries, nil if nobody's. The caller of this holds s.mu.
func (s *Server) caller(x *sandbox.Exchange) *account {
	for at, session := range s.sessions {
		if session.access == token(x) && s.Now().Before(session.expires) {
			return s.byID[at.user]
		}
	}
	return nil
}

// admin lets only administrators through.
func (s *Server) admin(next func(*sandbox.Exchange)) func(*sandbox.Exchange) {
	return s.signedIn(func(x *sandbox.Exchange) {
		s.mu.Lock()
		caller := s.caller(x)
		may := caller != nil && caller.Admin
		s.mu.Unlock()
		if !may {
			refuse(x, 403, "not_authorized", "You are not authorized to perform this action.")
			return
		}
		next(x)
	})
}

// versioned refuses versions that the server does not speak, and all during maintenance.
func (s *Server) versioned(next func(*sandbox.Exchange)) func(*sandbox.Exchange) {
	return func(x *sandbox.Exchange) {
		s.mu.Lock() // also waits until NewServer is done
		maintenance := s.maintenance
		s.mu.Unlock()
		asked, newest := versionNumber(x.Request.PathValue("version")), versionNumber(s.config.APIVersion)
		switch {
		case maintenance:
			refuse(x, 503, "maintenance", "The instance is under maintenance.")
		case asked < oldest || asked > newest:
			refuse(x, 301, "incorrect_version", "The version "+clip(x.Request.PathValue("version"))+" is not supported.")
		case x.Route.Operation == sandbox.Reset && asked < firstWithReset:
			noMethod(x)
		default:
			next(x)
		}
	}
}

// SetMaintenance switches the state in which everything is refused with 503.
func (s *Server) SetMaintenance(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.maintenance = on
}

const (
	oldest         = 10_000 // v10
	firstWithReset = 11_024 // v11_24
)

var version = regexp.MustCompile(`^v(\d{1,3})(?:_(\d{1,3}))?$`)

// versionNumber makes versions comparable: v11_24 is 11,024; what is no version is 0.
func versionNumber(text string) int {
	parts := version.FindStringSubmatch(text)
	if parts == nil {
		return 0
	}
	major, _ := strconv.Atoi(parts[1])
	minor, _ := strconv.Atoi(parts[2]) // "" is 0
	return major*1000 + minor
}

func clip(text string) string { return fmt.Sprintf("%.20q", text) }
