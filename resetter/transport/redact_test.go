package transport_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"log"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/transport"
)

// Everything that must not be seen holds this word.
const canary = "canary"

func TestNoErrorOrLogGivesAnythingAway(t *testing.T) {
	const link = "https://acme.example/reset?token=" + canary + "-0123456789abcdefghijkl"
	plain := func(status int, body string) step {
		return answer(fmt.Sprintf("HTTP/1.1 %d X\r\nContent-Length: %d\r\nX-Request: %s\r\n\r\n%s", status, len(body), link, body))
	}
	config, _ := authority(t)
	var logged bytes.Buffer
	before := log.Writer()
	log.SetOutput(&logged)
	defer log.SetOutput(before)
	judge := func(a transport.Answer) transport.Verdict {
		v := transport.ByStatus(a)
		v.Message, v.Code = string(a.Body), string(a.Body)
		v.Fields = []resetter.FieldError{{Field: string(a.Body), Code: string(a.Body), Message: string(a.Body)}}
		return v
	}
	for name, blow := range map[string]step{
		"refusal":                     plain(404, "no such thing: "+link),
		"its own secret":              plain(409, "wrong password: "+canary+"-secret, "+canary+"-secret-longer"),
		"server error":                plain(500, link),
		"throttled":                   plain(429, link),
		"unauthorized":                plain(401, link),
		"redirect":                    answer("HTTP/1.1 302 Found\r\nLocation: " + link + "\r\nContent-Length: 0\r\n\r\n"),
		"malformed status":            answer(canary + " " + link + "\r\n\r\n"),
		"malformed status code":       answer("HTTP/1.1 " + canary + " OK\r\n\r\n"),
		"malformed header":            answer("HTTP/1.1 200 OK\r\n" + canary + " " + canary + "\r\n\r\n"),
		"malformed length":            answer("HTTP/1.1 200 OK\r\nContent-Length: " + canary + "\r\n\r\n"),
		"malformed encoding":          answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: " + canary + "\r\n\r\n"),
		"malformed chunk":             answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + canary + "\r\n"),
		"a body that breaks off":      answer("HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n" + link),
		"a hang-up":                   answer(""),
		"a page in the wrong place":   answer("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n" + link),
		"a hint that is none of ours": answer("HTTP/1.1 429 X\r\nRetry-After: " + canary + "\r\nContent-Length: 0\r\n\r\n"),
	} {
		for _, class := range []transport.Class{transport.Send, transport.Read} {
			for _, secure := range []bool{false, true} {
				var seen bytes.Buffer
				s := newRawServer(t, nil)
				base := s.url()
				if secure { // and nobody trusts it
					s = newRawServer(t, config)
					base = s.url()
				}
				c := newClient(t, transport.System{
					Judge: judge, RequestID: "X-Request",
					Secrets: []resetter.Secret{resetter.NewSecret(canary + "-secret"), resetter.NewSecret(canary + "-secret-longer")},
					Authorize: func(r *http.Request, _ transport.Token) {
						r.Header.Set("Authorization", "Bearer "+canary+"-secret")
					},
				}, base, transport.WithMaxWait(0), transport.WithLogger(slog.New(slog.NewJSONHandler(&seen, &slog.HandlerOptions{Level: slog.LevelDebug}))))
				s.play(blow, blow, blow, blow, blow)
				_, err := doPath(t.Context(), c, class, "/reset/"+canary+"?token="+canary, `{"link":"`+link+`"}`)
				if err == nil {
					t.Fatalf("%s: no error", name)
				}
				slog.New(slog.NewJSONHandler(&seen, nil)).Error("failed", "err", err)
				asJSON, _ := json.Marshal(err)
				fmt.Fprintf(&seen, "%s %+v %s", err, err, asJSON)
				for e := err; e != nil; e = errors.Unwrap(e) {
					fmt.Fprintf(&seen, "%v %+v", e, e)
				}
				if i := strings.Index(strings.ToLower(seen.String()), canary); i >= 0 {
					t.Errorf("%s, %v, tls %v: …%s…", name, class, secure, seen.String()[max(0, i-80):min(seen.Len(), i+40)])
				}
				if !strings.Contains(seen.String(), `"reason"`) {
					t.Errorf("%s: nothing explains it: %s", name, seen.String())
				}
			}
		}
	}
	if strings.Contains(logged.String(), canary) {
		t.Errorf("the standard logger was told: %s", logged.String())
	}
}

// inJSON is s as Go quotes it, and inPHP as PHP does.
func inJSON(s string) string {
	quoted, _ := json.Marshal(s)
	return string(quoted[1 : len(quoted)-1])
}

func inPHP(s string) string {
	var ascii strings.Builder
	for _, c := range strings.ReplaceAll(inJSON(s), "/", `\/`) {
		switch {
		case c < utf8.RuneSelf:
			ascii.WriteRune(c)
		case c <= 0xffff:
			fmt.Fprintf(&ascii, `\u%04x`, c)
		default:
			high, low := utf16.EncodeRune(c)
			fmt.Fprintf(&ascii, `\u%04x\u%04X`, high, low)
		}
	}
	return ascii.String()
}

