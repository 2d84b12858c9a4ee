package sandbox

import (
	"fmt"
	"strings"
)

// A Person is someone made up, the same on every system.
type Person struct {
	FirstName, LastName string
	Username            string // for example ana.silva
	Email               string // the user name at example.com
}

var (
	firstNames = []string{
		"Ana", "Ben", "Chloe", "Daniel", "Elif", "Farid", "Grace", "Hiro", "Ines", "Jonas",
		"Katja", "Liam", "Mei", "Noah", "Olga", "Pedro", "Quinn", "Rosa", "Samir", "Tara",
		"Umar", "Vera", "Wanda", "Xenia", "Yusuf", "Zoe",
	}
	lastNames = []string{
		"Adler", "Brandt", "Costa", "Diaz", "Eriksen", "Fischer", "Garcia", "Haddad", "Ivanova",
		"Jansen", "Kowalski", "Lopez", "Moreau", "Nakamura", "Okafor", "Patel", "Quist", "Rossi",
		"Silva", "Tanaka", "Unger", "Vogel", "Weber", "Xu", "Yilmaz", "Zimmer",
	}
)

// People makes up n people. The same n gives the same people, and a larger one the same and more,
// so that one file of people serves several test servers.
func People(n int) []Person {
	people := make([]Person, n)
	for i := range people {
		// Each round of all first names shifts the last names by one: 676 pairs, then numbers.
		first := firstNames[i%len(firstNames)]
		round := i / len(firstNames)
		last := lastNames[(i+round)%len(lastNames)]
		username := strings.ToLower(first + "." + last)
		if again := round / len(lastNames); again > 0 {
			username = fmt.Sprintf("%s%d", username, again+1)
		}
		people[i] = Person{FirstName: first, LastName: last, Username: username, Email: username + "@example.com"}
	}
	return people
}
