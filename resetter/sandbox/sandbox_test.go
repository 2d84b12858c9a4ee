package sandbox_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed57652884/resetctl/resetter/sandbox"
)

// post is a vendor of one operation: POST /reset/{email} mails.
var post = sandbox.Vendor{
	Routes: []sandbox.Route{{
		Operation: sandbox.Reset,
		Method:    "POST",
		Path:      "/reset/{email}",
		Query:     []string{"fields"},
		Body:      sandbox.JSONBody,
		Person:    func(x *sandbox.Exchange) string { return x.Request.PathValue("email") },
		Handle: func(x *sandbox.Exchange) {
			x.Mail(sandbox.Mail{To: x.Request.PathValue("email"), Kind: sandbox.ResetMail})
			x.JSON(200, map[string]string{"mailed": x.Request.PathValue("email")})
		},
	}},
	NotFound:  func(x *sandbox.Exchange) { x.Text(404, "text/plain", "none") },
	Throttled: func(x *sandbox.Exchange) { x.Text(429, "text/plain", "slowly") },
}

// client never uses a connection twice, so that no test depends on the one before.
func client() *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
}

type answer struct {
	status int
	header http.Header
	body   string
	err    error // of the request, or of reading the answer
}

func reset(c *http.Client, url, person string) answer {
	res, err := c.Post(url+"/reset/"+person, "application/json", strings.NewReader("{}"))
	if err != nil {
		return answer{err: err}
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return answer{status: res.StatusCode, header: res.Header, body: string(body), err: err}
}

func TestTheMailboxCountsWhatWasCarriedOutAndNotWhatWasAnswered(t *testing.T) {
	cases := []struct {
		name   string
		fault  sandbox.Fault
		status int // 0: no answer, or none that is whole
		mails  int
	}{
		{"dropped before", sandbox.Fault{Kind: sandbox.Drop}, 0, 0},
		{"dropped after", sandbox.Fault{Kind: sandbox.Drop, Processed: true}, 0, 1},
		{"throttled", sandbox.Fault{Kind: sandbox.Throttle}, 429, 0},
		{"500 instead", sandbox.Fault{Kind: sandbox.Answer, Status: 500, Body: "{}"}, 500, 0},
		{"500 after", sandbox.Fault{Kind: sandbox.Answer, Status: 500, Body: "{}", Processed: true}, 500, 1},
		{"page instead", sandbox.Fault{Kind: sandbox.Page}, 200, 0},
		{"page after", sandbox.Fault{Kind: sandbox.Page, Status: 502, Processed: true}, 502, 1},
		{"cut", sandbox.Fault{Kind: sandbox.Cut}, 0, 1},
		{"stalled for a moment", sandbox.Fault{Kind: sandbox.Stall, For: time.Millisecond}, 200, 1},
		{"about someone else", sandbox.Fault{Kind: sandbox.Drop, Person: "bo@example.com"}, 200, 1},
		{"about another operation", sandbox.Fault{Kind: sandbox.Drop, On: sandbox.Login}, 200, 1},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			srv := sandbox.Start(sandbox.Config{Faults: []sandbox.Fault{c.fault}}, post)
			defer srv.Close()
			got := reset(client(), srv.URL, "ana@example.com")
			if c.status == 0 && got.err == nil {
				t.Errorf("answered %d %q, want no whole answer", got.status, got.body)
			}
			if c.status != 0 && (got.err != nil || got.status != c.status) {
				t.Errorf("answered %d, %v, want %d", got.status, got.err, c.status)
			}
			if n := srv.Mailbox().Count("Ana@Example.com"); n != c.mails {
				t.Errorf("%d mails, want %d", n, c.mails)
			}
		})
	}
}

