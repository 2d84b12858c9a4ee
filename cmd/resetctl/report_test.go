package main

import (
	"fmt"
	"testing"

	"github.com/seed57652884/resetctl/resetter"
	"github.com/seed57652884/resetctl/resetter/bulk"
)

// paced is a Resetter that only tells of its pace.
type paced struct{ resetter.Resetter }

func (paced) Pace() resetter.Pace { return resetter.Pace{Rate: 5, Requests: 7} }

func TestTheSamplesOfALongRunAreBoundedAndEvenlySpread(t *testing.T) {
	var s samples
	targets := []bulk.Target{{Name: "a", Resetter: paced{}}, {Name: "b", Resetter: paced{}}, {Name: "mute"}}
	for range 50_000 {
		s.look(targets)
	}
	got := s.taken()
	if len(got) > samplesKept || len(got) < samplesKept/4 {
		t.Errorf("%d samples are kept", len(got))
	}
	each := map[string]int{}
	for _, sample := range got {
		each[sample.Target]++
	}
	if each["a"] != each["b"] || each["mute"] != 0 {
		t.Error(fmt.Sprint(each))
	}
}
