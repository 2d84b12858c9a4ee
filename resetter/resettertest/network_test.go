package resettertest

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// The connections in memory have to break as real ones do, or what is proved
// with them says nothing.

func TestWhatWasWrittenBeforeTheEndIsRead(t *testing.T) {
	near, far := pair()
	wrote(t, far, "bye", 3, nil)
	_ = far.Close()
	if text, err := io.ReadAll(near); string(text) != "bye" || err != nil {
		t.Errorf("got %q, %v", text, err)
	}
	wrote(t, near, "hello", 0, syscall.EPIPE)
}

func TestAResetLosesWhatIsUnderWay(t *testing.T) {
	near, far := pair()
	wrote(t, far, "bye", 3, nil)
	hangUp(far)
	if n, err := near.Read(make([]byte, 9)); n != 0 || !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("read %d, %v", n, err)
	}
	wrote(t, near, "hello", 0, syscall.ECONNRESET)
}

func TestAWitheredConnectionShowsItOnlyInTheNextWrite(t *testing.T) {
	near, far := pair()
	near.out.wither(2)
	wrote(t, near, "hello", 2, syscall.EPIPE)
	if text, err := io.ReadAll(far); string(text) != "he" || err != nil {
		t.Errorf("the other side got %q, %v", text, err)
	}
	if _, err := near.Read(make([]byte, 9)); err != io.EOF {
		t.Errorf("read: %v", err)
	}
}

func TestAWriterWaitsForItsReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := pair()
		done := make(chan error, 1)
		go func() {
			_, err := far.Write(make([]byte, underWay+1))
			done <- err
		}()
		synctest.Wait()
		select {
		case err := <-done:
			t.Fatalf("it did not wait, %v", err)
		default:
		}
		if _, err := io.ReadFull(near, make([]byte, underWay+1)); err != nil {
			t.Error(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestAReadEndsAtItsDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, _ := pair()
		began := time.Now()
		_ = near.SetReadDeadline(began.Add(time.Minute))
		if _, err := near.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began) != time.Minute {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
	})
}

func TestNobodyIsConnectedToAListenerThatIsClosed(t *testing.T) {
	n := inMemory()
	_ = n.listener.Close()
	if _, err := n.dial(t.Context()); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("dial: %v", err)
	}
	if _, err := n.listener.Accept(); err != net.ErrClosed {
		t.Errorf("accept: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := inMemory().dial(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func wrote(t *testing.T, conn net.Conn, text string, n int, want error) {
	t.Helper()
	if wrote, err := conn.Write([]byte(text)); wrote != n || !errors.Is(err, want) {
		t.Errorf("wrote %d, %v; want %d, %v", wrote, err, n, want)
	}
}
