package history

import (
	"fmt"
	"path"
	"time"

	"matrix/probe"
)

// The kinds of files, each in a folder of its own: one folder has one schema.
const (
	samplesFolder = "samples"
	roundsFolder  = "rounds"
	tracesFolder  = "traces"
)

const (
	suffix      = ".parquet"
	stampLayout = "20060102T150405Z"
	monthPrefix = "month-"
)

// roundName and monthName are what our files are called: the round's id, or
// that of the month's set of rounds, and a checksum of the file.
var (
	roundName = probe.Pattern(`^([0-9]{8}T[0-9]{6}Z-[0-9a-f]{8})-([0-9a-f]{8})\.parquet$`)
	monthName = probe.Pattern(`^(month-[0-9a-f]{8})-([0-9a-f]{8})\.parquet$`)
	roundID   = probe.Pattern(`^[0-9]{8}T[0-9]{6}Z-[0-9a-f]{8}$`)
)

// newID names a round by its start and a checksum of all that it says, so that
// the same round saved twice is there once.
func newID(start time.Time, content uint64) string {
	return start.UTC().Format(stampLayout) + fmt.Sprintf("-%08x", uint32(content^content>>32))
}

// startOf is the second in which a round of that id began.
func startOf(id string) (time.Time, error) {
	if !roundID().MatchString(id) {
		return time.Time{}, fmt.Errorf("%q is no round's id", id)
	}
	return time.Parse(stampLayout, id[:len(stampLayout)])
}

// Month is a calendar month in UTC.
type Month struct {
	Year  int
	Month time.Month
}

// MonthOf is the month that a time is in.
func MonthOf(t time.Time) Month {
	t = t.UTC()
	return Month{t.Year(), t.Month()}
}

// ParseMonth reads a month such as 2026-10.
func ParseMonth(text string) (Month, error) {
	t, err := time.Parse("2006-01", text)
	if err != nil {
		return Month{}, fmt.Errorf("%q is not a month: want one such as 2026-10", text)
	}
	return MonthOf(t), nil
}

// String is the month as ParseMonth reads it.
func (m Month) String() string { return fmt.Sprintf("%04d-%02d", m.Year, m.Month) }

// Start is when the month begins, End when the next one does.
func (m Month) Start() time.Time { return time.Date(m.Year, m.Month, 1, 0, 0, 0, 0, time.UTC) }

// End is when the month is over.
func (m Month) End() time.Time { return m.Start().AddDate(0, 1, 0) }

// Compare orders months by time.
func (m Month) Compare(n Month) int { return m.Start().Compare(n.Start()) }

// folder is where a month's files of a kind are, in the manner of Hive.
func folderOf(kind string, m Month) string {
	return path.Join(kind, fmt.Sprintf("year=%04d", m.Year), fmt.Sprintf("month=%02d", m.Month))
}
