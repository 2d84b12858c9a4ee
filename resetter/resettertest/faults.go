package resettertest

import (
	"bytes"
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seed57652884/resetctl/resetter"
)

// An ending is how a call may end.
type ending struct {
	done  bool            // it may succeed
	kinds []resetter.Kind // it may fail so
}

var (
	succeeds = ending{done: true}
	whatever = ending{done: true, kinds: certain}
	lost     = fails(resetter.ErrLostAnswer)
	broken   = fails(resetter.ErrServerError)
	unread   = fails(resetter.ErrUnreadableAnswer)
)

func fails(kinds ...resetter.Kind) ending { return ending{kinds: kinds} }

// certain are the kinds after which nothing was done.
var certain = []resetter.Kind{
	resetter.ErrNotFound, resetter.ErrAmbiguous, resetter.ErrIneligible, resetter.ErrInvalid,
	resetter.ErrUnauthorized, resetter.ErrForbidden, resetter.ErrRejected, resetter.ErrUnsupported,
	resetter.ErrRateLimited, resetter.ErrUnavailable, resetter.ErrNotStarted,
}

func (e ending) String() string {
	var ways []string
	if e.done {
		ways = append(ways, "success")
	}
	for _, k := range e.kinds {
		ways = append(ways, string(k))
	}
	return strings.Join(ways, " or ")
}

// A fault is what happens to a request in place of its being passed on and
// answered.
type fault struct {
	name   string
	strike func(*exchange) (again bool)

	// notDone: the client is told that nothing was done, in words that it can
	// rely on, so that it may ask again.
	notDone bool
	kills   bool // the credential that the request carries
	acts    bool // it has the server do what is asked, in its own time
	slow    bool // it takes a time-out to see it
	big     bool // it takes real time, so that one way must do
	long    bool // it asks for more than Terms.MaxWait
	stops   bool // it says that nothing else at this system will go better
	goesOn  bool // it says nothing of the kind

	pause time.Duration // it asks everybody to keep away at least so long

	send    ending // of a Reset that it happens to once
	read    ending // of a Resolve, or a sign-in, that it happens to once
	lasting ending // of either, if it happens for ever, where once does no harm
}

// Words that give a leak away. The second is what a system might put into its
// answer; none may be seen in an error or a log.
const (
	elsewhere     = "elsewhere.example"
	elsewherePath = "/resettertest-elsewhere"
	canary        = "resettertest0canary4711"
)

// expired is how every request with a dead credential ends.
var expired = fault{name: "401", notDone: true, strike: answers(http.StatusUnauthorized, "", "").strike}

// answers is a fault that answers in the server's place. Without a body it is
// an excuse, which repeats the client's own credential and a link, as careless
// systems do.
func answers(status int, header, body string) fault {
	f := fault{name: strconv.Itoa(status)}
	f.strike = func(x *exchange) bool {
		return x.reply(response(status, header, cmp.Or(body, x.excuse())))
	}
	return f
}

// excuse is a body in which systems of all sorts find a message.
func (x *exchange) excuse() string {
	message := fmt.Sprintf("no luck with %s at http://%s/?token=%s", x.credential(), elsewhere, canary)
	return fmt.Sprintf(`{"message":%[1]q,"error":"resettertest","name":"resettertest","error_message":%[1]q}`, message)
}

// halved is an answer of that status of which only half the body arrives. What
// the other half would have been, nobody knows.
func halved(f fault, code int, body string) fault {
	f.name += " with a cut body"
	f.goesOn = true
	f.strike = func(x *exchange) bool {
		x.reply(half(response(code, "", cmp.Or(body, x.excuse()))))
		return x.drop()
	}
	return f
}

// half is an answer without the second half of its body.
func half(raw []byte) []byte {
	head := bytes.Index(raw, []byte("\r\n\r\n")) + len("\r\n\r\n")
	return raw[:head+(len(raw)-head)/2]
}

func response(status int, header, body string) []byte {
	if !strings.Contains(header, "Content-Type") {
		header += "Content-Type: application/json\r\n"
	}
	if !strings.HasPrefix(header, "Date: ") {
		header = "Date: " + date(0) + "\r\n" + header
	}
	return fmt.Appendf(nil, "HTTP/1.1 %d %s\r\n%sContent-Length: %d\r\n\r\n%s",
		status, http.StatusText(status), header, len(body), body)
}

