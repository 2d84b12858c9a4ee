package table

import (
	"context"
	"os"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/ui"
)

// openPipe opens a pipe for writing. Windows has none at a path of a file.
func openPipe(_ context.Context, path string, _ *ui.IO) (*os.File, error) {
	return os.OpenFile(path, os.O_WRONLY, 0)
}
