package journal

import (
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/bulk"
)

// BenchmarkDurableWrites sets 64 callers that share commits beside one that
// has each intent and each outcome committed before the next. The machine's
// disk decides on the numbers; what counts is the ratio.
func BenchmarkDurableWrites(b *testing.B) {
	for _, callers := range []int{1, 64, 256} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			l := open(b, b.TempDir())
			r := begin(b, l, NewRun{})
			addMany(b, r, b.N)
			for seq := 1; seq <= b.N; seq++ {
				if err := r.Resolved(b.Context(), seq, resetter.Account{ID: fmt.Sprint(seq)}); err != nil {
					b.Fatal(err)
				}
			}
			before := l.commits
			b.ResetTimer()
			var next atomic.Int64
			var wg sync.WaitGroup
			for range callers {
				wg.Go(func() {
					for {
						seq := int(next.Add(1))
						if seq > b.N {
							return
						}
						if err := r.Intent(b.Context(), seq, 1); err != nil {
							b.Error(err)
							return
						}
						if err := r.Record(b.Context(), bulk.Result{Row: bulk.Row{Seq: seq}, Outcome: bulk.Done, Reason: bulk.Accepted, Attempts: 1, Status: 200}); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			b.StopTimer()
			b.ReportMetric(2*float64(b.N)/b.Elapsed().Seconds(), "writes/s")
			b.ReportMetric(2*float64(b.N)/float64(l.commits-before), "writes/commit")
		})
	}
}

// BenchmarkMillionRows measures what going on with a large run takes.
func BenchmarkMillionRows(b *testing.B) {
	const n = 1_000_000
	for b.Loop() {
		dir := b.TempDir()
		l := open(b, dir)
		r := begin(b, l, NewRun{Content: "x"})
		lap := time.Now()
		report := func(name string) {
			b.ReportMetric(float64(time.Since(lap).Milliseconds()), name+"-ms")
			lap = time.Now()
		}
		if _, err := Content(manyRows(n)); err != nil {
			b.Fatal(err)
		}
		report("content")
		addMany(b, r, n)
		report("add")
		b.ReportMetric(residentMiB(), "MiB-after-add")
		info, err := os.Stat(filepath.Join(dir, FileName))
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(info.Size())/n, "B/row")
		lap = time.Now()
		if err := l.Close(); err != nil {
			b.Fatal(err)
		}
		report("close")
		l = open(b, dir)
		r, err = l.Find(b.Context(), "x")
		if err != nil {
			b.Fatal(err)
		}
		report("reopen")
		if list, err := r.List(b.Context(), "looker", bulk.New, n/2, 500); err != nil || len(list) != 500 {
			b.Fatal(len(list), err)
		}
		report("list500")
		if _, err := r.Counts(b.Context()); err != nil {
			b.Fatal(err)
		}
		report("counts")
		for range r.Results(b.Context()) {
			break
		}
		report("first-result")
		if _, err := r.Interrupt(b.Context(), ""); err != nil {
			b.Fatal(err)
		}
		report("interrupt")
		for seq := 1; seq <= 100_000; seq++ {
			if err := r.Resolved(b.Context(), seq, resetter.Account{ID: fmt.Sprint(seq % 90_000), Email: "somebody@example.com"}); err != nil {
				b.Fatal(err)
			}
		}
		report("resolve100k")
		for seq := 1; seq <= 100_000; seq++ {
			if _, _, err := r.Twin(b.Context(), seq); err != nil {
				b.Fatal(err)
			}
		}
		report("twin100k")
		if _, err := r.LastMailed(b.Context(), "looker", "77"); err != nil {
			b.Fatal(err)
		}
		report("lastmailed")
		count := 0
		for _, err := range r.Results(b.Context()) {
			if err != nil {
				b.Fatal(err)
			}
			count++
		}
		report("results")
		b.ReportMetric(residentMiB(), "MiB-after-results")
		if err := r.Halt(b.Context(), "looker", bulk.Halted, "its certificate is bad: see the documentation"); err != nil {
			b.Fatal(err)
		}
		report("halt")
		if err := r.Discard(b.Context()); err != nil {
			b.Fatal(err)
		}
		report("discard")
	}
}

// residentMiB is how much memory the process has, SQLite's included, which
// lies outside of Go's heap; 0 where the system does not tell in Linux's way.
func residentMiB() float64 {
	stat, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	var size, resident int
	if _, err := fmt.Sscan(string(stat), &size, &resident); err != nil {
		return 0
	}
	return float64(resident) * float64(os.Getpagesize()) / (1 << 20)
}

func addMany(b *testing.B, r *Run, n int) {
	if err := r.Add(b.Context(), manyRows(n)); err != nil {
		b.Fatal(err)
	}
}

func manyRows(n int) iter.Seq2[bulk.Row, error] {
	return func(yield func(bulk.Row, error) bool) {
		for seq := 1; seq <= n; seq++ {
			address := fmt.Sprintf("person.%d@example.com", seq)
			if !yield(bulk.Row{Seq: seq, Line: seq + 1, Target: "looker", Action: resetter.ActionReset, Identity: resetter.Email(address),
				Cells: []string{address, "Some Name", "Some Department"}}, nil) {
				return
			}
		}
	}
}
