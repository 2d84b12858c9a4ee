package links

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"filippo.io/age"
	"filippo.io/age/agessh"
	"filippo.io/age/armor"
)

// Plain is the word by which links are asked for that everybody who has the
// file can read.
const Plain = "plain"

// Readers are those for whom links are encrypted; each of them can read all of
// a file. The zero value is nobody, and nothing is written for nobody.
type Readers struct {
	plain bool
	keys  []age.Recipient
}

// ReadersOf reads what people write for readers:
//
//   - age1… is an age key (age1pq1… a post-quantum one);
//   - what begins with "ssh-" and has a blank in it is an SSH public key, as
//     the line in a .pub file: ssh-ed25519 or ssh-rsa;
//   - plain, and nothing beside it, is everybody;
//   - anything else is the path of a file with such keys, one a line, in which
//     lines that begin with # do not count: a .pub file, or what age -R takes.
//
// A key that cannot be read for is refused, never left out: its owner is counted
// on. No error repeats what may be a secret key.
func ReadersOf(values []string) (Readers, error) {
	var r Readers
	for _, value := range values {
		value = strings.TrimSpace(value)
		switch {
		case value == Plain:
			r.plain = true
		case isKey(value):
			key, err := keyOf(value)
			if err != nil {
				return Readers{}, err
			}
			r.keys = append(r.keys, key)
		case isSecret(value):
			return Readers{}, errors.New("that is a secret key: give the public one, which age-keygen -y prints")
		default:
			keys, err := keysIn(value)
			if err != nil {
				return Readers{}, err
			}
			r.keys = append(r.keys, keys...)
		}
	}
	switch {
	case r.plain && len(r.keys) > 0:
		return Readers{}, errors.New("plain is for everybody, so there is nothing to encrypt for others; leave one of them out")
	case !r.plain && len(r.keys) == 0:
		return Readers{}, errors.New("there is nobody to encrypt for")
	}
	if _, err := r.seal(Link{}); err != nil { // some kinds of keys cannot be combined
		return Readers{}, fmt.Errorf("it cannot be encrypted for all of them together: %w", err)
	}
	return r, nil
}

func isKey(value string) bool {
	return strings.HasPrefix(value, "age1") || strings.HasPrefix(value, "ssh-") && strings.Contains(value, " ")
}

func isSecret(value string) bool {
	upper := strings.ToUpper(value)
	return strings.Contains(upper, "AGE-SECRET-KEY-") || strings.Contains(upper, "PRIVATE KEY--")
}

// keyOf reads one key. It does not say what the libraries say, which quote it.
func keyOf(text string) (key age.Recipient, err error) {
	switch {
	case strings.HasPrefix(text, "age1pq1"):
		key, err = age.ParseHybridRecipient(text)
	case strings.HasPrefix(text, "age1") && strings.Count(text, "1") > 1:
		return nil, errors.New("a key of a plugin (age1NAME1…) cannot be encrypted for: give one that age-keygen made")
	case strings.HasPrefix(text, "age1"):
		key, err = age.ParseX25519Recipient(text)
	default:
		key, err = agessh.ParseRecipient(text)
	}
	switch {
	case err != nil && strings.HasPrefix(text, "age1"):
		return nil, errors.New("that age key is mistyped, or not whole: it is a line that begins with age1, as age-keygen -y prints it")
	case err != nil:
		return nil, errors.New("that SSH key is mistyped, not whole, too short, or of a kind that cannot be encrypted for: it is a line of a .pub file that begins with ssh-ed25519 or ssh-rsa")
	}
	return key, nil
}

// keysIn reads a file of keys.
func keysIn(path string) ([]age.Recipient, error) {
	file, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%q is no age1… or SSH public key, not the word plain, and no file of that name is there", path)
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if info, err := file.Stat(); err != nil || info.IsDir() {
		return nil, fmt.Errorf("%s is a folder: name a file with public keys in it", path)
	}
	keys, err := keysOf(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return keys, nil
}

// longest is how much text with keys is read.
const longest = 1 << 20

func keysOf(text io.Reader) (keys []age.Recipient, err error) {
	bounded := &io.LimitedReader{R: text, N: longest}
	lines := bufio.NewScanner(bounded)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		switch {
		case isSecret(line):
			return nil, errors.New("there is a secret key in it: name the file with the public one")
		case line == "" || strings.HasPrefix(line, "#"):
			continue
		case !isKey(line):
			return nil, fmt.Errorf("line %d is no age1… key, and no SSH public key of the kinds ssh-ed25519 and ssh-rsa", n)
		}
		key, err := keyOf(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		keys = append(keys, key)
	}
	if lines.Err() != nil || bounded.N == 0 {
		return nil, errors.New("it is no text with a key on each line, or a very long one")
	}
	if len(keys) == 0 {
		return nil, errors.New("there is no key in it")
	}
	return keys, nil
}

// String says for whom, to follow the word "links".
func (r Readers) String() string {
	if r.plain {
		return "that everybody can read"
	}
	return "that are encrypted"
}

// begins is how a file for these readers begins.
func (r Readers) begins() string {
	if r.plain {
		return `{"row":`
	}
	return armor.Header
}

// seal makes l a record for the readers: whole lines.
func (r Readers) seal(l Link) ([]byte, error) {
	var line bytes.Buffer
	text := json.NewEncoder(&line)
	text.SetEscapeHTML(false) // people copy the link out of it
	if err := text.Encode(l); err != nil {
		return nil, err
	}
	if r.plain {
		return line.Bytes(), nil
	}
	var sealed bytes.Buffer
	armored := armor.NewWriter(&sealed)
	encrypted, err := age.Encrypt(armored, r.keys...)
	if err != nil {
		return nil, err
	}
	if _, err := encrypted.Write(line.Bytes()); err != nil {
		return nil, err
	}
	if err := errors.Join(encrypted.Close(), armored.Close()); err != nil {
		return nil, err
	}
	return sealed.Bytes(), nil
}
