package lookertest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/seed57652884/resetctl/resetter/sandbox"
)

func (s *Server) versions(x *sandbox.Exchange) {
	v4 := object{"version": "4.0", "full_version": "4.0.26.12", "status": "current", "swagger_url": s.URL + api + "/swagger.json"}
	answer(x, object{
		"looker_release_version": "26.12.34",
		"current_version":        v4,
		"supported_versions":     []object{v4},
		"api_server_url":         s.URL,
		"web_server_url":         s.URL,
	})
}

func (s *Server) smtpStatus(x *sandbox.Exchange) {
	node := object{"is_valid": !s.config.NoMailer, "message": "", "hostname": "sandbox"}
	if s.config.NoMailer {
		node["message"] = "SMTP is not set up"
	}
	answer(x, object{"is_valid": !s.config.NoMailer, "node_count": 1, "node_status": []object{node}})
}

func (s *Server) me(x *sandbox.Exchange) {
	s.mu.Lock()
	defer s.mu.Unlock()
	answer(x, s.record(s.byID[s.Self.ID]))
}

func (s *Server) user(x *sandbox.Exchange) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.byID[x.Request.PathValue("user_id")]; a != nil {
		answer(x, s.record(a))
		return
	}
	refuse(x, 404, "Not found")
}

// updateUser changes the name, or shuts the account or opens it. Of the sessions that are open
// Looker's document says nothing; here they stay, so that whoever wants them ended must end them.
func (s *Server) updateUser(x *sandbox.Exchange) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.byID[x.Request.PathValue("user_id")]
	if a == nil {
		refuse(x, 404, "Not found")
		return
	}
	changed := *a
	if s.written(x, s.record(a), map[string]any{
		"first_name": &changed.FirstName, "last_name": &changed.LastName, "is_disabled": &changed.Disabled,
	}) {
		*a = changed
		answer(x, s.record(a))
	}
}

// written reads the body into the properties that may be written. All or nothing: what is read-only
// or unknown is refused with 422. (Looker's document marks what is read-only and does not say what
// it answers.) The caller holds s.mu.
func (s *Server) written(x *sandbox.Exchange, record object, writable map[string]any) bool {
	body, err := x.Object(slices.Collect(maps.Keys(record))...)
	if err != nil {
		refuse(x, 400, err.Error())
		return false
	}
	if _, ok := wantedFields(x); !ok { // looked at first: an answer 400 means not done
		return false
	}
	for name, value := range body {
		switch target, may := writable[name]; {
		case !may:
			x.Violation(sandbox.ReadOnlyProperty, name)
			invalid(x, name, "read_only", "cannot be written")
			return false
		case json.Unmarshal(value, target) != nil:
			invalid(x, name, "invalid", "is not of the right type")
			return false
		}
	}
	return true
}

// userForCredential finds the one user with exactly that address.
func (s *Server) userForCredential(x *sandbox.Exchange) {
	kind, id := x.Request.PathValue("credential_type"), x.Request.PathValue("credential_id")
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.accounts {
		byPassword := kind == "email" && !a.SSOOnly
		bySAML := kind == "saml" && a.SSOOnly
		same := a.Email == id || s.config.FoldCase && strings.EqualFold(a.Email, id)
		if (byPassword || bySAML) && same {
			answer(x, s.record(a))
			return
		}
	}
	refuse(x, 404, "Not found")
}

// list is all users, or those with the ids asked for.
func (s *Server) list(x *sandbox.Exchange) {
	ids := x.Request.URL.Query().Get("ids")
	s.mu.Lock()
	defer s.mu.Unlock()
	var hits []*account
	for _, a := range s.accounts {
		if ids == "" || slices.Contains(strings.Split(ids, ","), a.ID) {
			hits = append(hits, a)
		}
	}
	s.page(x, hits, s.record)
}

// search is what all conditions match, or one of them with filter_or=true.
func (s *Server) search(x *sandbox.Exchange) {
	query := x.Request.URL.Query()
	s.mu.Lock()
	defer s.mu.Unlock()
	var hits []*account
	for _, a := range s.accounts {
		var met []bool
		condition := func(name string, matches func(wanted string) bool) {
			if query.Has(name) {
				met = append(met, matches(query.Get(name)))
			}
		}
		condition("id", func(ids string) bool { return slices.Contains(strings.Split(ids, ","), a.ID) })
		condition("email", func(p string) bool { return sandbox.Like(p, a.Email) })
		condition("first_name", func(p string) bool { return sandbox.Like(p, a.FirstName) })
		condition("last_name", func(p string) bool { return sandbox.Like(p, a.LastName) })
		condition("is_disabled", func(is string) bool { return is == strconv.FormatBool(a.Disabled) })
		hit := !slices.Contains(met, false)
		if query.Get("filter_or") == "true" && len(met) > 0 {
			hit = slices.Contains(met, true)
		}
		if hit {
			hits = append(hits, a)
		}
	}
	s.page(x, hits, s.record)
}

// page answers with the records of the part of the hits that limit and offset ask for, by id. The
// total comes only with limit. The caller holds s.mu.
func (s *Server) page(x *sandbox.Exchange, hits []*account, record func(*account) object) {
	query := x.Request.URL.Query()
	wanted, ok := wantedFields(x)
	if !ok {
		return
	}
	if sorts := query.Get("sorts"); sorts != "" && sorts != "id" {
		refuse(x, 400, "This server sorts by id only.")
		return
	}
	slices.SortStableFunc(hits, func(a, b *account) int {
		return cmp.Or(cmp.Compare(len(a.ID), len(b.ID)), cmp.Compare(a.ID, b.ID))
	})
	limit, offset := len(hits), 0
	if query.Has("limit") {
		var err1, err2 error
		limit, err1 = strconv.Atoi(query.Get("limit"))
		offset, err2 = strconv.Atoi(cmp.Or(query.Get("offset"), "0"))
		if err1 != nil || err2 != nil || limit < 0 || offset < 0 {
			refuse(x, 400, "limit and offset are whole numbers.")
			return
		}
		x.Header().Set("X-Total-Count", strconv.Itoa(len(hits)))
		if offset+limit < len(hits) {
			query.Set("offset", strconv.Itoa(offset+limit))
			x.Header().Set("Link", fmt.Sprintf("<%s%s?%s>; rel=\"next\"", s.URL, x.Request.URL.Path, query.Encode()))
		}
	}
	records := []object{}
	for _, a := range hits[min(offset, len(hits)):min(offset+limit, len(hits))] {
		records = append(records, wanted.of(x, record(a)))
	}
	x.JSON(200, records)
}
