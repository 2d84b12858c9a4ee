package transport

import (
	"time"

	"github.com/seed57652884/resetctl/resetter"
)

// Outset is the pace that a new client begins with under a ceiling, which is +Inf
// where there is none.
func Outset(ceiling float64) resetter.Pace {
	return resetter.Pace{Rate: min(ceiling, float64(slowStart)), Ceiling: ceiling}
}

// Forecast is how long n requests take from p on. The pace climbs to the
// ceiling, unless the system has objected before: it stays what it is then,
// since that is what the system was found to admit. Pauses come on top, and so
// does whatever keeps the pace from being used.
func Forecast(p resetter.Pace, n float64) time.Duration {
	pace, seconds := min(p.Rate, p.Ceiling), 0.0
	if n <= 0 || pace <= 0 {
		return 0
	}
	for p.Throttled == 0 && pace < p.Ceiling && n > pace {
		n -= pace
		seconds++
		pace = min(p.Ceiling, pace+float64(climb))
	}
	return time.Duration((seconds + n/pace) * float64(time.Second))
}
