package links_test

import (
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/links"
)

// Append promises what the disk promises. A pipe takes what is written and
// cannot promise to keep it; a full disk does not take it.
func TestALinkThatTheDiskDoesNotKeepIsAnError(t *testing.T) {
	r, w, err := os.Pipe()
	ok(t, err)
	defer r.Close()
	defer w.Close()
	if err := links.Add(w, []byte("x\n")); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("a pipe keeps it: %v", err)
	}
	full, err := os.OpenFile("/dev/full", os.O_RDWR, 0)
	ok(t, err)
	defer full.Close()
	if err := links.Add(full, []byte("x\n")); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("a full disk keeps it: %v", err)
	}
}

func TestLinksAreNotWrittenToAPipe(t *testing.T) {
	f := fileFor(t, ageKey(t).public)
	ok(t, syscall.Mkfifo(f.Path, 0o600))
	for what, err := range map[string]error{"Check": f.Check(), "Append": f.Append(link(1))} {
		if err == nil || !strings.Contains(err.Error(), "no regular file") {
			t.Errorf("%s says %v", what, err)
		}
	}
}