const page = "<!DOCTYPE html><html><head><title>Sign in</title></head><body>Sign in, please</body></html>"

// throttles is an answer that asks for a pause, in headers that hint makes.
func throttles(name string, pause time.Duration, hint func() string) fault {
	f := fault{name: name, notDone: true, pause: pause, send: succeeds, read: succeeds, lasting: fails(resetter.ErrRateLimited)}
	f.strike = func(x *exchange) bool {
		header := ""
		if hint != nil {
			header = hint()
		}
		return answers(http.StatusTooManyRequests, header, "").strike(x)
	}
	return f
}

// shortest is the pause after a throttling answer that does not say how long.
const shortest = 500 * time.Millisecond

func says(headers ...string) func() string {
	return func() string { return strings.Join(headers, "\r\n") + "\r\n" }
}

// date is when it will be in d, as HTTP says it, in whole seconds.
func date(d time.Duration) string { return time.Now().Add(d).UTC().Format(http.TimeFormat) }

// given is an answer that only the subject knows.
func given(name string, a Answer, lasting resetter.Kind) fault {
	f := answers(a.Status, "", a.Body)
	f.name, f.notDone, f.send, f.read, f.lasting = name, true, succeeds, whatever, fails(lasting)
	return f
}

// status is a fault that answers with that status and JSON.
func status(code int, send, read ending) fault {
	f := answers(code, "", "")
	f.send, f.read, f.lasting = send, read, fails(resetter.ErrUnavailable)
	f.notDone = !slices.ContainsFunc(send.kinds, resetter.Kind.Unknown)
	return f
}

// redirects sends the client elsewhere. Nothing may follow.
func redirects(code int, to string, send ending) fault {
	f := answers(code, "Location: "+to+"\r\n", "")
	f.name = fmt.Sprintf("%d to %s", code, to)
	f.send, f.read, f.stops = send, fails(certain...), true
	f.notDone = send.kinds[0] == resetter.ErrRejected
	return f
}

// connection is a fault of the connection after the whole request was taken.
func connection(name string, strike func(*exchange) bool) fault {
	return fault{name: name, strike: strike, send: lost, read: succeeds, lasting: fails(resetter.ErrUnavailable)}
}

// wrongShape is a whole answer that says success and is not one of the
// system's: something else answers there, and will again.
func wrongShape(body string) fault {
	name := "200 with " + body
	return stopping(unusable(name, fails(certain...), func(x *exchange) bool { return x.reply(response(200, "", body)) }))
}

// broken200 is an answer that says success and is no JSON, nor a page: whatever
// broke it, the next may be whole.
func broken200(body string) fault {
	name := "200 with " + cmp.Or(body, "nothing")
	return unusable(name, fails(certain...), func(x *exchange) bool { return x.reply(response(200, "", body)) }).goingOn()
}

func (f fault) goingOn() fault {
	f.goesOn = true
	return f
}

// unusable is an answer that says success and is none.
func unusable(name string, read ending, strike func(*exchange) bool) fault {
	return fault{name: name, strike: strike, send: unread, read: read, lasting: fails(resetter.ErrUnavailable)}
}

// unfinished is an answer that says success and of which the end is missing.
func unfinished(name string, read ending, strike func(*exchange) bool) fault {
	f := unusable(name, read, strike)
	f.goesOn = true
	return f
}

// afterwards is f once the server has done what was asked.
func afterwards(f fault) fault {
	strike := f.strike
	f.name, f.acts = f.name+", after the server did it", true
	f.read = ending{} // it makes no difference to one
	f.strike = func(x *exchange) bool {
		if x.forward() == nil {
			return false
		}
		return strike(x)
	}
	return f
}

// cut hands the client half of the server's answer before the strike.
func (x *exchange) cut(strike func(*exchange) bool) bool {
	raw := x.forward()
	if raw == nil {
		return false
	}
	x.reply(half(raw))
	return strike(x)
}

