package bulk_test

import (
	"testing"

	"github.com/seed57652884/resetctl/resetter/bulk"
	"github.com/seed57652884/resetctl/resetter/bulk/journaltest"
)

func TestMemoryIsAJournal(t *testing.T) {
	journaltest.Test(t, func(*testing.T) bulk.Journal { return bulk.NewMemory() })
}
