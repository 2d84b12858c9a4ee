package specs

import (
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"
)

// A vendor's document in small: the path is split between server and operation, and the type of the object is left out.
const smallVendor = `
openapi: 3.0.0
info: {title: small, version: "1"}
servers: [{url: "https://localhost/api"}]
paths:
  /people/{id}:
    patch:
      parameters:
        - {name: id, in: path, required: true, schema: {type: string}}
        - {name: limit, in: query, schema: {type: integer, format: int64}}
        - {name: page, in: query, schema: {type: integer}}
      requestBody:
        required: true
        content: {application/json: {schema: {$ref: "#/components/schemas/Person"}}}
      responses:
        "200":
          description: done
          content: {application/json: {schema: {$ref: "#/components/schemas/Person"}}}
        "422": {description: refused}
components:
  schemas:
    Person:
      required: [name]
      properties:
        name: {type: string}
        link: {type: string, nullable: true, readOnly: true}
        tags: {type: array, items: {type: string}}
        seen: {type: string, format: date-time}
`

// Our part of it, without a difference.
const smallOurs = `
openapi: 3.0.0
info: {title: small, version: "1"}
paths:
  /api/people/{id}:
    patch:
      parameters:
        - {name: id, in: path, required: true, schema: {type: string}}
        - {name: limit, in: query, schema: {type: integer, format: int64}}
      requestBody:
        required: true
        content: {application/json: {schema: {type: object, required: [name], properties: {name: {type: string}}}}}
      responses:
        "200":
          description: done
          content: {application/json: {schema: {$ref: "#/components/schemas/Person"}}}
        "422": {description: refused}
components:
  schemas:
    Person:
      type: object
      required: [name]
      properties:
        name: {type: string}
        link: {type: string, nullable: true, readOnly: true}
        tags: {type: array, items: {type: string}}
        seen: {type: string, format: date-time}
`

func TestEveryKindOfDifferenceIsSeen(t *testing.T) {
	const call = "PATCH /api/people/{id}"
	for name, tc := range map[string]struct {
		old, new string // in our document
		want     []string
	}{
		"none": {"", "", nil},
		"less in an answer is none": {
			`        seen: {type: string, format: date-time}`, ``, nil},
		"path": {
			`/api/people/{id}`, `/api/persons/{id}`,
			[]string{"PATCH /api/persons/{id}: no such operation at the vendor"}},
		"path beside the vendor's server": {
			`/api/people/{id}`, `/people/{id}`,
			[]string{"PATCH /people/{id}: no such operation at the vendor"}},
		"method": {
			`patch:`, `put:`,
			[]string{"PUT /api/people/{id}: no such operation at the vendor"}},
		"parameter's name": {
			`name: limit`, `name: max`,
			[]string{call + ": query parameter max: unknown to the vendor"}},
		"parameter's place": {
			`limit, in: query`, `limit, in: header`,
			[]string{call + ": header parameter limit: unknown to the vendor"}},
		"parameter's type": {
			`type: integer, format: int64`, `type: string, format: int64`,
			[]string{call + ": query parameter limit: type is string here, integer at the vendor"}},
		"parameter's requiredness": {
			`limit, in: query,`, `limit, in: query, required: true,`,
			[]string{call + ": query parameter limit: required is true here, false at the vendor"}},
		"required parameter missing": {
			`        - {name: id, in: path, required: true, schema: {type: string}}`, ``,
			[]string{call + ": path parameter id: required by the vendor, missing here"}},
		"request's requiredness": {
			`requestBody:
        required: true`, `requestBody:
        required: false`,
			[]string{call + ": request: required is false here, true at the vendor"}},
		"request's content type": {
			`required: true
        content: {application/json:`, `required: true
        content: {text/plain:`,
			[]string{call + ": request: text/plain: unknown to the vendor"}},
		"read-only property in a request": {
			`properties: {name: {type: string}}`, `properties: {name: {type: string}, link: {type: string, nullable: true}}`,
			[]string{call + ": request.link: readOnly is false here, true at the vendor"}},
		"required property missing in a request": {
			`required: [name], properties: {name: {type: string}}`, `properties: {seen: {type: string, format: date-time}}`,
			[]string{call + ": request.name: required by the vendor, missing here"}},
		"status of ours": {
			`"422":`, `"409": {description: refused}
        "422":`,
			[]string{call + ": 409: not documented by the vendor"}},
		"status of theirs": {
			`        "422": {description: refused}`, ``,
			[]string{call + ": 422: documented by the vendor, missing here"}},
		"content type of an answer": {
			`description: done
          content: {application/json:`, `description: done
          content: {text/plain:`,
			[]string{
				call + ": 200: text/plain: unknown to the vendor",
				call + ": 200: application/json: documented by the vendor, missing here"}},
		"property's name": {
			`        seen:`, `        lastSeen:`,
			[]string{call + ": 200.lastSeen: unknown to the vendor"}},
		"property's type": {
			`        name: {type: string}`, `        name: {type: integer}`,
			[]string{call + ": 200.name: type is integer here, string at the vendor"}},
		"property's format": {
			`, format: date-time`, ``,
			[]string{call + ": 200.seen: format is none here, date-time at the vendor"}},
		"property's enumeration": {
			`        name: {type: string}`, `        name: {type: string, enum: [ana]}`,
			[]string{call + ": 200.name: enum is [ana] here, [] at the vendor"}},
		"items' type": {
			`items: {type: string}`, `items: {type: integer}`,
			[]string{call + ": 200.tags[]: type is integer here, string at the vendor"}},
		"readOnly dropped": {
			`, readOnly: true`, ``,
			[]string{call + ": 200.link: readOnly is false here, true at the vendor"}},
		"nullable dropped": {
			`nullable: true, `, ``,
			[]string{call + ": 200.link: nullable is false here, true at the vendor"}},
		"required added": {
			`      required: [name]
`, `      required: [name, seen]
`,
			[]string{call + ": 200.seen: required is true here, false at the vendor"}},
		"required dropped": {
			`      required: [name]
`, ``,
			[]string{call + ": 200.name: required is false here, true at the vendor"}},
		"composition": {
			`        name: {type: string}`, `        name: {oneOf: [{type: string}]}`,
			[]string{call + ": 200.name: composed schemas cannot be compared"}},
	} {
		t.Run(name, func(t *testing.T) {
			if !strings.Contains(smallOurs, tc.old) {
				t.Fatalf("our document has no %q to replace", tc.old)
			}
			ours := strings.Replace(smallOurs, tc.old, tc.new, 1)
			if diff := cmp.Diff(tc.want, compare(parse(t, ours), parse(t, smallVendor))); diff != "" {
				t.Errorf("differences (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAListedDifferenceMustExistAndAnUnlistedOneMustNot(t *testing.T) {
	differences := []string{"GET /a: 401: not documented by the vendor", "GET /b: 401: not documented by the vendor", "GET /b.x: unknown to the vendor"}
	all := listed{pattern: `GET /.*: 401: not documented by the vendor`}
	part := listed{pattern: `401`} // not the whole sentence, so it lists nothing
	gone := listed{pattern: `GET /c: .*`}

	unlisted, stale := sift(differences, []listed{all, part, gone})
	if diff := cmp.Diff([]string{"GET /b.x: unknown to the vendor"}, unlisted); diff != "" {
		t.Errorf("unlisted (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]listed{part, gone}, stale, cmp.AllowUnexported(listed{})); diff != "" {
		t.Errorf("stale (-want +got):\n%s", diff)
	}
}

func parse(t *testing.T, document string) *openapi3.T {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}
