//go:build unix

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// An unleash is a real Unleash server.
type unleash struct {
	url   string
	token string // an admin API token
	ended <-chan struct{}
}

// adminToken is the API token that both servers are born with; the servers
// live for one run of the tests on loopback.
const adminToken = "*:*.e2e-canary-5f1d7c0b9a3e"

// startUnleash starts a server that mails through the mailbox, or cannot mail
// if that is nil, and does not wait until it answers.
func startUnleash(ctx context.Context, k *keeper, db *postgres, database string, m *mailbox) (*unleash, error) {
	node, err := nodeBinary()
	if err != nil {
		return nil, err
	}
	script, err := filepath.Abs(filepath.Join(installation, "node_modules", "unleash-server", "dist", "server.js"))
	if err != nil {
		return nil, err
	}
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	u := &unleash{url: "http://" + address, token: adminToken}
	server := exec.CommandContext(ctx, node, script)
	server.Dir = k.dir
	server.Env = []string{
		"NODE_ENV=production",
		"HTTP_HOST=" + host,
		"HTTP_PORT=" + port,
		"UNLEASH_URL=" + u.url,
		"DATABASE_URL=" + db.url(database),
		"DATABASE_SSL=false",
		"INIT_ADMIN_API_TOKENS=" + adminToken,
		"CHECK_VERSION=false",
		"SEND_TELEMETRY=false",
		"CREATE_USER_RATE_LIMIT_PER_MINUTE=100000", // the tests make people in a hurry; resets are not touched by it
	}
	if m != nil {
		host, port, err := net.SplitHostPort(m.address)
		if err != nil {
			return nil, err
		}
		server.Env = append(server.Env, "EMAIL_HOST="+host, "EMAIL_PORT="+port, "EMAIL_SECURE=false", "EMAIL_SENDER=unleash@example.com")
	}
	log, err := createLog("unleash-" + database)
	if err != nil {
		return nil, err
	}
	server.Stdout, server.Stderr = log, log
	if u.ended, err = k.start(server); err != nil {
		return nil, fmt.Errorf("start Unleash: %w", err)
	}
	return u, nil
}

// waitHealthy returns when the server is ready to serve.
func (u *unleash) waitHealthy(ctx context.Context) error {
	poll := time.NewTicker(50 * time.Millisecond)
	defer poll.Stop()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.url+"/health", nil)
		if err != nil {
			return err
		}
		if response, err := http.DefaultClient.Do(request); err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-poll.C:
		case <-u.ended:
			return fmt.Errorf("Unleash at %s ended by itself (its log goes to the folder that E2E_LOGS names)", u.url)
		case <-ctx.Done():
			return fmt.Errorf("Unleash at %s does not answer: %w", u.url, ctx.Err())
		}
	}
}

// An answer is what the server said to one request.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// call sends one request as an administrator; body is encoded as JSON unless
// it is nil.
func (u *unleash) call(t *testing.T, method, path string, body any) answer {
	t.Helper()
	return u.callAs(t, u.token, method, path, body)
}

// callAs is call with another token, or without any.
func (u *unleash) callAs(t *testing.T, token, method, path string, body any) answer {
	t.Helper()
	var payload io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		payload = bytes.NewReader(encoded)
	}
	request, err := http.NewRequestWithContext(t.Context(), method, u.url+path, payload)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		request.Header.Set("Authorization", token)
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	return send(t, http.DefaultClient, request)
}

func send(t *testing.T, client *http.Client, request *http.Request) answer {
	t.Helper()
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{status: response.StatusCode, header: response.Header, body: content}
}

// want ends the test unless the answer has the status.
func (a answer) want(t *testing.T, status int) answer {
	t.Helper()
	if a.status != status {
		t.Fatalf("status %d, want %d: %s", a.status, status, a.body)
	}
	return a
}

// decode reads a JSON answer.
func decode[T any](t *testing.T, a answer) T {
	t.Helper()
	var value T
	if err := json.Unmarshal(a.body, &value); err != nil {
		t.Fatalf("%v in %s", err, a.body)
	}
	return value
}

// A user is the part of Unleash's user that the tests look at.
type user struct {
	ID         int
	Name       string
	Username   string
	Email      string
	InviteLink string
}

// newPerson makes a person on the server who was never mailed.
func (u *unleash) newPerson(t *testing.T, email, name string) user {
	t.Helper()
	return decode[user](t, u.call(t, http.MethodPost, "/api/admin/user-admin",
		map[string]any{"email": email, "name": name, "rootRole": rootViewer, "sendEmail": false}).want(t, http.StatusCreated))
}

// newPeople makes n people whose addresses nobody else in the tests has.
func (u *unleash) newPeople(t *testing.T, n int) []user {
	t.Helper()
	people := make([]user, n)
	for i := range people {
		people[i] = u.newPerson(t, newAddress(t), fmt.Sprintf("Person %d", i+1))
	}
	return people
}

// reset asks the server itself, without the command, to mail a person.
func (u *unleash) reset(t *testing.T, email string) answer {
	t.Helper()
	return u.call(t, http.MethodPost, "/api/admin/user-admin/reset-password", map[string]any{"id": email})
}

// The root roles that every server is born with.
const (
	rootAdmin  = 1
	rootViewer = 3
)

// newClientToken makes a token as applications have it, which must not reset
// anybody.
func (u *unleash) newClientToken(t *testing.T) string {
	t.Helper()
	made := u.call(t, http.MethodPost, "/api/admin/api-tokens", map[string]any{
		"tokenName": newAddress(t), "type": "client", "environment": "development", "projects": []string{"*"}}).want(t, http.StatusCreated)
	return decode[struct{ Secret string }](t, made).Secret
}

// newToken makes a personal access token of a new person with a root role.
func (u *unleash) newToken(t *testing.T, rootRole int) (owner user, token string) {
	t.Helper()
	const password = "Correct-Horse-7-Battery"
	email := newAddress(t)
	owner = decode[user](t, u.call(t, http.MethodPost, "/api/admin/user-admin",
		map[string]any{"email": email, "name": "Token owner", "rootRole": rootRole, "sendEmail": false, "password": password}).want(t, http.StatusCreated))
	login := u.callAs(t, "", http.MethodPost, "/auth/simple/login", map[string]any{"username": email, "password": password}).want(t, http.StatusOK)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, u.url+"/api/admin/user/tokens",
		strings.NewReader(`{"description":"e2e","expiresAt":"`+time.Now().Add(time.Hour).UTC().Format(time.RFC3339)+`"}`))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	for _, cookie := range login.header.Values("Set-Cookie") {
		request.Header.Add("Cookie", strings.SplitN(cookie, ";", 2)[0])
	}
	created := decode[struct{ Secret string }](t, send(t, http.DefaultClient, request).want(t, http.StatusCreated))
	return owner, created.Secret
}
