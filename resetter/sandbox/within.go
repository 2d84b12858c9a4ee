package sandbox

import (
	"bytes"
	"io"
	"net/http"
)

// Within carries another request out, within this one, and returns its answer: for vendors that
// take several at once. The request has this one's headers, is remembered and looked at as any, and
// suffers no limit, delay or fault of its own.
func (x *Exchange) Within(method, target string, body []byte) (status int, answer []byte, err error) {
	r, err := http.NewRequestWithContext(x.Request.Context(), method, target, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	r.Header = x.Request.Header.Clone()
	r.RequestURI = target
	s := x.server
	within := &Exchange{Request: r, Body: body, server: s, path: s.withhold(r.URL.EscapedPath()), header: http.Header{}}
	s.find(nowhere{io.Discard}, within)
	s.remember(within)
	s.inspect(within)
	s.process(within)
	if within.status == 0 {
		within.status = http.StatusOK
	}
	s.note(within, func(r *Request) { r.Status = within.status })
	return within.status, within.answer.Bytes(), nil
}

// nowhere is a writer for the mux, which has nothing to say.
type nowhere struct{ io.Writer }

func (nowhere) Header() http.Header { return http.Header{} }
func (nowhere) WriteHeader(int)     {}
