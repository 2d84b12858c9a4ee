// Package sugarapi is the typed client for the part of Sugar's REST API that this project uses.
//
// It is generated from specs/sugar.yaml and never edited; run go generate after a change there.
// Make a client with [NewClientWithResponses] for the address of the instance with the version behind it
// (https://example.sugarondemand.com/rest/v11_24), and give it an [HttpRequestDoer] with [WithHTTPClient]: the client
// itself knows no login, no retries and no limits.
//
// Each operation has a method that ends in WithResponse. Its error says only that there was no complete answer,
// or that a JSON body could not be read as the type that its status has. A refusal is no error here: look at the status, then at
// the field for it, JSON200, JSON404 and so on, nil where that status did not come or came without JSON.
//
// Sugar spells yes and no in several ways, so a [Flag] holds what came: a bool, a float64, a string or nil. An
// [ErrorMessage] is a string, or a map of field names to strings or lists of them, or nil.
//
// The tokens of a [Session] are secrets, and so is the raw Body of its answer.
//
// Ids are percent-escaped, but "." and ".." survive that and lead to another path: check them first.
package sugarapi

//go:generate go tool oapi-codegen -config config.yaml ../../specs/sugar.yaml