func TestAPersonWhoseClientGaveUpIsMailedOnlyIfTheServerHadDoneIt(t *testing.T) {
	for processed, mails := range map[bool]int{false: 0, true: 1} {
		synctest.Test(t, func(t *testing.T) {
			pipe := sandbox.NewPipe()
			srv := sandbox.Start(sandbox.Config{Listener: pipe}, post)
			srv.Inject(sandbox.Fault{Kind: sandbox.Stall, Processed: processed})
			c := &http.Client{Transport: &http.Transport{DialContext: pipe.DialContext}, Timeout: time.Second}
			if got := reset(c, srv.URL, "ana@example.com"); got.err == nil {
				t.Errorf("answered %d, want a time-out", got.status)
			}
			srv.Close() // waits for what is in hand
			if n := srv.Mailbox().Len(); n != mails {
				t.Errorf("processed %v: %d mails, want %d", processed, n, mails)
			}
		})
	}
}

func TestWhoIsHeldGoesOnWhenTheFaultsAreCleared(t *testing.T) {
	for processed, before := range map[bool]int{false: 0, true: 1} {
		srv := sandbox.Start(sandbox.Config{}, post)
		srv.Inject(sandbox.Fault{Kind: sandbox.Stall, Processed: processed})
		held := make(chan answer, 1)
		go func() { held <- reset(client(), srv.URL, "ana@example.com") }()
		eventually(t, func() bool {
			r := srv.Requests()
			return len(r) == 1 && r[0].Fault == sandbox.Stall && r[0].Status == 0 && srv.Mailbox().Len() == before
		})
		srv.ClearFaults()
		if got := <-held; got.status != 200 {
			t.Errorf("processed %v: answered %d, %v, want 200", processed, got.status, got.err)
		}
		if n := srv.Mailbox().Len(); n != 1 {
			t.Errorf("processed %v: %d mails, want 1", processed, n)
		}
		srv.Close()
	}
}

func TestAServerThatIsSlowGoesOnWorkingWhenItsClientHangsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pipe := sandbox.NewPipe()
		srv := sandbox.Start(sandbox.Config{Listener: pipe, Latency: 5 * time.Second}, post)
		c := &http.Client{Transport: &http.Transport{DialContext: pipe.DialContext}, Timeout: time.Second}
		if got := reset(c, srv.URL, "ana@example.com"); got.err == nil {
			t.Errorf("answered %d, want a time-out", got.status)
		}
		<-time.After(5 * time.Second) // of the bubble
		synctest.Wait()
		if n := srv.Mailbox().Len(); n != 1 {
			t.Errorf("%d mails, want 1", n)
		}
		c.CloseIdleConnections()
		srv.Close()
	})
}

func TestFaultsStrikeInTheirOrderAndAsOftenAsTold(t *testing.T) {
	srv := sandbox.Start(sandbox.Config{}, post)
	defer srv.Close()
	srv.Inject(
		sandbox.Fault{Kind: sandbox.Throttle, Skip: 1, Times: 2, RetryAfter: 1500 * time.Millisecond},
		sandbox.Fault{Kind: sandbox.Answer, Status: 503, Header: http.Header{"x-why": {"ill"}}, Times: 1, Skip: 1},
	)
	var got []int
	for range 6 {
		a := reset(client(), srv.URL, "ana@example.com")
		got = append(got, a.status)
		if a.status == 429 && a.header.Get("Retry-After") != "2" {
			t.Errorf("Retry-After %q, want 2: whole seconds, rounded up", a.header.Get("Retry-After"))
		}
		if a.status == 503 && a.header.Get("X-Why") != "ill" {
			t.Error("the fault's header is missing")
		}
	}
	// The first passes both; the second and third meet the first fault; the fourth the second.
	if want := []int{200, 429, 429, 503, 200, 200}; !equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	srv.Inject(sandbox.Fault{Kind: sandbox.Drop})
	srv.ClearFaults()
	if a := reset(client(), srv.URL, "ana@example.com"); a.status != 200 {
		t.Errorf("after ClearFaults: %d, %v", a.status, a.err)
	}
}

func TestFaultsByChanceAreRepeatable(t *testing.T) {
	play := func(seed uint64) (statuses []int) {
		srv := sandbox.Start(sandbox.Config{Seed: seed, Faults: []sandbox.Fault{{Kind: sandbox.Throttle, Chance: 0.5}}}, post)
		defer srv.Close()
		for range 40 {
			statuses = append(statuses, reset(client(), srv.URL, "ana@example.com").status)
		}
		return statuses
	}
	first := play(7)
	if !equal(first, play(7)) {
		t.Error("the same seed played differently")
	}
	if equal(first, play(8)) {
		t.Error("another seed played the same")
	}
}

