package main

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func TestTheKeyOfTheEvidenceIsMadeOnceAndForItsOwnerAlone(t *testing.T) {
	state := t.TempDir()
	keys := make([]string, 16)
	var all sync.WaitGroup
	for i := range keys {
		all.Go(func() {
			key, err := evidenceKey(state)
			if err != nil {
				t.Error(err)
			}
			keys[i] = key.Reveal()
		})
	}
	all.Wait()
	for _, key := range keys {
		if key != keys[0] || len(key) != 64 {
			t.Errorf("the keys are %q", keys)
			break
		}
	}
	files, err := os.ReadDir(state)
	if err != nil || len(files) != 1 {
		t.Fatalf("left behind: %v, %v", files, err)
	}
	if info, err := files[0].Info(); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestADamagedKeyOfTheEvidenceIsRefusedAndNotShown(t *testing.T) {
	state := t.TempDir()
	if err := os.WriteFile(filepath.Join(state, evidenceKeyFile), []byte("c0ffee"), 0o600); err != nil {
		t.Fatal(err)
	}
	if key, err := evidenceKey(state); err == nil || !key.IsZero() || strings.Contains(err.Error(), "c0ffee") {
		t.Errorf("got %v, %v", key, err)
	}
}
