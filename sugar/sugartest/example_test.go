package sugartest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/seed57652884/resetctl/sugar/sugartest"
)

// A program signs in and has Ana mailed; the test looks into the mailbox.
func Example() {
	srv := sugartest.NewServer(sugartest.Config{})
	defer srv.Close()
	ana := srv.AddUser(sugartest.User{UserName: "ana", Email: "ana@example.com"})

	credentials, _ := json.Marshal(map[string]string{
		"grant_type": "password", "client_id": "sugar", "client_secret": "",
		"username": srv.Username, "password": srv.Password, "platform": srv.Platform,
	})
	login, err := http.Post(srv.URL+"/rest/v11_24/oauth2/token", "application/json", strings.NewReader(string(credentials)))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer login.Body.Close()
	var session struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(login.Body).Decode(&session); err != nil {
		fmt.Println(err)
		return
	}

	body := strings.NewReader(`{"userId":"` + ana.ID + `"}`)
	reset, _ := http.NewRequest("POST", srv.URL+"/rest/v11_24/password/adminRequest", body)
	reset.Header.Set("Content-Type", "application/json")
	reset.Header.Set("Authorization", "Bearer "+session.AccessToken)
	answer, err := http.DefaultClient.Do(reset)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer answer.Body.Close()

	fmt.Println(answer.Status)
	fmt.Println(srv.Mailbox().Count("ana@example.com"), "mail to Ana")
	fmt.Println(len(srv.Violations()), "violations")
	// Output:
	// 200 OK
	// 1 mail to Ana
	// 0 violations
}
