package specs

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// compare says where our document contradicts the vendor's, one sentence each, sorted by operation.
//
// Ours is a part of theirs: each operation, parameter, content type and property of ours must be there and agree in type, format,
// enumeration, requiredness, read-only mark and nullability. What they have besides may be missing here, but for three things:
// the statuses of an operation and the types of their bodies, which must be the same on both sides, and what they demand in a request.
func compare(ours, theirs *openapi3.T) []string {
	c := &comparison{}
	for _, op := range operationsOf(ours) {
		c.operation(op, find(theirs, op))
	}
	return c.differences
}

// find looks an operation up by method and whole path: some documents keep the first part of it in the server's address.
func find(doc *openapi3.T, op operation) *operation {
	base := ""
	if len(doc.Servers) > 0 {
		if address, err := url.Parse(doc.Servers[0].URL); err == nil {
			base = strings.TrimSuffix(address.Path, "/")
		}
	}
	path, ok := strings.CutPrefix(op.path, base)
	if !ok {
		return nil
	}
	item := doc.Paths.Value(path)
	if item == nil || item.GetOperation(op.method) == nil {
		return nil
	}
	found := item.GetOperation(op.method)
	return &operation{op.method, path, found, slices.Concat(item.Parameters, found.Parameters)}
}

type comparison struct {
	differences []string
}

func (c *comparison) differ(where, format string, args ...any) {
	c.differences = append(c.differences, where+": "+fmt.Sprintf(format, args...))
}

func (c *comparison) equal(where, what string, ours, theirs any) {
	if ours != theirs {
		c.differ(where, "%s is %v here, %v at the vendor", what, ours, theirs)
	}
}

func (c *comparison) operation(ours operation, theirs *operation) {
	where := ours.String()
	if theirs == nil {
		c.differ(where, "no such operation at the vendor")
		return
	}
	c.parameters(where, ours.parameters, theirs.parameters)
	c.request(where+": request", ours.RequestBody, theirs.RequestBody)
	c.responses(where, ours.Responses, theirs.Responses)
}

func (c *comparison) parameters(where string, ours, theirs openapi3.Parameters) {
	for _, our := range ours {
		at := fmt.Sprintf("%s: %s parameter %s", where, our.Value.In, our.Value.Name)
		their := theirs.GetByInAndName(our.Value.In, our.Value.Name)
		if their == nil {
			c.differ(at, "unknown to the vendor")
			continue
		}
		c.equal(at, "required", our.Value.Required, their.Required)
		c.schema(at, our.Value.Schema, their.Schema, sent)
	}
	for _, their := range theirs {
		if their.Value.Required && ours.GetByInAndName(their.Value.In, their.Value.Name) == nil {
			c.differ(fmt.Sprintf("%s: %s parameter %s", where, their.Value.In, their.Value.Name), "required by the vendor, missing here")
		}
	}
}

func (c *comparison) request(where string, ours, theirs *openapi3.RequestBodyRef) {
	switch {
	case ours == nil && theirs == nil:
	case ours == nil:
		if theirs.Value.Required {
			c.differ(where, "required by the vendor, missing here")
		}
	case theirs == nil:
		c.differ(where, "unknown to the vendor")
	default:
		c.equal(where, "required", ours.Value.Required, theirs.Value.Required)
		c.content(where, ours.Value.Content, theirs.Value.Content, sent)
	}
}

func (c *comparison) responses(where string, ours, theirs *openapi3.Responses) {
	our, their := ours.Map(), theirs.Map()
	for _, status := range slices.Sorted(maps.Keys(our)) {
		at := where + ": " + status
		if their[status] == nil {
			c.differ(at, "not documented by the vendor")
			continue
		}
		c.content(at, our[status].Value.Content, their[status].Value.Content, received)
		for _, kind := range slices.Sorted(maps.Keys(their[status].Value.Content)) {
			if our[status].Value.Content[kind] == nil {
				c.differ(at+": "+kind, "documented by the vendor, missing here")
			}
		}
	}
	for _, status := range slices.Sorted(maps.Keys(their)) {
		if our[status] == nil {
			c.differ(where+": "+status, "documented by the vendor, missing here")
		}
	}
}

func (c *comparison) content(where string, ours, theirs openapi3.Content, way direction) {
	for _, kind := range slices.Sorted(maps.Keys(ours)) {
		if theirs[kind] == nil {
			c.differ(where+": "+kind, "unknown to the vendor")
			continue
		}
		c.schema(where, ours[kind].Schema, theirs[kind].Schema, way)
	}
}

// direction is the way that a value travels.
type direction bool

const (
	sent     direction = true
	received direction = false
)

func (c *comparison) schema(where string, ourRef, theirRef *openapi3.SchemaRef, way direction) {
	if ourRef == nil || theirRef == nil {
		if ourRef != theirRef {
			c.differ(where, "only one side has a schema")
		}
		return
	}
	ours, theirs := ourRef.Value, theirRef.Value
	if composed(ours) || composed(theirs) {
		c.differ(where, "composed schemas cannot be compared")
		return
	}
	c.equal(where, "type", typeOf(ours), typeOf(theirs))
	c.equal(where, "format", cmp.Or(ours.Format, "none"), cmp.Or(theirs.Format, "none"))
	c.equal(where, "nullable", ours.Nullable, theirs.Nullable)
	c.equal(where, "readOnly", ours.ReadOnly, theirs.ReadOnly)
	c.equal(where, "writeOnly", ours.WriteOnly, theirs.WriteOnly)
	if len(ours.Enum) > 0 {
		c.equal(where, "enum", fmt.Sprint(ours.Enum), fmt.Sprint(theirs.Enum))
	}
	if ours.Items != nil || theirs.Items != nil {
		c.schema(where+"[]", ours.Items, theirs.Items, way)
	}

	for _, name := range slices.Sorted(maps.Keys(ours.Properties)) {
		at := where + "." + name
		if theirs.Properties[name] == nil {
			c.differ(at, "unknown to the vendor")
			continue
		}
		c.equal(at, "required", slices.Contains(ours.Required, name), slices.Contains(theirs.Required, name))
		c.schema(at, ours.Properties[name], theirs.Properties[name], way)
	}
	if way == sent {
		for _, name := range slices.Sorted(slices.Values(theirs.Required)) {
			if ours.Properties[name] == nil {
				c.differ(where+"."+name, "required by the vendor, missing here")
			}
		}
	}
}

func composed(s *openapi3.Schema) bool {
	return len(s.OneOf)+len(s.AnyOf)+len(s.AllOf) > 0 || s.Not != nil
}

// typeOf names the type of a schema; one that has properties is an object even where its author left that out.
func typeOf(s *openapi3.Schema) string {
	if s.Type.IsEmpty() && len(s.Properties) > 0 {
		return openapi3.TypeObject
	}
	return strings.Join(s.Type.Slice(), ", ")
}

// listed is a difference that is meant: the sentences of compare that match the pattern as a whole.
type listed struct {
	pattern string
	reason  string
}

// sift takes the listed ones out of the differences. What is left on either side is an error: a difference that nobody
// meant, or an entry of the list that no longer describes anything.
func sift(differences []string, list []listed) (unlisted []string, stale []listed) {
	used := make([]bool, len(list))
	for _, difference := range differences {
		known := false
		for i, entry := range list {
			if regexp.MustCompile(`^(?:` + entry.pattern + `)$`).MatchString(difference) {
				known, used[i] = true, true
			}
		}
		if !known {
			unlisted = append(unlisted, difference)
		}
	}
	for i, entry := range list {
		if !used[i] {
			stale = append(stale, entry)
		}
	}
	return unlisted, stale
}
