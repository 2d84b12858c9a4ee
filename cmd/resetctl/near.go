package main

import "strings"

// meant is "did you mean NAME?" where one of names is so near to word that it was
// probably meant, else what to say otherwise.
func meant(word string, names []string, otherwise string) string {
	best, least := "", 0
	for _, name := range names {
		d := edits(strings.ToLower(word), name)
		begins := len(word) > 2 && strings.HasPrefix(name, word)
		if (begins || 3*d <= max(len(word), len(name))) && (best == "" || d < least) {
			best, least = name, d
		}
	}
	if best == "" {
		return otherwise
	}
	return "did you mean " + best + "?"
}

// edits counts the letters to put in, take out, replace or swap with the next
// that make a of b.
func edits(a, b string) int {
	before, row := []int{}, make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		earlier := before
		before, row = row, make([]int, len(b)+1)
		row[0] = i + 1
		for j := range len(b) {
			differs := 1
			if a[i] == b[j] {
				differs = 0
			}
			row[j+1] = min(before[j+1]+1, row[j]+1, before[j]+differs)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], earlier[j-1]+1)
			}
		}
	}
	return row[len(b)]
}