// endless never stops answering, as fast as the client reads or slowly. What
// reads on and on would end the test's memory.
func (x *exchange) endless(head, chunk string, pause time.Duration) bool {
	x.forward()
	sent, again := 0, x.reply([]byte(head))
	for again {
		if pause > 0 {
			time.Sleep(pause)
		}
		again = x.reply([]byte(chunk))
		if sent += len(chunk); sent > 64<<20 {
			x.proxy.found("it read 64 MiB of one answer")
			return false
		}
	}
	return false
}

const endlessHead = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{\"id\":\""

// late has the server do it when the client has long gone.
func (x *exchange) late() bool {
	time.Sleep(lateness)
	x.forward()
	return false
}

const lateness = timeout + timeout/2

// faults is everything that can go wrong with one request.
func faults(s Subject) []fault {
	var (
		certainly  = fails(certain...)
		forbidden  = fails(resetter.ErrForbidden)
		rejected   = fails(resetter.ErrRejected)
		invalid    = fails(resetter.ErrInvalid)
		notFound   = fails(resetter.ErrNotFound, resetter.ErrRejected)
		badRequest = fails(resetter.ErrInvalid, resetter.ErrRejected)
	)
	list := []fault{
		throttles("429", shortest, nil),
		throttles("429 Retry-After: 30", 30*time.Second, says("Retry-After: 30")),
		throttles("429 Retry-After: 5 and 30", 30*time.Second, says("Retry-After: 5", "Retry-After: 30")),
		throttles("429 Retry-After: a date", 20*time.Second, func() string {
			return says("Retry-After: " + date(20*time.Second))()
		}),
		throttles("429 Retry-After: a date, by a clock that is an hour ahead", 20*time.Second, func() string {
			return says("Date: "+date(time.Hour), "Retry-After: "+date(time.Hour+20*time.Second))()
		}),
		throttles("429 RateLimit-Reset: 20", 20*time.Second, says("RateLimit-Limit: 10", "RateLimit-Remaining: 0", "RateLimit-Reset: 20")),
		throttles("429 X-RateLimit-Reset: an epoch", 20*time.Second, func() string {
			return says(fmt.Sprintf("X-RateLimit-Reset: %d", time.Now().Add(20*time.Second).Unix()))()
		}),
		throttles("429 Retry-After: -5", shortest, says("Retry-After: -5")),
		throttles("429 Retry-After: 0", shortest, says("Retry-After: 0")),
		throttles("429 Retry-After: soon", shortest, says("Retry-After: soon")),
		throttles("429 with a date that is past", shortest, says("Retry-After: Mon, 01 Jan 1990 00:00:00 GMT")),
		tooLong(throttles("429 Retry-After: 3600", time.Hour, says("Retry-After: 3600"))),
		tooLong(throttles("429 Retry-After: 9223372037", time.Hour, says("Retry-After: 9223372037"))),

		status(400, invalid, whatever),
		status(403, forbidden, whatever),
		status(404, notFound, whatever),
		status(405, rejected, whatever),
		status(409, rejected, whatever),
		status(413, badRequest, whatever),
		status(415, badRequest, whatever),
		status(422, badRequest, whatever),

		halved(throttles("429", shortest, nil), 429, ""),
		halved(status(400, invalid, whatever), 400, ""),
		halved(status(403, forbidden, whatever), 403, ""),
		halved(status(404, notFound, whatever), 404, ""),
		halved(status(503, broken, succeeds), 503, ""),

		redirects(301, "http://"+elsewhere+elsewherePath, rejected),
		redirects(307, "http://"+elsewhere+elsewherePath, rejected),
		redirects(308, "http://"+elsewhere+elsewherePath, rejected),
		redirects(302, "http://"+elsewhere+elsewherePath, unread),
		redirects(303, "http://"+elsewhere+elsewherePath, unread),
		redirects(307, elsewherePath, rejected),
		redirects(302, elsewherePath, unread),

		broken200(""),
		wrongShape("{}"),
		wrongShape("[]"),
		wrongShape("null"),
		wrongShape(`{"login":"required"}`),
		broken200(`{"id":`),
		unusable("204", certainly, func(x *exchange) bool { return x.reply([]byte("HTTP/1.1 204 No Content\r\n\r\n")) }).goingOn(),
		htmlPage(200, unread, certainly),
		htmlPage(502, broken, succeeds),
		htmlPage(503, broken, succeeds),

		connection("a dropped connection", (*exchange).drop),
		connection("a reset connection", (*exchange).reset),
		connection("an answer that is not HTTP", func(x *exchange) bool {
			x.reply([]byte("SSH-2.0-OpenSSH_9.6 " + canary + "\r\n"))
			return false
		}),
		big(connection("headers without end", func(x *exchange) bool {
			return x.endless("HTTP/1.1 200 OK\r\n", "X-Filler: "+strings.Repeat("x", 32<<10)+"\r\n", 0)
		})),
		slow(connection("a stall", (*exchange).stall)),
		slow(acting(connection("a stall, and the server does it when the client has gone", (*exchange).late))),

		acting(unfinished("a cut body", succeeds, func(x *exchange) bool { return x.cut((*exchange).drop) })),
		cutAndReset(),
		slow(acting(unfinished("a stall within the body", succeeds, func(x *exchange) bool { return x.cut((*exchange).stall) }))),
		big(unfinished("a body without end", whatever, func(x *exchange) bool { return x.endless(endlessHead, strings.Repeat("x", 32<<10), 0) })),
		slow(acting(unfinished("a slow body without end", whatever, func(x *exchange) bool { return x.endless(endlessHead, "x", time.Second) }))),
		big(unfinished("a body of 2 MiB", whatever, func(x *exchange) bool {
			x.forward()
			return x.reply(response(200, "", `{"id":"`+strings.Repeat("x", 2<<20)+`"}`))
		})),
	}
	for _, code := range []int{408, 424, 500, 502, 503, 504, 599} {
		list = append(list, status(code, broken, succeeds))
	}
	for _, f := range list {
		if !f.notDone && !f.acts {
			list = append(list, afterwards(f))
		}
	}
	list = append(list, unauthorized(s))
	if s.TooSoon != nil {
		f := given("429 of this person alone", *s.TooSoon, resetter.ErrRateLimited)
		list = append(list, f, halved(f, s.TooSoon.Status, s.TooSoon.Body))
	}
	if s.Maintenance != nil {
		list = append(list, given("maintenance", *s.Maintenance, resetter.ErrUnavailable))
		// What cannot be read proves nothing.
		f := halved(status(s.Maintenance.Status, broken, succeeds), s.Maintenance.Status, s.Maintenance.Body)
		f.name = "maintenance with a cut body"
		list = append(list, f, afterwards(f))
	}
	return list
}

// unauthorized ends the session, if there is one to be renewed.
func unauthorized(s Subject) fault {
	f := answers(http.StatusUnauthorized, "", "")
	f.name, f.notDone, f.kills = "401", true, true
	f.lasting = fails(resetter.ErrUnauthorized)
	f.send, f.read = succeeds, succeeds
	if s.IsSignIn == nil {
		f.send, f.read = f.lasting, f.lasting
	}
	return f
}

// cutAndReset may reach the client before the half of the answer does.
func cutAndReset() fault {
	f := acting(unfinished("a cut body and a reset", succeeds, func(x *exchange) bool { return x.cut((*exchange).reset) }))
	f.send = fails(resetter.ErrUnreadableAnswer, resetter.ErrLostAnswer)
	return f
}

func htmlPage(code int, send, read ending) fault {
	f := answers(code, "Content-Type: text/html\r\n", page)
	f.name += " with a page"
	f.send, f.read, f.lasting = send, read, fails(resetter.ErrUnavailable)
	f.stops = code == 200
	return f
}

// tooLong is of a pause that no call sleeps.
func tooLong(f fault) fault {
	f.send, f.read, f.long = f.lasting, f.lasting, true
	return f
}

// slow is of a fault that uses up the time-out, after which a read need not be
// tried again.
func slow(f fault) fault {
	f.slow, f.read = true, whatever
	return f
}

func big(f fault) fault {
	f.big, f.acts = true, true
	return f
}

func stopping(f fault) fault {
	f.stops = true
	return f
}

func acting(f fault) fault {
	f.acts = true
	return f
}
