package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// stayHere refuses a folder that is on a network file system, or would be made
// on one. remote names the one that an existing folder is on, if it is.
func stayHere(dir string, remote func(string) (string, error)) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	there := dir
	for {
		_, err := os.Stat(there)
		if up := filepath.Dir(there); errors.Is(err, fs.ErrNotExist) && up != there {
			there = up
			continue
		}
		break // what else is wrong with it is found by whoever makes the folder
	}
	// A file system that does not say what it is, is not refused for that.
	if name, err := remote(there); err == nil && name != "" {
		return fmt.Errorf("%w: %s is on %s, where the locks and the writes that keep people from being mailed twice cannot be relied on", ErrRemote, dir, name)
	}
	return nil
}
