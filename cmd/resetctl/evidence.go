package main

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/seed57652884/resetctl/resetter"
)

// evidenceKeyFile, in the state folder, has the key under which the ledger keeps
// evidence of what systems hold secret: from the ledger alone nobody can tell
// whether a link that he has found is the one.
const evidenceKeyFile = "evidence.key"

// evidenceKey reads the key, and makes one where there is none.
func evidenceKey(state string) (resetter.Secret, error) {
	file := filepath.Join(state, evidenceKeyFile)
	key, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		if err := makeEvidenceKey(file); err != nil {
			return resetter.Secret{}, fmt.Errorf("the key of the evidence cannot be made: %w", err)
		}
		key, err = os.ReadFile(file)
	}
	if err != nil {
		return resetter.Secret{}, fmt.Errorf("the key of the evidence cannot be read: %w", err)
	}
	text := strings.TrimSpace(string(key))
	if raw, err := hex.DecodeString(text); err != nil || len(raw) < 32 {
		return resetter.Secret{}, fmt.Errorf("%s is damaged: remove it; rows that are in doubt now can then not be settled by reading any more", file)
	}
	return resetter.NewSecret(text), nil
}

// makeEvidenceKey gives a new key its name only when it is whole on the disk; one
// that another process makes at the same time is not replaced.
func makeEvidenceKey(file string) (err error) {
	f, err := os.CreateTemp(filepath.Dir(file), evidenceKeyFile+".new-*") // 0600
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(f.Name())) }()
	var key [32]byte
	_, _ = rand.Read(key[:]) // never fails
	_, err = fmt.Fprintf(f, "%x\n", key)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), file); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}
