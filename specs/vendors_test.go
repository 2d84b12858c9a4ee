package specs

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// vendorDocuments names the environment variable with the folder of the vendors' own documents. They are not ours to publish,
// so they are not in this repository; README.md says where to get them.
const vendorDocuments = "RESETCTL_VENDOR_SPECS"

var vendors = []struct {
	ours, theirs string
	differences  []listed
}{
	{
		ours:   "looker.yaml",
		theirs: "looker-4.0.oas.json",
		differences: []listed{
			{`GET /alive: no such operation at the vendor`,
				"The liveness probe is beside the API that the vendor's document is about, and needs no token."},
			{`POST /api/4\.0/login: request: required is true here, false at the vendor`,
				"The vendor also takes the API key from the query, which is being retired and would put a secret in logs. Here the body is the only way."},
			{`POST /api/4\.0/login: request\.(client_id|client_secret): unknown to the vendor`,
				"The vendor's schema of the form has no properties; the text of the operation names these two. Without them a generated login has an empty body."},
			{`(GET|POST|PATCH|DELETE) /api/4\.0/.*: 401: not documented by the vendor`,
				"A dead or missing token is answered with 401 and an Error wherever a token is needed, though no operation says so."},
			{`DELETE /api/4\.0/.*: 204: application/json: documented by the vendor, missing here`,
				"An answer with status 204 has no body, so it can have no JSON text either."},
		},
	},
	{
		ours:   "unleash.yaml",
		theirs: "unleash-7.6.5.openapi.json",
		differences: []listed{
			{`POST /api/admin/user-admin/reset-password: 429: not documented by the vendor`,
				"Seen on 7.6.5: a second reset of one person within a minute is refused with a RateLimitError."},
			{`PUT /api/admin/user-admin/\{id\}: 500: not documented by the vendor`,
				"Seen on 7.6.5: an address that another user has is refused by the database, with a 500 that speaks of a duplicate key."},
			{`(GET|POST|PUT|DELETE) /api/admin/.*: 4\d\d\.details: unknown to the vendor`,
				"Seen on 7.6.5: refusals carry a list of the points at fault besides id, name and message."},
			{`GET /api/admin/ui-config: 401: not documented by the vendor`,
				"Everything under /api/admin needs a token, and without one the answer is 401, here as everywhere."},
			{`GET /api/admin/(ui-config|user|user-admin/search|user-admin/\{id\}): 403: not documented by the vendor`,
				"Seen on 7.6.5: a client or frontend token is refused with 403 everywhere under /api/admin, with nothing but a message."},
		},
	},
}

func TestOurDocumentsAgreeWithTheVendors(t *testing.T) {
	folder := os.Getenv(vendorDocuments)
	for _, vendor := range vendors {
		t.Run(vendor.ours, func(t *testing.T) {
			ours := open(t, vendor.ours)
			if folder == "" {
				t.Logf("%s names no folder: nothing was compared", vendorDocuments)
				return
			}
			unlisted, stale := sift(compare(ours, open(t, filepath.Join(folder, vendor.theirs))), vendor.differences)
			for _, difference := range unlisted {
				t.Errorf("not listed: %s", difference)
			}
			for _, entry := range stale {
				t.Errorf("listed, but there is no such difference any more: %s", entry.pattern)
			}
		})
	}
}

func TestEveryListedDifferenceHasAReason(t *testing.T) {
	for _, vendor := range vendors {
		for _, entry := range vendor.differences {
			if _, err := regexp.Compile(entry.pattern); err != nil {
				t.Errorf("%s: %v", vendor.ours, err)
			}
			if len(entry.reason) < 40 {
				t.Errorf("%s: %s: %q is no reason", vendor.ours, entry.pattern, entry.reason)
			}
		}
	}
}
