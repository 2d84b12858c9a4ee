package sugartest

import (
	"fmt"
	"maps"
	"strings"

	"github.com/seed57652884/resetctl/resetter/sandbox"
)

type object map[string]any

// refuse answers with Sugar's error.
func refuse(x *sandbox.Exchange, status int, label, message string) {
	x.JSON(status, object{"error": label, "error_message": message})
}

func noMethod(x *sandbox.Exchange) {
	refuse(x, 404, "no_method", "Could not find a route with the given parameters")
}

// throttled is the answer of a proxy in front; Sugar itself has none, see SugarCloud.
func throttled(x *sandbox.Exchange) {
	refuse(x, 429, "too_many_requests", "Too many requests")
}

func (s *Server) notFound(x *sandbox.Exchange) {
	if strings.HasPrefix(x.Request.URL.Path, "/rest/") {
		noMethod(x)
		return
	}
	x.Text(404, "text/html; charset=utf-8", "<!DOCTYPE html><html><head><title>404 Not Found</title></head><body><h1>Not Found</h1></body></html>\n")
}

// The properties of a user that say nothing in most records, by how they say it.
var (
	emptyText = strings.Fields(`pwd_last_changed authenticate_id picture description last_login
		modified_by_name title department phone_home phone_mobile phone_work phone_other phone_fax
		address_street address_city address_state address_country address_postalcode UserType
		portal_user_password email_link_type export_delimiter default_export_charset use_real_names
		reminder_time email_reminder_time appearance site_url field_name_placement datef timef
		default_currency_significant_digits num_grp_sep timezone dec_sep currency
		default_locale_name_format currency_show_preferred currency_create_in_preferred
		sugarpdf_pdf_font_name_main sugarpdf_pdf_font_name_data calendar_publish_key
		calendar_publish_location calendar_search_location calendar_ical_subscription_url fdow
		business_center_name business_center_id team_count messenger_id messenger_type reports_to_id
		reports_to_name c_accept_status_fields m_accept_status_fields accept_status_id
		accept_status_name accept_status_calls accept_status_meetings accept_status_messages
		preferred_language acl_role_set_id cookie_consent_received_on sync_key
		customer_journey_last_active`)
	nothing = strings.Fields(`user_hash mail_credentials user_tabs number_pinned_modules
		sugarpdf_pdf_font_size_main sugarpdf_pdf_font_size_data`)
	no = strings.Fields(`system_generated_password send_email_on_mention deleted cookie_consent
		customer_journey_access my_favorite`)
	yes = strings.Fields(`sugar_login receive_notifications show_on_employees`)
)

// record is the whole of a user, some hundred properties. Empty lists of rights are [] where they
// belong to a link and {} where they belong to the record, as PHP has them.
func record(a *account) object {
	o := object{}
	for _, name := range emptyText {
		o[name] = ""
	}
	for _, name := range nothing {
		o[name] = nil
	}
	for _, name := range no {
		o[name] = false
	}
	for _, name := range yes {
		o[name] = true
	}
	noRights := object{"fields": []any{}, "_hash": "654d337e0e912edaa00dbb0fb3dc3c17"}
	fullName := strings.TrimSpace(a.FirstName + " " + a.LastName)
	status := "Active"
	if a.Inactive {
		status = "Inactive"
	}
	maps.Copy(o, object{
		"id":                 a.ID,
		"user_name":          a.UserName,
		"first_name":         a.FirstName,
		"last_name":          a.LastName,
		"full_name":          fullName,
		"name":               fullName,
		"status":             status,
		"employee_status":    "Active",
		"is_admin":           a.Admin,
		"is_group":           a.Group,
		"portal_only":        a.PortalOnly,
		"external_auth_only": a.ExternalAuth,
		"email1":             a.Email,
		"email":              emails(a),
		"date_entered":       "2024-01-30T10:31:58-08:00",
		"date_modified":      "2024-01-30T10:31:58-08:00",
		"modified_user_id":   "1",
		"created_by":         "1",
		"created_by_name":    "Administrator",
		"created_by_link":    object{"full_name": "Administrator", "id": "1", "_acl": object{"fields": object{"last_login": object{"write": "no", "create": "no"}}, "_hash": "6d408abe1708e7afd72eaecf780699c2"}},
		"license_type":       []string{"SUGAR_SERVE"},
		"default_team":       "1",
		"business_centers":   object{"name": "", "id": "", "_acl": noRights},
		"team_count_link":    object{"team_count": "", "id": "1", "_acl": noRights},
		"team_name":          []object{{"id": "1", "name": "Global", "name_2": "", "primary": true, "selected": false}},
		"reports_to_link":    object{"name": "", "id": "", "_acl": noRights},
		"calls":              object{"id": ""},
		"meetings":           object{"id": ""},
		"site_user_id":       fmt.Sprintf("%064x", len(a.ID)),
		"_acl":               object{"fields": object{}},
		"_module":            "Users",
	})
	return o
}

func emails(a *account) []object {
	list := []object{}
	add := func(i int, address string, primary bool) {
		list = append(list, object{
			"email_address": address, "email_address_id": a.emailIDs[i], "primary_address": primary,
			"invalid_email": false, "opt_out": false, "reply_to_address": false,
		})
	}
	if a.Email != "" {
		add(0, a.Email, true)
	}
	for i, address := range a.OtherEmails {
		add(i+1, address, false)
	}
	return list
}

// someFields is what a record shows when fields are asked for: those, and what is always there.
// A name that Sugar does not have is a violation.
func someFields(x *sandbox.Exchange, whole object, fields string) object {
	if strings.TrimSpace(fields) == "" {
		return whole
	}
	some := object{}
	for _, name := range append(strings.Split(fields, ","), "id", "date_modified", "_acl", "_module") {
		name = strings.TrimSpace(name)
		value, exists := whole[name]
		if !exists {
			x.Violation(sandbox.UnknownField, fmt.Sprintf("%.40q", name))
			continue
		}
		some[name] = value
	}
	return some
}
