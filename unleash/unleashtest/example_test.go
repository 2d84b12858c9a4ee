package unleashtest_test

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/seed57652884/resetctl/unleash/unleashtest"
)

// A program has Ana mailed, and at once again, which Unleash does not do.
func Example() {
	srv := unleashtest.NewServer(unleashtest.Config{})
	defer srv.Close()
	srv.AddUser(unleashtest.User{Email: "ana@example.com", Name: "Ana"})

	for range 2 {
		body := strings.NewReader(`{"id":"ana@example.com"}`)
		reset, _ := http.NewRequest("POST", srv.URL+"/api/admin/user-admin/reset-password", body)
		reset.Header.Set("Content-Type", "application/json")
		reset.Header.Set("Authorization", srv.Token)
		answer, err := http.DefaultClient.Do(reset)
		if err != nil {
			fmt.Println(err)
			return
		}
		defer answer.Body.Close()
		fmt.Println(answer.Status)
	}
	fmt.Println(srv.Mailbox().Count("ana@example.com"), "mail to Ana")
	fmt.Println(len(srv.Violations()), "violations")
	// Output:
	// 200 OK
	// 429 Too Many Requests
	// 1 mail to Ana
	// 0 violations
}
