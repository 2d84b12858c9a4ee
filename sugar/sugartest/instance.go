package sugartest

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/seed57652884/resetctl/resetter/sandbox"
)

// metadata tells what the instance is made of: the sections that type_filter lists, or all.
func (s *Server) metadata(x *sandbox.Exchange) {
	all := object{
		"server_info": object{"flavor": "ENT", "version": "25.1.0", "build": "0", "product_name": "Sugar"},
		"modules": object{"Users": object{"fields": object{
			"user_name": object{"name": "user_name", "type": "username", "required": true},
			"last_name": object{"name": "last_name", "type": "varchar", "len": 30, "required": true},
			"status":    object{"name": "status", "type": "enum", "required": false},
		}}},
	}
	answer := object{"_hash": "654d337e0e912edaa00dbb0fb3dc3c17"}
	wanted := x.Request.URL.Query().Get("type_filter")
	for section, content := range all {
		if wanted == "" || strings.Contains(","+wanted+",", ","+section+",") {
			answer[section] = content
		}
	}
	x.JSON(200, answer)
}

// help is a page for people.
func (s *Server) help(x *sandbox.Exchange) {
	x.Text(200, "text/html; charset=utf-8", "<!DOCTYPE html><html><head><title>Help</title></head><body><h1>REST API</h1></body></html>\n")
}

// bulk carries several requests out, one after another. Their bodies are JSON texts; the vendor's
// own test client sends the JSON itself, which is taken as well.
func (s *Server) bulk(x *sandbox.Exchange) {
	body, _ := x.Object("requests")
	var requests []struct {
		URL, Method string
		Data        json.RawMessage
	}
	if body["requests"] == nil {
		refuse(x, 422, "missing_parameter", "Missing parameter: requests")
		return
	}
	if json.Unmarshal(body["requests"], &requests) != nil {
		invalidParameter(x, "requests")
		return
	}
	answers := []object{}
	for _, r := range requests {
		data := []byte(r.Data)
		var text string
		if json.Unmarshal(r.Data, &text) == nil {
			data = []byte(text)
		}
		if r.Method == "" {
			r.Method = "GET"
		}
		var (
			status int
			answer []byte
			err    error
		)
		if path, _, _ := strings.Cut(r.URL, "?"); strings.HasPrefix(path, "/v") && !strings.HasSuffix(path, "/bulk") {
			status, answer, err = x.Within(strings.ToUpper(r.Method), "/rest"+r.URL, data)
		}
		if err != nil || status == 0 {
			status, answer = 404, []byte(`{"error":"no_method","error_message":"Could not find a route with the given parameters"}`)
		}
		var contents any = string(answer)
		if json.Valid(answer) {
			contents = json.RawMessage(answer)
		}
		answers = append(answers, object{"contents": contents, "headers": []any{}, "status": status, "status_text": http.StatusText(status)})
	}
	x.JSON(200, answers)
}
