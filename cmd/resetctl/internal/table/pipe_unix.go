//go:build unix

package table

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/ui"
)

// openPipe opens a pipe for writing. Where nobody has it open for reading, open(2)
// would wait for that without a word, and no signal would end it; so it is tried
// again and again.
func openPipe(ctx context.Context, path string, s *ui.IO) (*os.File, error) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for begun, said := time.Now(), false; ; {
		fd, err := unix.Open(path, unix.O_WRONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		switch {
		case err == nil:
			// Only the opening must not wait: not every system tells when a pipe
			// has room again.
			if err := unix.SetNonblock(fd, false); err != nil {
				_ = unix.Close(fd)
				return nil, &os.PathError{Op: "open", Path: path, Err: err}
			}
			return os.NewFile(uintptr(fd), path), nil
		case !errors.Is(err, unix.ENXIO) && !errors.Is(err, unix.EINTR):
			return nil, &os.PathError{Op: "open", Path: path, Err: err}
		}
		if !said && time.Since(begun) > 50*time.Millisecond {
			said = true
			s.Tell("waiting for somebody to read the pipe %s", path)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, fmt.Errorf("nobody reads the pipe %s: %w", path, ctx.Err())
		}
	}
}
