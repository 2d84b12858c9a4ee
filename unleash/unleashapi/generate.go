// Package unleashapi is the typed client for the part of Unleash's admin API that this project uses.
//
// It is generated from specs/unleash.yaml and never edited; run go generate after a change there.
// Make a client with [NewClientWithResponses] for the address of the instance, with the path prefix where it has one, and give
// it an [HttpRequestDoer] with [WithHTTPClient]: the client itself knows no token, no retries and no limits.
//
// Each operation has a method that ends in WithResponse. Its error says only that there was no complete answer,
// or that a JSON body could not be read as the type that its status has. A refusal is no error here: look at the status, then at
// the field for it, JSON200, JSON404 and so on, nil where that status did not come or came without JSON.
//
// ResetPasswordURL, InviteLink and Password are secrets, and so is the raw Body of an answer that may hold them; the one of
// GetMe may repeat the token. ListUsersWithResponse reads all users into memory; package unleash reads them as they come.
package unleashapi

//go:generate go tool oapi-codegen -config config.yaml ../../specs/unleash.yaml