func TestALimitAdmitsSoManyASecondAndSaysSoOnlyIfTold(t *testing.T) {
	for _, told := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			pipe := sandbox.NewPipe()
			limit := sandbox.Limit{PerSecond: 4, Burst: 2, RetryAfter: told}
			srv := sandbox.Start(sandbox.Config{Listener: pipe, Limit: limit}, post)
			c := &http.Client{Transport: &http.Transport{DialContext: pipe.DialContext}}
			status := func() int {
				a := reset(c, srv.URL, "ana@example.com")
				if says := a.header.Get("Retry-After") == "1"; a.status == 429 && says != told {
					t.Errorf("told %v, Retry-After %q", told, a.header.Get("Retry-After"))
				}
				return a.status
			}
			got := []int{status(), status(), status()} // the burst, and one too many
			<-time.After(250 * time.Millisecond)       // of the bubble: one more is earned
			got = append(got, status(), status())
			<-time.After(time.Hour) // but never more than the burst
			got = append(got, status(), status(), status())
			if want := []int{200, 200, 429, 200, 429, 200, 200, 429}; !equal(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
			if n := srv.Mailbox().Len(); n != 5 {
				t.Errorf("%d mails, want those of the admitted alone: 5", n)
			}
			c.CloseIdleConnections()
			srv.Close()
		})
	}
}

func TestAnOutageRefusesConnectionsAndEndsOnTheSamePort(t *testing.T) {
	srv := sandbox.Start(sandbox.Config{}, post)
	defer srv.Close()
	c := client()
	srv.Outage(time.Hour)
	if got := reset(c, srv.URL, "ana@example.com"); !errors.Is(got.err, syscall.ECONNREFUSED) {
		t.Errorf("during the outage: %v, want a refused connection", got.err)
	}
	srv.Outage(0)
	eventually(t, func() bool { return reset(c, srv.URL, "ana@example.com").status == 200 })
	if n := srv.Mailbox().Len(); n != 1 {
		t.Errorf("%d mails, want 1", n)
	}
}

func TestAnOutageCutsIdleConnections(t *testing.T) {
	srv := sandbox.Start(sandbox.Config{}, post)
	defer srv.Close()
	c := &http.Client{}
	defer c.CloseIdleConnections()
	if got := reset(c, srv.URL, "ana@example.com"); got.status != 200 {
		t.Fatal(got.status, got.err)
	}
	srv.Outage(time.Hour)
	eventually(t, func() bool { return errors.Is(reset(c, srv.URL, "ana@example.com").err, syscall.ECONNREFUSED) })
	if n := srv.Mailbox().Len(); n != 1 {
		t.Errorf("%d mails, want the one before the outage", n)
	}
}

func TestALimitWithABlockRefusesConnectionsForAWhileAndMailsNobody(t *testing.T) {
	srv := sandbox.Start(sandbox.Config{Limit: sandbox.Limit{PerSecond: 0.001, Burst: 1, Block: 50 * time.Millisecond}}, post)
	defer srv.Close()
	c := client()
	first, second := reset(c, srv.URL, "ana@example.com"), reset(c, srv.URL, "ana@example.com")
	if first.status != 200 || second.err == nil {
		t.Errorf("got %d and %d, want 200 and a lost connection", first.status, second.status)
	}
	srv.SetLimit(sandbox.Limit{})
	eventually(t, func() bool { return reset(c, srv.URL, "bo@example.com").status == 200 })
	if n := srv.Mailbox().Count("ana@example.com"); n != 1 {
		t.Errorf("%d mails to Ana, want 1", n)
	}
}

