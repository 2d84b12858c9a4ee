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

// all is met by who meets each of the filter's objects. fault names what is not understood.
func all(filter []map[string]json.RawMessage) (met condition, fault string) {
	var conditions []condition
	for _, object := range filter {
		for field, value := range object {
			c, fault := one(field, value)
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
func anyOf(filter []map[string]json.RawMessage) (met condition, fault string) {
	var conditions []condition
	for _, object := range filter {
		c, fault := all([]map[string]json.RawMessage{object})
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
func one(field string, value json.RawMessage) (met condition, fault string) {
	if field == "$or" || field == "$and" {
		var within []map[string]json.RawMessage
		if json.Unmarshal(value, &within) != nil {
			return nil, field
		}
		if field == "$or" {
			return anyOf(within)
		}
		return all(within)
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
		switch {
		case operator == "$equals" && json.Unmarshal(operand, &text) == nil:
			accepted = append(accepted, text)
		case operator == "$in" && json.Unmarshal(operand, &texts) == nil:
			accepted = append(accepted, texts...)
		default:
			return nil, field + " " + operator
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
