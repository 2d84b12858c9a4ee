// Package lookerapi is the typed client for the part of Looker's API 4.0 that this project uses.
//
// It is generated from specs/looker.yaml and never edited; run go generate after a change there.
// Make a client with [NewClientWithResponses] for the address of the instance, without /api/4.0, and give it an
// [HttpRequestDoer] with [WithHTTPClient]: the client itself knows no login, no retries and no limits.
//
// Each operation has a method that ends in WithResponse. Its error says only that there was no complete answer,
// or that a JSON body could not be read as the type that its status has. A refusal is no error here: look at the status, then at
// the field for it, JSON200, JSON404 and so on, nil where that status did not come or came without JSON.
//
// Everything that was not asked for with Fields is nil in an answer. PasswordResetURL and AccountSetupURL are
// secrets, and so is the raw Body of an answer that may hold them.
//
// Ids are percent-escaped, but "." and ".." survive that and lead to another path: check them first.
package lookerapi

//go:generate go tool oapi-codegen -config config.yaml ../../specs/looker.yaml