func TestWhatAVendorWouldNotLikeIsAViolation(t *testing.T) {
	cases := []struct {
		rule   sandbox.Rule
		status int
		change func(*http.Request)
	}{
		{sandbox.UnknownPath, 404, func(r *http.Request) { r.URL.Path = "/elsewhere" }},
		{sandbox.UnknownPath, 404, func(r *http.Request) { r.Method = "GET" }},
		{sandbox.UnknownPath, 404, func(r *http.Request) { r.URL.Path = "//reset/ana" }},
		{sandbox.UnknownPath, 404, func(r *http.Request) { r.URL.Path = "/x/../reset/ana" }},
		{sandbox.UnknownQuery, 200, func(r *http.Request) { r.URL.RawQuery = "force=yes" }},
		{sandbox.SecretInURL, 200, func(r *http.Request) { r.URL.RawQuery = "client_secret=hush" }},
		{sandbox.IdempotencyKey, 200, func(r *http.Request) { r.Header.Set("X-Idempotency-Key", "1") }},
		{sandbox.WrongContentType, 200, func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }},
	}
	for _, c := range cases {
		srv := sandbox.Start(sandbox.Config{}, post)
		r, err := http.NewRequest("POST", srv.URL+"/reset/ana@example.com", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		c.change(r)
		res, err := client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		srv.Close()
		if res.StatusCode != c.status {
			t.Errorf("%s: answered %d, want %d", c.rule, res.StatusCode, c.status)
		}
		if v := srv.Violations(); len(v) != 1 || v[0].Rule != c.rule {
			t.Errorf("violations %v, want one: %s", v, c.rule)
		}
	}
}

func TestAGoodRequestIsNoViolationAndIsRemembered(t *testing.T) {
	srv := sandbox.Start(sandbox.Config{}, post)
	defer srv.Close()
	res, err := client().Post(srv.URL+"/reset/ana%40example.com?fields=secret-value", "application/json; charset=utf-8", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if v := srv.Violations(); len(v) != 0 {
		t.Errorf("violations: %v", v)
	}
	requests := srv.Requests()
	if len(requests) != 1 || srv.Calls(sandbox.Reset) != 1 {
		t.Fatalf("%d requests, want 1", len(requests))
	}
	got := requests[0]
	if got.String() != "POST /reset/ana%40example.com [fields] → 200" || got.Person != "ana@example.com" || got.At.IsZero() {
		t.Errorf("remembered %+v", got)
	}
}

func TestNeitherLogNorViolationsHoldASecret(t *testing.T) {
	srv := sandbox.Start(sandbox.Config{}, post)
	defer srv.Close()
	secret := srv.Mint("tok-")
	for _, path := range []string{"/" + secret, "/reset/" + secret, "/reset/ana?" + secret + "=1", "/reset/ana?token=" + secret} {
		res, err := client().Post(srv.URL+path, "", nil)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
	}
	for _, r := range srv.Requests() {
		if strings.Contains(r.String()+r.Person, srv.Canary()) {
			t.Errorf("the log holds a secret: %v", r)
		}
	}
	secrets := 0
	for _, v := range srv.Violations() {
		if strings.Contains(v.String(), srv.Canary()) {
			t.Errorf("a violation holds a secret: %v", v)
		}
		if v.Rule == sandbox.SecretInURL {
			secrets++
		}
	}
	if secrets < 4 {
		t.Errorf("%d of 4 secrets in URLs were noticed", secrets)
	}
}

func TestTLSWithTheCertificateItHandsOut(t *testing.T) {
	srv := sandbox.Start(sandbox.Config{TLS: true}, post)
	defer srv.Close()
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(srv.Certificate()) || !strings.HasPrefix(srv.URL, "https://") {
		t.Fatalf("no certificate for %s", srv.URL)
	}
	trusting := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: roots}}}
	if got := reset(trusting, srv.URL, "ana@example.com"); got.status != 200 {
		t.Errorf("with its certificate: %d, %v", got.status, got.err)
	}
	if got := reset(client(), srv.URL, "ana@example.com"); got.err == nil {
		t.Error("without its certificate: trusted")
	}
}

