package history

import (
	"fmt"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"

	"matrix/probe"
)

// sampleRow is the schema of samples; docs/history.md describes the columns.
// It is written and read column by column, never as rows.
type sampleRow struct {
	Round      string  `parquet:"round,dict"`
	Start      int64   `parquet:"start,dict,timestamp(microsecond)"`
	From       string  `parquet:"from,dict"`
	To         string  `parquet:"to,dict"`
	State      string  `parquet:"state,dict"`
	Reason     string  `parquet:"reason,optional,dict"`
	At         int64   `parquet:"at,optional,delta,timestamp(microsecond)"`
	Address    string  `parquet:"address,optional,dict"`
	Sent       int32   `parquet:"sent,optional,dict"`
	Received   int32   `parquet:"received,optional,dict"`
	Cut        bool    `parquet:"cut"`
	Min        int32   `parquet:"min_us,optional,delta"`
	Median     int32   `parquet:"median_us,optional,delta"`
	Avg        int32   `parquet:"avg_us,optional,delta"`
	Max        int32   `parquet:"max_us,optional,delta"`
	Mdev       int32   `parquet:"mdev_us,optional,delta"`
	Jitter     int32   `parquet:"jitter_us,optional,delta"`
	RTTs       []int32 `parquet:"rtts_us,list" parquet-element:",delta"`
	TTL        int32   `parquet:"ttl,optional,dict"`
	Stamps     string  `parquet:"stamps,optional,dict"`
	Duplicates int32   `parquet:"duplicates,dict"`
	Reordered  int32   `parquet:"reordered,dict"`
	Late       int32   `parquet:"late,dict"`
}

// column is one of sampleRow's, in its order.
type column int

const (
	colRound column = iota
	colStart
	colFrom
	colTo
	colState
	colReason
	colAt
	colAddress
	colSent
	colReceived
	colCut
	colMin // and on, by probe.Stat
	colMedian
	colAvg
	colMax
	colMdev
	colJitter
	colRTTs
	colTTL
	colStamps
	colDuplicates
	colReordered
	colLate

	numColumns = iota
)

var sampleSchema = parquet.SchemaOf(sampleRow{})

// nullable says which columns may be without a value, by the schema.
var nullable = func() (all [numColumns]bool) {
	for i, path := range sampleSchema.Columns() {
		leaf, _ := sampleSchema.Lookup(path...)
		all[i] = leaf.MaxDefinitionLevel > 0 && leaf.MaxRepetitionLevel == 0
	}
	return all
}()

func (c column) String() string { return sampleSchema.Columns()[c][0] }

// statColumn is where a statistic stands.
func statColumn(s probe.Stat) column { return colMin + column(s) }

// numStats is how many statistics there are.
const numStats = int(colRTTs - colMin)

// every column but start, which a round's id says.
var allColumns = func() (all []column) {
	for c := range column(numColumns) {
		if c != colStart {
			all = append(all, c)
		}
	}
	return all
}()

// codec is the compression of everything: at its fastest, it leaves a month
// 4 % larger than by default and takes half the time.
var codec = &zstd.Codec{Level: zstd.SpeedFastest}

// writerOptions are those of every file.
func writerOptions() []parquet.WriterOption {
	return []parquet.WriterOption{
		parquet.Compression(codec),
		parquet.CreatedBy("matrix", "1", ""),
		// City names are compared in full, so that a pair is found by its pages.
		parquet.ColumnIndexSizeLimit(func([]string) int { return 128 }),
	}
}

// checkSchema refuses a file that is not one of samples. Columns that a later
// version adds do not matter.
func checkSchema(file *parquet.File) ([numColumns]int, error) {
	var at [numColumns]int
	for i, path := range sampleSchema.Columns() {
		want, _ := sampleSchema.Lookup(path...)
		got, ok := file.Schema().Lookup(path...)
		if !ok {
			return at, fmt.Errorf("it has no column %s", path[0])
		}
		if got.Node.Type().Kind() != want.Node.Type().Kind() || got.MaxDefinitionLevel != want.MaxDefinitionLevel || got.MaxRepetitionLevel != want.MaxRepetitionLevel {
			return at, fmt.Errorf("its column %s is of another type", path[0])
		}
		at[i] = got.ColumnIndex
	}
	return at, nil
}
