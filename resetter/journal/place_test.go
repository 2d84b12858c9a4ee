package journal

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestALedgerIsNotPutOnANetworkFileSystem(t *testing.T) {
	mounted := t.TempDir()
	onNFS := func(dir string) (string, error) {
		if _, err := os.Stat(dir); err != nil {
			t.Errorf("a folder was asked for that there is not: %v", err)
		}
		if strings.HasPrefix(dir, mounted) {
			return "NFS", nil
		}
		return "", nil
	}
	for _, dir := range []string{mounted, filepath.Join(mounted, "not", "there", "yet")} {
		_, err := Open(t.Context(), dir, Options{remote: onNFS})
		if !errors.Is(err, ErrRemote) || !strings.Contains(err.Error(), "NFS") || !strings.Contains(err.Error(), dir) {
			t.Errorf("got %v", err)
		}
	}
	if entries, err := os.ReadDir(mounted); err != nil || len(entries) > 0 {
		t.Errorf("something was left there: %v, %v", entries, err)
	}
	l, err := Open(t.Context(), t.TempDir(), Options{remote: onNFS})
	ok(t, err)
	ok(t, l.Close())
	unsure := func(string) (string, error) { return "", errors.New("it does not say") }
	l, err = Open(t.Context(), t.TempDir(), Options{remote: unsure})
	ok(t, err)
	ok(t, l.Close())
}
