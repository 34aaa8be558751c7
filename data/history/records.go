package history

import (
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"

	"github.com/parquet-go/parquet-go"
)

// WriteRecords writes a table as one Parquet file, for whoever downloads it: it
// is no part of a history. The columns are the fields of T that have a tag
// parquet; pointers may be nil. about is kept in the file's metadata.
func WriteRecords[T any](w io.Writer, about map[string]string, records iter.Seq[T]) error {
	options := writerOptions()
	for _, key := range slices.Sorted(maps.Keys(about)) {
		options = append(options, parquet.KeyValueMetadata(key, about[key]))
	}
	out := parquet.NewGenericWriter[T](w, options...)
	row := make([]T, 1)
	for row[0] = range records {
		if _, err := out.Write(row); err != nil {
			return fmt.Errorf("write Parquet: %w", err)
		}
	}
	if err := out.Close(); err != nil {
		return fmt.Errorf("write Parquet: %w", err)
	}
	return nil
}
