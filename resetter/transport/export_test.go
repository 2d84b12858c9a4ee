package transport

import "golang.org/x/time/rate"

// Unpaced lifts a client's pace, for benchmarks.
func Unpaced(c *Client) { c.pace.permit.SetLimit(rate.Inf) }
