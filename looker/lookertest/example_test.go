package lookertest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"github.com/seed57652884/resetctl/looker/lookertest"
)

// A program signs in and has Ana mailed; the test looks into the mailbox.
func Example() {
	srv := lookertest.NewServer(lookertest.Config{})
	defer srv.Close()
	ana := srv.AddUser(lookertest.User{Email: "ana@example.com", FirstName: "Ana"})

	key := url.Values{"client_id": {srv.ClientID}, "client_secret": {srv.ClientSecret}}
	login, err := http.PostForm(srv.URL+"/api/4.0/login", key)
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

	reset, _ := http.NewRequest("POST", srv.URL+"/api/4.0/users/"+ana.ID+"/credentials_email/send_password_reset?fields=user_id", nil)
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
