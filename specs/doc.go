// Package specs holds the OpenAPI documents of the systems, looker.yaml, unleash.yaml and sugar.yaml: the
// operations that this project uses, in its own words. The typed clients (looker/lookerapi and its siblings) are generated
// from them, and the test servers are held against them.
//
// There is no code here to import, only tests: that the documents are sound, that they agree with those of the
// vendors but for a list of differences with reasons, that the generated clients send what the vendors expect and read what
// they answer. Package spectest holds a test server against one of them. README.md says where each fact is from.
package specs
