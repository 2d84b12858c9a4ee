//go:build unix

package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net"
	"net/mail"
	"regexp"
	"strings"
	"sync"

	"github.com/emersion/go-smtp"
)

// A mailbox is the mail server that Unleash is told to use. It accepts every
// mail and keeps it, so that it knows who was really mailed and how often.
type mailbox struct {
	server  *smtp.Server
	address string
	served  chan error

	mu      sync.Mutex
	letters []letter
	open    int           // connections that may still bring a mail
	changed chan struct{} // closed and replaced whenever something happens
}

// A letter is one mail as one recipient got it.
type letter struct {
	to    string // the address of the envelope, as written
	link  string // the one-time link in its text
	token string // the part of the link that must stay secret
}

// openMailbox listens on a free port of loopback until close.
func openMailbox() (*mailbox, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	m := &mailbox{address: listener.Addr().String(), served: make(chan error, 1), changed: make(chan struct{})}
	m.server = smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) {
		m.update(func() { m.open++ })
		return &delivery{mailbox: m}, nil
	}))
	m.server.Domain = "localhost"
	go func() { m.served <- m.server.Serve(listener) }()
	return m, nil
}

func (m *mailbox) close() error {
	err := m.server.Close()
	<-m.served
	return err
}

// update changes the mailbox and wakes everybody who waits on it.
func (m *mailbox) update(change func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change()
	close(m.changed)
	m.changed = make(chan struct{})
}

// wait returns as soon as the condition holds; it is called with the mailbox
// locked.
func (m *mailbox) wait(ctx context.Context, condition func() bool) error {
	for {
		m.mu.Lock()
		holds, changed := condition(), m.changed
		m.mu.Unlock()
		if holds {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// to lists the letters that an address got.
func (m *mailbox) to(address string) []letter {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.lettersTo(address)
}

func (m *mailbox) lettersTo(address string) []letter {
	var got []letter
	for _, l := range m.letters {
		if strings.EqualFold(l.to, address) {
			got = append(got, l)
		}
	}
	return got
}

// A delivery is one conversation with a mail client.
type delivery struct {
	mailbox *mailbox
	to      []string
}

func (d *delivery) Mail(string, *smtp.MailOptions) error { return nil }

func (d *delivery) Rcpt(to string, _ *smtp.RcptOptions) error {
	d.to = append(d.to, to)
	return nil
}

func (d *delivery) Data(r io.Reader) error {
	text, err := plainText(r)
	if err != nil {
		return fmt.Errorf("mailbox cannot read the mail: %w", err)
	}
	var l letter
	if found := oneTimeLink.FindStringSubmatch(text); found != nil {
		l.link, l.token = found[0], found[1]
	}
	d.mailbox.update(func() {
		for _, l.to = range d.to {
			d.mailbox.letters = append(d.mailbox.letters, l)
		}
	})
	return nil
}

func (d *delivery) Reset() { d.to = nil }

func (d *delivery) Logout() error {
	d.mailbox.update(func() { d.mailbox.open-- })
	return nil
}

// oneTimeLink is what Unleash writes into the text of a reset mail.
var oneTimeLink = regexp.MustCompile(`https?://\S+/reset-password\?token=(\S+)`)

// plainText decodes the text/plain part of a mail.
func plainText(r io.Reader) (string, error) {
	message, err := mail.ReadMessage(r)
	if err != nil {
		return "", err
	}
	_, parameters, err := mime.ParseMediaType(message.Header.Get("Content-Type"))
	if err != nil {
		return "", err
	}
	for parts := multipart.NewReader(message.Body, parameters["boundary"]); ; {
		part, err := parts.NextPart() // decodes quoted-printable
		if err == io.EOF {
			return "", errors.New("no text/plain part")
		} else if err != nil {
			return "", err
		}
		if strings.HasPrefix(part.Header.Get("Content-Type"), "text/plain") {
			text, err := io.ReadAll(part)
			return string(text), err
		}
	}
}
