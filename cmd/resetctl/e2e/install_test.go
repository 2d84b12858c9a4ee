//go:build unix

package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// installation is the folder with package.json and node_modules.
const installation = "testdata"

// install brings the servers from npm unless they are there as the lock file
// has them. Install scripts do not run: nothing here needs them.
func install(ctx context.Context) error {
	lock, err := os.ReadFile(filepath.Join(installation, "package-lock.json"))
	if err != nil {
		return err
	}
	// npm ci empties node_modules first, so the copy says that it finished.
	installed := filepath.Join(installation, "node_modules", ".installed-lock.json")
	if have, err := os.ReadFile(installed); err == nil && bytes.Equal(have, lock) {
		return nil
	}
	npm := exec.CommandContext(ctx, "npm", "ci", "--no-audit", "--no-fund", "--loglevel=error")
	npm.Dir = installation
	if output, err := npm.CombinedOutput(); err != nil {
		return fmt.Errorf("npm ci in %s: %w\n%s", npm.Dir, err, output)
	}
	return os.WriteFile(installed, lock, 0o644)
}

// nodeBinary finds the Node that the lock file pins, for platforms that npm has
// one for, else the machine's own, which must then be new enough for Unleash.
func nodeBinary() (string, error) {
	pinned, err := filepath.Abs(filepath.Join(installation, "node_modules", "node-"+npmPlatform(), "bin", "node"))
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(pinned); err == nil {
		return pinned, nil
	}
	own, err := exec.LookPath("node")
	if err != nil {
		return "", errors.New("npm has no pinned Node for " + npmPlatform() + " and there is no node in the PATH: install Node 22 or newer")
	}
	return own, nil
}

// npmPlatform is what npm packages call this machine, such as linux-x64.
func npmPlatform() string {
	if runtime.GOARCH == "amd64" {
		return runtime.GOOS + "-x64"
	}
	return runtime.GOOS + "-" + runtime.GOARCH
}
