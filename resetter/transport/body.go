package transport

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/seed57652884/resetctl/resetter"
)

const (
	maxBody   = 1 << 20   // of an answer that is held
	maxStream = 256 << 20 // of one that is read as it comes, see Operation.Stream
	beginning = 512       // of that, for the Judge
)

// Why a body is not all there, besides errors of the connection.
var (
	errTooLarge     = errors.New("larger than is read")
	errUndocumented = errors.New("not what was expected")
)

// read takes in the body of an answer and returns as much of it as is held, and
// why that, or what was streamed, is not all of it.
func (c *call) read(resp *http.Response) (body []byte, cut error) {
	if c.op.Stream != nil && resp.StatusCode >= 200 && resp.StatusCode <= 299 {
		return c.stream(resp)
	}
	body, cut = io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	if page := (Answer{Header: resp.Header, Body: body}).IsHTML(); !page && json.Valid(body) {
		// Whatever it is called: generated clients read only what is called so.
		resp.Header.Set("Content-Type", "application/json")
	}
	if len(body) > maxBody {
		return body[:maxBody], errTooLarge
	}
	return body, cut
}

// stream has the body read as it comes, unless it is a page, which is the
// Judge's business. It returns the beginning.
func (c *call) stream(resp *http.Response) (head []byte, cut error) {
	source := &capped{body: resp.Body, left: maxStream}
	buffered := bufio.NewReader(source)
	head, _ = buffered.Peek(beginning) // a body may be shorter, and what else is wrong is seen below
	head = bytes.Clone(head)
	if (Answer{Header: resp.Header, Body: head}).IsHTML() {
		return head, nil
	}
	err := c.op.Stream(buffered)
	switch {
	case source.err != nil:
		return head, source.err
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return head, io.ErrUnexpectedEOF
	case err != nil:
		return head, errUndocumented
	}
	return head, nil
}

// A capped body fails where it goes on beyond what is left. It remembers why it
// failed, so that this need not be told from what its reader made of it.
type capped struct {
	body io.Reader
	left int64
	err  error
}

func (c *capped) Read(p []byte) (int, error) {
	if c.err != nil {
		return 0, c.err
	}
	n, err := c.body.Read(p)
	if c.left -= int64(n); c.left < 0 {
		c.err = errTooLarge
		return 0, c.err
	}
	if err != nil && err != io.EOF {
		c.err = err
	}
	return n, err
}

// unreadable is the verdict on a success that is not all there.
func (c *call) unreadable(cut error) Verdict {
	v := Verdict{Ruling: Unknown, Kind: resetter.ErrUnreadableAnswer, Message: "the answer broke off"}
	switch {
	case errors.Is(cut, errTooLarge):
		most := maxBody
		if c.op.Stream != nil {
			most = maxStream
		}
		v.Message = fmt.Sprintf("the answer is larger than %d MiB", most>>20)
		v.Stop = c.op.Class != Send // it would be as large again
	case errors.Is(cut, errUndocumented):
		v.Message, v.Advice = notAsDocumented, checkVersion
		if c.op.Class == Read {
			v.Ruling = Refused // it came whole, and would be the same again
		}
	case errors.Is(cut, context.DeadlineExceeded):
		v.Message = fmt.Sprintf("the answer was not whole within %v", c.client.settings.timeout)
	}
	return v
}
