package sugartest

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/seed57652884/resetctl/resetter/sandbox"
)

func (s *Server) me(x *sandbox.Exchange) {
	s.mu.Lock()
	defer s.mu.Unlock()
	self := s.caller(x)
	if self == nil { // deleted, or displaced in this very moment
		refuse(x, 401, "need_login", "No valid authentication for user.")
		return
	}
	kind := "user"
	if self.Admin {
		kind = "admin"
	}
	x.JSON(200, object{"current_user": object{
		"type":        kind,
		"id":          self.ID,
		"user_name":   self.UserName,
		"full_name":   strings.TrimSpace(self.FirstName + " " + self.LastName),
		"picture":     "",
		"email":       emails(self),
		"preferences": object{"timezone": "UTC", "language": "en_us"},
		"acl":         object{},
		"my_teams":    []object{{"id": "1", "name": "Global"}},
		"is_manager":  false,
	}})
}

func (s *Server) user(x *sandbox.Exchange) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.named(x)
	if !ok {
		return
	}
	x.JSON(200, someFields(x, record(a), x.Request.URL.Query().Get("fields")))
}

// named is the user whom the path names; it answers itself, and returns false, if there is none.
// The caller holds s.mu.
func (s *Server) named(x *sandbox.Exchange) (*account, bool) {
	id := x.Request.PathValue("id")
	a := s.byID[id]
	if a == nil {
		refuse(x, 404, "not_found", "Could not find record: "+clip(id)+" in module: Users")
	}
	return a, a != nil
}

// adminRequest mails the user at the primary address.
func (s *Server) adminRequest(x *sandbox.Exchange) {
	body, _ := x.Object("userId")
	var id string
	if json.Unmarshal(body["userId"], &id) != nil || id == "" {
		refuse(x, 422, "missing_parameter", "Missing parameter: userId")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.byID[id]
	switch {
	case a == nil:
		refuse(x, 404, "not_found", "Could not find record: "+clip(id)+" in module: Users")
	case s.config.NoMailer, a.Email == "", a.Group, a.PortalOnly:
		refuse(x, 424, "request_failure", "The request could not be completed.")
	default:
		link := s.URL + "/index.php?entryPoint=Changenewpassword&guid=" + s.Mint("")
		x.Mail(sandbox.Mail{To: a.Email, Account: a.ID, Kind: sandbox.ResetMail, Link: link})
		x.JSON(200, record(a))
	}
}

// filter answers with a page of the users who meet all conditions.
func (s *Server) filter(x *sandbox.Exchange) {
	body, _ := x.Object("filter", "fields", "max_num", "offset", "order_by")
	wanted := struct {
		conditions      []map[string]json.RawMessage
		fields, orderBy string
		maxNum, offset  int
	}{maxNum: 20}
	for name, into := range map[string]any{
		"filter": &wanted.conditions, "fields": &wanted.fields, "order_by": &wanted.orderBy,
		"max_num": &wanted.maxNum, "offset": &wanted.offset,
	} {
		if raw, sent := body[name]; sent && json.Unmarshal(raw, into) != nil {
			invalidParameter(x, name)
			return
		}
	}
	if wanted.maxNum < 1 || wanted.offset < 0 {
		invalidParameter(x, "max_num")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	meets, fault := filters{s.config.FilterRefuses, s.config.FilterIgnores}.all(wanted.conditions)
	if fault != "" {
		if !slices.Contains(s.config.FilterRefuses, fault) {
			x.Violation(sandbox.UnknownField, clip(fault))
		}
		invalidParameter(x, "filter")
		return
	}
	var hits []*account
	for _, a := range s.accounts {
		if meets(a) {
			hits = append(hits, a)
		}
	}
	if wanted.orderBy != "" && !order(hits, wanted.orderBy) {
		invalidParameter(x, "order_by")
		return
	}
	end := min(wanted.offset+min(wanted.maxNum, s.config.PageSize), len(hits))
	next := end
	if end == len(hits) {
		next = -1
	}
	records := []object{}
	for _, a := range hits[min(wanted.offset, end):end] {
		records = append(records, someFields(x, record(a), wanted.fields))
	}
	x.JSON(200, object{"next_offset": next, "records": records})
}

func invalidParameter(x *sandbox.Exchange, name string) {
	refuse(x, 422, "invalid_parameter", "Invalid parameter: "+name)
}

// order sorts by "field" or "field:ASC" or "field:DESC"; false if there is no such order.
func order(hits []*account, by string) bool {
	field, direction, _ := strings.Cut(by, ":")
	values := filterable[field]
	if values == nil {
		return false
	}
	slices.SortStableFunc(hits, func(a, b *account) int {
		less := slices.Compare(values(a), values(b))
		if strings.EqualFold(direction, "desc") {
			return -less
		}
		return less
	})
	return true
}
