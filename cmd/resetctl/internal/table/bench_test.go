package table

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"
)

const benchmarkRows = 1_000_000

// million is a table of a million rows of two columns.
func million(b *testing.B) string {
	b.Helper()
	path := filepath.Join(b.TempDir(), "people.csv")
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	w := bufio.NewWriter(f)
	_, _ = w.WriteString("email,target\n")
	for i := range benchmarkRows {
		_, _ = fmt.Fprintf(w, "person.%d@example.com,looker\n", i)
	}
	if err := errors.Join(w.Flush(), f.Close()); err != nil {
		b.Fatal(err)
	}
	return path
}

// bare is how long encoding/csv takes for nothing but reading it.
func bare(b *testing.B, path string) time.Duration {
	b.Helper()
	best := time.Hour
	for range 3 {
		f, err := os.Open(path)
		if err != nil {
			b.Fatal(err)
		}
		start := time.Now()
		r := csv.NewReader(bufio.NewReader(f))
		for err == nil {
			_, err = r.Read()
		}
		best = min(best, time.Since(start))
		if _ = f.Close(); !errors.Is(err, io.EOF) {
			b.Fatal(err)
		}
	}
	return best
}

func report(b *testing.B, bare time.Duration) {
	each := b.Elapsed() / time.Duration(b.N)
	b.ReportMetric(each.Seconds(), "s/million")
	b.ReportMetric(float64(each)/float64(bare), "x-bare-csv")
}

func BenchmarkOpenAMillionRows(b *testing.B) {
	path := million(b)
	least := bare(b, path)
	b.ReportAllocs()
	for b.Loop() {
		r, err := Open(b.Context(), path, nil, three)
		if err != nil || r.Len() != benchmarkRows {
			b.Fatal(err)
		}
		if err := r.Close(); err != nil {
			b.Fatal(err)
		}
	}
	report(b, least)
}

func BenchmarkWalkAMillionRows(b *testing.B) {
	path := million(b)
	least := bare(b, path)
	r, err := Open(b.Context(), path, nil, three)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		for _, err := range r.Rows() {
			if err != nil {
				b.Fatal(err)
			}
			n++
		}
		if n != benchmarkRows {
			b.Fatal(n)
		}
	}
	report(b, least)
}

// A sheet is unpacked, looked over, and rendered by excelize, once.
func BenchmarkOpenAWorkbookOfAHundredThousandRows(b *testing.B) {
	path := filepath.Join(b.TempDir(), "people.xlsx")
	if err := os.WriteFile(path, []byte(sharedBook(b, 100_000)), 0o600); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		r, err := Open(b.Context(), path, nil, three)
		if err != nil || r.Len() != 100_000 {
			b.Fatal(err)
		}
		if err := r.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
