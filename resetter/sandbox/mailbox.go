package sandbox

import (
	"strings"
	"sync"
	"time"
)

// A MailKind says what a mail is for.
type MailKind string

const (
	ResetMail MailKind = "reset"  // choose a new password
	SetUpMail MailKind = "set-up" // choose the first one: the account was never used
)

// A Mail is one mail that a server has sent.
type Mail struct {
	To      string    `json:"to"`      // the address
	Account string    `json:"account"` // the system's id of the account
	Kind    MailKind  `json:"kind"`
	At      time.Time `json:"at"`   // by the server's clock
	Link    string    `json:"link"` // the one-time link: a secret, if only of a test server
}

// Mailbox holds the mails of a server, in the order of sending. It is the measure of "mailed
// once": an answer may get lost, but the mail is counted here. The zero value is empty and ready;
// all methods are safe for concurrent use.
type Mailbox struct {
	mu     sync.Mutex
	mails  []Mail
	counts map[string]int
	onMail func(Mail)
}

// Count is how many mails went to the address, which is compared without regard to case.
func (m *Mailbox) Count(address string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.counts[strings.ToLower(address)]
}

// Mails returns a copy of all mails, oldest first.
func (m *Mailbox) Mails() []Mail {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]Mail(nil), m.mails...)
}

// Counts returns how many mails each address got, addresses in lower case.
func (m *Mailbox) Counts() map[string]int {
	m.mu.Lock()
	defer m.mu.Unlock()
	counts := make(map[string]int, len(m.counts))
	for address, n := range m.counts {
		counts[address] = n
	}
	return counts
}

// Len is how many mails there are.
func (m *Mailbox) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.mails)
}

func (m *Mailbox) deliver(mail Mail) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.counts == nil {
		m.counts = map[string]int{}
	}
	m.mails = append(m.mails, mail)
	m.counts[strings.ToLower(mail.To)]++
	if m.onMail != nil {
		m.onMail(mail)
	}
}