func TestCloseLetsGoOfWhatStallsAndMayBeCalledTwice(t *testing.T) {
	srv := sandbox.Start(sandbox.Config{Faults: []sandbox.Fault{{Kind: sandbox.Stall}}}, post)
	var stalled sync.WaitGroup
	for range 8 {
		stalled.Go(func() {
			if got := reset(client(), srv.URL, "ana@example.com"); got.err == nil {
				t.Errorf("a stalled request was answered %d", got.status)
			}
		})
	}
	eventually(t, func() bool { return len(srv.Requests()) == 8 })
	srv.Close()
	srv.Close()
	stalled.Wait()
	if n := srv.Mailbox().Len(); n != 0 {
		t.Errorf("%d mails of requests that never got through, want 0", n)
	}
}

func TestCloseWaitsForWhatIsInHand(t *testing.T) {
	begun, finished := make(chan bool), false
	vendor := post
	vendor.Routes = []sandbox.Route{{Method: "POST", Path: "/reset/{email}", Handle: func(x *sandbox.Exchange) {
		close(begun)
		<-x.Request.Context().Done() // the connection was cut
		<-time.After(20 * time.Millisecond)
		finished = true
	}}}
	srv := sandbox.Start(sandbox.Config{}, vendor)
	var call sync.WaitGroup
	call.Go(func() { reset(client(), srv.URL, "ana@example.com") })
	<-begun
	srv.Close()
	if !finished {
		t.Error("Close returned while a request was being worked on")
	}
	call.Wait()
}

func TestAPipeThatIsClosedRefuses(t *testing.T) {
	pipe := sandbox.NewPipe()
	pipe.Close()
	if _, err := pipe.DialContext(context.Background(), "tcp", "x"); !errors.Is(err, net.ErrClosed) {
		t.Errorf("dialled: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := sandbox.NewPipe().DialContext(ctx, "tcp", "x"); !errors.Is(err, context.Canceled) {
		t.Errorf("dialled with a dead context: %v", err)
	}
}

func TestEachMailIsShownAsItIsSent(t *testing.T) {
	var shown []sandbox.Mail
	srv := sandbox.Start(sandbox.Config{OnMail: func(m sandbox.Mail) { shown = append(shown, m) }}, post)
	reset(client(), srv.URL, "ana@example.com")
	srv.Close()
	if len(shown) != 1 || shown[0] != srv.Mailbox().Mails()[0] || srv.Mailbox().Counts()["ana@example.com"] != 1 {
		t.Errorf("shown %v, kept %v", shown, srv.Mailbox().Mails())
	}
}

func TestPeopleAreDistinctAndTheSameEveryTime(t *testing.T) {
	many, few := sandbox.People(3000), sandbox.People(150)
	seen := map[string]bool{}
	for i, p := range many {
		if seen[p.Email] {
			t.Fatalf("%s is there twice", p.Email)
		}
		seen[p.Email] = true
		if i < len(few) && few[i] != p {
			t.Fatalf("person %d is %v of %d and %v of %d", i, few[i], len(few), p, len(many))
		}
	}
}

func TestLikeMatchesAsSQLDoes(t *testing.T) {
	cases := []struct {
		pattern, text string
		want          bool
	}{
		{"a_b@x.io", "a_b@x.io", true},
		{"a_b@x.io", "axb@x.io", true},
		{"a_b@x.io", "ab@x.io", false},
		{`a\_b@x.io`, "a_b@x.io", true},
		{`a\_b@x.io`, "axb@x.io", false},
		{"A%", "ana", true},
		{"%NA", "ana", true},
		{"%n%", "ana", true},
		{"%", "", true},
		{"", "", true},
		{"", "a", false},
		{"a", "", false},
		{"é_", "ÉX", true},
		{`100\%`, "100%", true},
		{`100\%`, "1000", false},
	}
	for _, c := range cases {
		if got := sandbox.Like(c.pattern, c.text); got != c.want {
			t.Errorf("Like(%q, %q) = %v", c.pattern, c.text, got)
		}
	}
}

func equal(a, b []int) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// eventually waits for the condition.
func eventually(t *testing.T, holds func() bool) {
	t.Helper()
	for start := time.Now(); time.Since(start) < 10*time.Second; {
		if holds() {
			return
		}
		<-time.After(time.Millisecond)
	}
	t.Fatal("it did not come about within 10 s")
}
