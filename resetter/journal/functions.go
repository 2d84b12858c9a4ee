package journal

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"sync"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/bulk"
	"modernc.org/sqlite"
)

// withFunctions is SQLite with what our statements need of Go. No schema uses it, so
// that any SQLite reads a ledger:
//
//	folded(address)                an address of which the case is gone
//	content_anew(content, target, kind, identity, action, new_email)
//	                               of the rows of a run: what Content says of them,
//	                               where content is what it said while the case of
//	                               addresses counted; else content
var withFunctions = sync.OnceValue(func() *sqlite.Driver {
	d := &sqlite.Driver{}
	d.MustRegisterDeterministicScalarFunction("folded", 1, func(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
		address, ok := args[0].(string)
		if !ok {
			return nil, fmt.Errorf("an address is text, not %T", args[0])
		}
		return folded(address), nil
	})
	d.MustRegisterFunction("content_anew", &sqlite.FunctionImpl{NArgs: 6, Deterministic: true,
		MakeAggregate: func(sqlite.FunctionContext) (sqlite.AggregateFunction, error) { return new(contentAnew), nil }})
	return d
})

// A connector opens connections to the database of that name.
type connector string

func (c connector) Connect(context.Context) (driver.Conn, error) {
	return withFunctions().Open(string(c))
}
func (c connector) Driver() driver.Driver { return withFunctions() }

// A contentAnew is the state of content_anew.
type contentAnew struct {
	stored    string
	was, will sum // of the rows as written, and as Content has them
}

func (c *contentAnew) Step(_ *sqlite.FunctionContext, args []driver.Value) error {
	var texts [6]string
	for i, arg := range args {
		text, ok := arg.(string)
		if !ok {
			return fmt.Errorf("what counts of a row is text, not %T", arg)
		}
		texts[i] = text
	}
	row := bulk.Row{Target: texts[1], Identity: resetter.Identity{Kind: resetter.IdentityKind(texts[2]), Value: texts[3]},
		Action: resetter.Action(texts[4]), NewEmail: texts[5]}
	c.stored = texts[0]
	c.was.add(row)
	c.will.add(asMeant(row))
	return nil
}

// WindowValue is the result: what somebody else has made up as content stays.
func (c *contentAnew) WindowValue(*sqlite.FunctionContext) (driver.Value, error) {
	if c.stored == c.was.content() {
		return c.will.content(), nil
	}
	return c.stored, nil
}

func (c *contentAnew) WindowInverse(*sqlite.FunctionContext, []driver.Value) error {
	return errors.New("content_anew is of all rows")
}

func (c *contentAnew) Final(*sqlite.FunctionContext) {}
