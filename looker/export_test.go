package looker

// Reread reads evidence and writes down what it understood.
func Reread(evidence string) string { return parseLinks(evidence).String() }
