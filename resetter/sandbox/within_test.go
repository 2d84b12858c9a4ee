package sandbox_test

import (
	"fmt"
	"testing"

	"github.com/seed57652884/resetctl/resetter/sandbox"
)

func TestARequestWithinAnotherIsCarriedOutRememberedAndLookedAt(t *testing.T) {
	vendor := post
	vendor.Routes = append([]sandbox.Route{{
		Operation: "both", Method: "POST", Path: "/both", Body: sandbox.JSONBody,
		Handle: func(x *sandbox.Exchange) {
			status, answer, err := x.Within("POST", "/reset/ana@example.com", []byte("{}"))
			if err != nil || status != 200 || string(answer) != `{"mailed":"ana@example.com"}`+"\n" {
				t.Errorf("%d %s, %v", status, answer, err)
			}
			if status, _, err := x.Within("GET", "/nowhere?token=x", nil); status != 404 || err != nil {
				t.Errorf("%d, %v", status, err)
			}
			if _, _, err := x.Within("GET", "http://%zz", nil); err == nil {
				t.Error("an address that is none is carried out")
			}
			x.JSON(200, nil)
		},
	}}, post.Routes...)
	srv := sandbox.Start(sandbox.Config{}, vendor)
	defer srv.Close()
	res, err := client().Post(srv.URL+"/both", "application/json", nil)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if n := srv.Mailbox().Count("ana@example.com"); n != 1 {
		t.Errorf("%d mails", n)
	}
	var seen []string
	for _, r := range srv.Requests() {
		seen = append(seen, fmt.Sprintf("%s %d", r.Path, r.Status))
	}
	if fmt.Sprint(seen) != "[/both 200 /reset/ana@example.com 200 /nowhere 404]" {
		t.Errorf("remembered %v", seen)
	}
	var rules []sandbox.Rule
	for _, v := range srv.Violations() {
		rules = append(rules, v.Rule)
	}
	if fmt.Sprint(rules) != fmt.Sprint([]sandbox.Rule{sandbox.SecretInURL, sandbox.UnknownPath}) {
		t.Errorf("violations %v", rules)
	}
}