// inNumbers is s with each character as HTML has it by number.
func inNumbers(s, format string) string {
	var all strings.Builder
	for _, c := range s {
		fmt.Fprintf(&all, format, c)
	}
	return all.String()
}

// Systems repeat what they were sent as it came: encoded for a URL or a form,
// quoted in JSON, escaped for HTML, in base64 as in Basic authentication.
func TestASecretIsRecognisedHoweverItIsSpelled(t *testing.T) {
	hex := regexp.MustCompile("%..")
	spellings := map[string]func(string) string{
		"as it is":      func(s string) string { return s },
		"in a form":     url.QueryEscape,
		"in a path":     url.PathEscape,
		"in small hex":  func(s string) string { return hex.ReplaceAllStringFunc(url.PathEscape(s), strings.ToLower) },
		"in hex alone":  func(s string) string { return regexp.MustCompile("..").ReplaceAllString(fmt.Sprintf("%x", s), "%$0") },
		"in JSON":       inJSON,
		"in PHP's JSON": inPHP,

		"in HTML":                       html.EscapeString,
		"in PHP's HTML":                 strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&#039;").Replace,
		"in a template's HTML":          strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&#x27;", "/", "&#x2F;", "`", "&#96;", "=", "&#x3D;").Replace,
		"in HTML's numbers":             func(s string) string { return inNumbers(s, "&#%d;") },
		"in HTML's hexadecimal numbers": func(s string) string { return inNumbers(s, "&#X%04X;") },
	}
	for _, before := range []string{"", "a", "ab", "ana:"} {
		for name, alphabet := range map[string]*base64.Encoding{"base64": base64.StdEncoding, "base64 without an end": base64.RawStdEncoding, "base64 for URLs": base64.URLEncoding} {
			spellings["in "+name+", behind "+before] = func(s string) string { return alphabet.EncodeToString([]byte(before + s)) }
			spellings["in "+name+", within "+before] = func(s string) string { return alphabet.EncodeToString([]byte(before + s + ":ana")) }
		}
	}
	synctest.Test(t, func(t *testing.T) {
		var said string
		m := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusConflict) })
		judge := func(a transport.Answer) transport.Verdict {
			v := transport.ByStatus(a)
			v.Message = said
			return v
		}
		for _, secret := range []string{"quite-plain", "a&b1", "100%", "%41%41", `back\n"slash"`, "tab\tand ä and 😀/", "plus+and blank", "???>>>~~~K", `<a href='x'>&"b"/</a>`, "&&amp;&#39;&#x;&;"} {
			c := m.on(t, transport.System{Judge: judge, Secrets: []resetter.Secret{resetter.NewSecret(secret), resetter.NewSecret("another")}})
			for name, spelled := range spellings {
				said = "wrong: " + spelled(secret) + " of ana, and another; 100 % + \\ & &amp; &#39; &no; stay"
				_, err := do(t.Context(), c, transport.Send, "")
				var e *resetter.Error
				if !errors.As(err, &e) || e.Message != "wrong: [hidden] of ana, and [hidden]; 100 % + \\ & &amp; &#39; &no; stay" {
					t.Errorf("%q %s is shown: %v", secret, name, err)
				}
			}
		}
	})
}

func TestWhatLooksLikeATokenAndIsNoneStays(t *testing.T) {
	const trace, user = "463ac35c9f6413ad48485a3953bb6124", "dacac8a8-bf9d-11ee-b819-acde48001122"
	const address = "maria-magdalena.gonzales.2@mail-27.departments.example.com"
	m := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Trace", trace)
		w.WriteHeader(http.StatusConflict)
	})
	c := m.on(t, transport.System{RequestID: "X-Trace", Judge: func(a transport.Answer) transport.Verdict {
		v := transport.ByStatus(a)
		v.Message = "user " + user + " is " + address
		return v
	}})
	_, err := do(t.Context(), c, transport.Send, "")
	var e *resetter.Error
	if !errors.As(err, &e) || e.RequestID != trace || !strings.Contains(e.Message, user) || !strings.Contains(e.Message, address) {
		t.Errorf("%+v", e)
	}
}

func TestAnErrorIsOneLineWhateverTheAccountIsCalled(t *testing.T) {
	m := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusConflict) })
	c := m.on(t, transport.System{})
	_, exchange := c.Begin(t.Context(), transport.Operation{Name: "try", Account: "7\nacme: reset for x: ok\x1b[2J\u202e"})
	if said := exchange.Refuse(resetter.ErrInvalid, "no", "").Error(); strings.ContainsAny(said, "\n\x1b\u202e") {
		t.Errorf("%q", said)
	}
}
