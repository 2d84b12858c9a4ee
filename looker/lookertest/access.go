package lookertest

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/seed57652884/resetctl/resetter/sandbox"
)

// A Session is a browser in which a user is signed in.
type Session struct{ ID string }

// A Key is an API key of a user. Only that of [Server.Self] signs anybody in.
type Key struct{ ID, ClientID string }

// AddSession has a user sign in in one more browser. It panics if there is no such user.
func (s *Server) AddSession(userID string) Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mustExist(userID)
	session := Session{ID: s.nextID()}
	s.sessions[userID] = append(s.sessions[userID], session)
	return session
}

// Sessions returns a copy of the user's sessions that are open now, oldest first.
func (s *Server) Sessions(userID string) []Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.sessions[userID])
}

// AddKey gives a user one more API key. It panics if there is no such user.
func (s *Server) AddKey(userID string) Key {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mustExist(userID)
	id := s.nextID()
	key := Key{ID: id, ClientID: "client-" + id}
	s.keys[userID] = append(s.keys[userID], key)
	return key
}

// Keys returns a copy of the API keys that the user has now, oldest first.
func (s *Server) Keys(userID string) []Key {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.keys[userID])
}

func (s *Server) mustExist(userID string) {
	if s.byID[userID] == nil {
		panic(fmt.Sprintf("lookertest: there is no user %q", userID))
	}
}

// nextID is the id of the next session or key. The caller holds s.mu.
func (s *Server) nextID() string {
	s.ids++
	return strconv.Itoa(1000 + s.ids)
}

func (s *Server) sessionRecords(userID string) []object {
	records := []object{}
	for _, session := range s.sessions[userID] {
		records = append(records, object{
			"can": object{"show": true}, "id": session.ID, "ip_address": "192.0.2.1", "browser": "Firefox", "operating_system": "Linux",
			"city": nil, "state": nil, "country": nil, "credentials_type": "email", "extended_at": nil, "extended_count": 0, "sudo_user_id": nil,
			"created_at": "2024-06-03T08:00:00.000+00:00", "expires_at": "2024-07-03T08:00:00.000+00:00",
			"url": s.URL + api + "/users/" + userID + "/sessions/" + session.ID,
		})
	}
	return records
}

func (s *Server) keyRecords(userID string) []object {
	records := []object{}
	for _, key := range s.keys[userID] {
		records = append(records, object{
			"can": object{"show": true}, "id": key.ID, "client_id": key.ClientID, "created_at": "2024-01-30T10:31:58.000+00:00",
			"is_disabled": false, "type": "api3", "purpose": nil,
			"url": s.URL + api + "/users/" + userID + "/credentials_api3/" + key.ID,
		})
	}
	return records
}

// listOf answers with what the user of the path has.
func (s *Server) listOf(records func(userID string) []object) func(*sandbox.Exchange) {
	return func(x *sandbox.Exchange) {
		id := x.Request.PathValue("user_id")
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.byID[id] == nil {
			refuse(x, 404, "Not found")
			return
		}
		if wanted, ok := wantedFields(x); ok {
			x.JSON(200, wanted.ofEach(x, records(id)))
		}
	}
}

func (s *Server) deleteSession(x *sandbox.Exchange) {
	s.mu.Lock()
	defer s.mu.Unlock()
	remove(x, s.sessions, func(session Session) bool { return session.ID == x.Request.PathValue("session_id") })
}

func (s *Server) deleteKey(x *sandbox.Exchange) {
	s.mu.Lock()
	defer s.mu.Unlock()
	remove(x, s.keys, func(key Key) bool { return key.ID == x.Request.PathValue("key_id") })
}

// remove takes away what the user of the path has of that kind, or answers 404.
func remove[T any](x *sandbox.Exchange, from map[string][]T, which func(T) bool) {
	id := x.Request.PathValue("user_id")
	i := slices.IndexFunc(from[id], which)
	if i < 0 {
		refuse(x, 404, "Not found")
		return
	}
	from[id] = slices.Delete(slices.Clone(from[id]), i, i+1)
	x.Empty(204)
}
