package sandbox_test

import (
	"fmt"
	"net/http"

	"github.com/seed57652884/resetctl/resetter/sandbox"
)

// A vendor's test server is a list of routes. All the rest (faults, limits, log, mailbox) it has
// from here: this one loses the answer to its first reset, which is carried out all the same.
func Example() {
	srv := sandbox.Start(sandbox.Config{}, sandbox.Vendor{
		Routes: []sandbox.Route{{
			Operation: sandbox.Reset, Method: "POST", Path: "/people/{email}/reset",
			Handle: func(x *sandbox.Exchange) {
				x.Mail(sandbox.Mail{To: x.Request.PathValue("email"), Kind: sandbox.ResetMail})
				x.JSON(200, map[string]bool{"ok": true})
			},
		}},
		NotFound:  func(x *sandbox.Exchange) { x.Empty(404) },
		Throttled: func(x *sandbox.Exchange) { x.Empty(429) },
	})
	defer srv.Close()
	srv.Inject(sandbox.Fault{Kind: sandbox.Drop, Processed: true, On: sandbox.Reset, Times: 1})

	_, err := http.Post(srv.URL+"/people/ana@example.com/reset", "", nil)
	fmt.Println("answer lost:", err != nil)
	fmt.Println("mails to Ana:", srv.Mailbox().Count("ana@example.com"))
	// Output:
	// answer lost: true
	// mails to Ana: 1
}
