package unleash

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/seed57652884/resetctl/unleash/unleashapi"
)

// What is read as a stream is what would be read as a whole.
func FuzzTheListOfUsers(f *testing.F) {
	for _, seed := range []string{
		`{"users":[{"id":1,"email":"ana@example.com","username":null,"inviteLink":"http://x/new-user?token=t"},{"id":2}],"rootRoles":[{"id":1}]}`,
		`{"rootRoles":[],"users":[]}`, `{"users":[{"id":0}]}`, `{"users":null}`, `{"users":[`, `{}`, `[]`, `null`, `{"users":[]}x`,
		`{"users":[],"users":[]}`, "{\"\\u0075sers\":[]}", `{"users":[null]}`, `{"users":[{"id":1}`, ` {"a":{"users":[{"id":1}]}}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, answer string) {
		var streamed []unleashapi.User
		if err := eachUser(strings.NewReader(answer), func(u unleashapi.User) { streamed = append(streamed, u) }); err != nil {
			return
		}
		var object map[string]json.RawMessage
		var whole []unleashapi.User
		if err := json.Unmarshal([]byte(answer), &object); err != nil {
			t.Fatalf("%q is read, and is no answer: %v", answer, err)
		}
		if err := json.Unmarshal(object["users"], &whole); err != nil {
			t.Fatalf("%q is read, and is no list: %v", answer, err)
		}
		if len(streamed)+len(whole) > 0 && !reflect.DeepEqual(streamed, whole) {
			t.Errorf("%q is read as %+v, want %+v", answer, streamed, whole)
		}
	})
}
