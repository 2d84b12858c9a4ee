package sandbox_test

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain promises that nothing of a server runs on after Close.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
