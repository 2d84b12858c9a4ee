package transport

// A Class says what repeating an operation would do.
type Class int

// The classes.
const (
	// Send mails a person, or does something else that must not happen twice.
	// It is the zero value, so that what nobody classified is treated strictly.
	Send Class = iota
	// Write brings about a state; doing it again changes nothing more.
	Write
	// Read changes nothing.
	Read
)

// String is the class in a word, as logs have it.
func (c Class) String() string {
	switch c {
	case Write:
		return "write"
	case Read:
		return "read"
	default:
		return "send"
	}
}
