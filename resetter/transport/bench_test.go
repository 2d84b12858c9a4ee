package transport_test

import (
	"context"
	"io"
	"net/http"
	"testing"

	"github.com/seed57652884/resetctl/resetter/transport"
)

// BenchmarkDo measures one call over a kept connection, beside a bare
// http.Client. The ratio is what the stack costs.
func BenchmarkDo(b *testing.B) {
	b.Run("transport", func(b *testing.B) {
		s := newRawServer(b, nil)
		c := newClient(b, transport.System{}, s.url())
		transport.Unpaced(c)
		for b.Loop() {
			if _, err := do(context.Background(), c, transport.Send, "{}"); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("http.Client", func(b *testing.B) {
		s := newRawServer(b, nil)
		c := &http.Client{Transport: &http.Transport{}}
		defer c.CloseIdleConnections()
		for b.Loop() {
			resp, err := c.Post(s.url(), "application/json", nil)
			if err != nil {
				b.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
	})
}
