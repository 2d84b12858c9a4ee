//go:build unix

package config

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// access reports whether nobody but its owner, who must be us or root, can
// read the file, and whether nobody else can change it. A folder in which
// others may replace the file makes it theirs.
func access(path string, info fs.FileInfo) (private, guarded bool) {
	if !ours(info) {
		return false, false
	}
	folder, err := os.Stat(filepath.Dir(path))
	guarded = err == nil && ours(folder) && info.Mode().Perm()&0o022 == 0 &&
		(folder.Mode().Perm()&0o022 == 0 || folder.Mode()&fs.ModeSticky != 0)
	return info.Mode().Perm()&0o077 == 0, guarded
}

func ours(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && (st.Uid == 0 || int(st.Uid) == os.Geteuid())
}
