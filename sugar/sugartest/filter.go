package sugartest

import (
	"encoding/json"
	"slices"
	"strings"
)

// condition says whether a user meets it.
type condition func(*account) bool

// filterable are the fields that a filter may name, each with the values that a user has there.
var filterable = map[string]func(*account) []string{
	"id":         func(a *account) []string { return []string{a.ID} },
	"user_name":  func(a *account) []string { return []string{a.UserName} },
	"first_name": func(a *account) []string { return []string{a.FirstName} },
	"last_name":  func(a *account) []string { return []string{a.LastName} },
	"status": func(a *account) []string {
		if a.Inactive {
			return []string{"Inactive"}
		}
		return []string{"Active"}
	},
	"email_addresses.email_address": func(a *account) []string {
		if a.Email == "" {
			return a.OtherEmails
		}
		return append([]string{a.Email}, a.OtherEmails...)
	},
}

// filters is how a server understands filters: what it refuses, and what nobody meets.
type filters struct{ refuses, ignores []string }

// all is met by who meets each of the filter's objects. fault names what is not understood.
func (f filters) all(filter []map[string]json.RawMessage) (met condition, fault string) {
	var conditions []condition
	for _, object := range filter {
		for field, value := range object {
			c, fault := f.one(field, value)
			if fault != "" {
				return nil, fault
			}
			conditions = append(conditions, c)
		}
	}
	return func(a *account) bool {
		return !slices.ContainsFunc(conditions, func(c condition) bool { return !c(a) })
	}, ""
}

// anyOf is met by who meets at least one of the filter's objects.
func (f filters) anyOf(filter []map[string]json.RawMessage) (met condition, fault string) {
	var conditions []condition
	for _, object := range filter {
		c, fault := f.all([]map[string]json.RawMessage{object})
		if fault != "" {
			return nil, fault
		}
		conditions = append(conditions, c)
	}
	return func(a *account) bool {
		return slices.ContainsFunc(conditions, func(c condition) bool { return c(a) })
	}, ""
}

// one is a field with a plain value or with operators, or $or or $and with objects of their own.
func (f filters) one(field string, value json.RawMessage) (met condition, fault string) {
	if slices.Contains(f.refuses, field) {
		return nil, field
	}
	if field == "$or" || field == "$and" {
		var within []map[string]json.RawMessage
		if json.Unmarshal(value, &within) != nil {
			return nil, field
		}
		if field == "$or" {
			return f.anyOf(within)
		}
		return f.all(within)
	}
	values := filterable[field]
	if values == nil {
		return nil, field
	}
	var operators map[string]json.RawMessage
	if json.Unmarshal(value, &operators) != nil {
		operators = map[string]json.RawMessage{"$equals": value}
	}
	var accepted []string
	for operator, operand := range operators {
		var text string
		var texts []string
		name := field + " " + operator
		switch {
		case slices.Contains(f.refuses, name):
			return nil, name
		case slices.Contains(f.ignores, name):
		case operator == "$equals" && json.Unmarshal(operand, &text) == nil:
			accepted = append(accepted, text)
		case operator == "$in" && json.Unmarshal(operand, &texts) == nil:
			accepted = append(accepted, texts...)
		default:
			return nil, name
		}
	}
	if len(operators) != 1 {
		return nil, field
	}
	return func(a *account) bool {
		// The database compares without regard to case.
		return slices.ContainsFunc(values(a), func(has string) bool {
			return slices.ContainsFunc(accepted, func(want string) bool { return strings.EqualFold(has, want) })
		})
	}, ""
}
