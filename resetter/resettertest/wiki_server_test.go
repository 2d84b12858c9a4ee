package resettertest_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/seed57652884/resetctl/resetter/sandbox"
)

// A wikiServer is the test server of wiki: a list of routes on package sandbox,
// which brings mailbox, faults, limits and log.
type wikiServer struct {
	*sandbox.Server
	Key string

	mu     sync.Mutex
	people map[string]wikiPerson // by id
}

func newWikiServer(config sandbox.Config) *wikiServer {
	s := &wikiServer{people: map[string]wikiPerson{"boss": {ID: "boss", Email: "boss@example.com", Admin: true}}}
	for _, p := range sandbox.People(20) {
		s.people[p.Username] = wikiPerson{ID: p.Username, Email: p.Email}
	}
	s.Server = sandbox.Start(config, sandbox.Vendor{
		Routes: []sandbox.Route{
			{Operation: sandbox.Health, Method: "GET", Path: "/health", Handle: func(x *sandbox.Exchange) { x.Empty(204) }},
			{Operation: sandbox.Self, Method: "GET", Path: "/me", Handle: s.signedIn(func(x *sandbox.Exchange) { x.JSON(200, s.people["boss"]) })},
			{Operation: sandbox.Find, Method: "GET", Path: "/people", Query: []string{"email"}, Handle: s.signedIn(s.find)},
			{Operation: sandbox.Reset, Method: "POST", Path: "/people/{id}/reset", Body: sandbox.JSONBody, Person: s.who, Handle: s.signedIn(s.reset)},
			{Operation: sandbox.Update, Method: "PUT", Path: "/people/{id}", Body: sandbox.JSONBody, Person: s.who, Handle: s.signedIn(s.update)},
		},
		NotFound:  func(x *sandbox.Exchange) { x.JSON(404, map[string]string{"error": "no such page"}) },
		Throttled: func(x *sandbox.Exchange) { x.Empty(429) },
	})
	s.Key = s.Mint("wiki-")
	return s
}

// signedIn has next answer those who have the key, one at a time.
func (s *wikiServer) signedIn(next func(*sandbox.Exchange)) func(*sandbox.Exchange) {
	return func(x *sandbox.Exchange) {
		if x.Request.Header.Get("X-Key") != s.Key {
			x.JSON(401, map[string]string{"error": "who are you?"})
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		next(x)
	}
}

func (s *wikiServer) who(x *sandbox.Exchange) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.people[x.Request.PathValue("id")].Email
}

// find matches parts of addresses, as such searches do.
func (s *wikiServer) find(x *sandbox.Exchange) {
	found := []wikiPerson{}
	for _, id := range slices.Sorted(maps.Keys(s.people)) {
		if strings.Contains(s.people[id].Email, strings.ToLower(x.Request.URL.Query().Get("email"))) {
			found = append(found, s.people[id])
		}
	}
	x.JSON(200, map[string]any{"people": found})
}

func (s *wikiServer) reset(x *sandbox.Exchange) {
	p, ok := s.people[x.Request.PathValue("id")]
	if !ok {
		x.JSON(404, map[string]string{"error": "no such person"})
		return
	}
	link := x.Request.Host + "/reset/" + s.Mint("link-")
	x.Mail(sandbox.Mail{To: p.Email, Account: p.ID, Kind: sandbox.ResetMail, Link: link})
	x.JSON(200, map[string]string{"id": p.ID, "link": link})
}

func (s *wikiServer) update(x *sandbox.Exchange) {
	p, ok := s.people[x.Request.PathValue("id")]
	change, err := x.Object("locked")
	if !ok || err != nil || json.Unmarshal(change["locked"], &p.Locked) != nil {
		x.JSON(422, map[string]string{"error": "cannot change that"})
		return
	}
	s.people[p.ID] = p
	x.JSON(200, p)
}
