package main

import (
	"testing"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/config"
)

func TestASystemIsTheSameHoweverItsURLIsWritten(t *testing.T) {
	at := func(url string) string { return systemAt(&config.Target{System: "looker", URL: url}) }
	for url, same := range map[string]string{
		"https://acme.example":        "https://ACME.example/",
		"https://acme.example:443":    "https://acme.example.",
		"http://127.0.0.1:80":         "http://localhost",
		"http://[::1]:8080/":          "http://127.0.0.1:8080",
		"https://acme.example/looker": "HTTPS://acme.example:443/looker/",
	} {
		if at(url) != at(same) {
			t.Errorf("%s and %s are %s and %s", url, same, at(url), at(same))
		}
	}
	for url, other := range map[string]string{
		"https://acme.example":     "https://acme.example:8443",
		"https://acme.example/one": "https://acme.example/two",
		"http://127.0.0.1:1":       "http://127.0.0.1:2",
		"https://one.acme.example": "https://two.acme.example",
	} {
		if at(url) == at(other) {
			t.Errorf("%s and %s are the same", url, other)
		}
	}
}
