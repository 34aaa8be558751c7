package history

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
)

// everyColumn is allColumns and start.
var everyColumn = append([]column{colStart}, allColumns...)

// verifySamples reads every value of a file of samples. It must hold the rounds
// of the span, with the checksums that they have there, and no others, sorted.
func verifySamples(ctx context.Context, st Store, key string, s *span, progress func(done int)) (err error) {
	f, err := openSamples(ctx, st, key)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	f.forgetHeader()
	if len(f.contents.Rounds) != len(s.rounds) {
		return fmt.Errorf("it holds %d rounds, and should hold %d", len(f.contents.Rounds), len(s.rounds))
	}
	v := sampleVerifier{file: f, span: s, sums: make([]check, len(s.rounds)), counts: make([]int, len(s.rounds))}
	for _, r := range s.rounds {
		v.starts = append(v.starts, strconv.FormatInt(r.Start.UnixMicro(), 10))
	}
	if err := guard(func() error { return v.groups(ctx, progress) }); err != nil {
		return err
	}
	for i := range s.rounds {
		if err := s.rounds[i].agrees(v.sums[i], v.counts[i]); err != nil {
			return err
		}
	}
	return nil
}

type sampleVerifier struct {
	file   *sampleFile
	span   *span
	starts []string // by round
	sums   []check
	counts []int
	from   string // of the row before
	to     string
	round  int32
}

// verifyRows is how many rows are in memory at once.
const verifyRows = 200_000

func (v *sampleVerifier) groups(ctx context.Context, progress func(done int)) error {
	t := &table{words: newWords()}
	q := query{columns: everyColumn, words: t.words, round: func(id string) int32 {
		if i, ok := v.span.number[id]; ok {
			return i
		}
		return null
	}}
	done := 0
	for _, group := range v.file.pq.RowGroups() {
		for from := int64(0); from < group.NumRows(); from += verifyRows {
			if err := ctx.Err(); err != nil {
				return err
			}
			rows := window{from, min(from+verifyRows, group.NumRows())}
			t.truncate(0)
			if err := v.file.readGroup(group, rows, q, t); err != nil {
				return err
			}
			if int64(t.n) != rows.to-rows.from {
				return errors.New("it has samples of a round that it should not have")
			}
			if err := v.rows(t); err != nil {
				return err
			}
			t.addChecks(v.sums, v.counts)
			done += t.n
			progress(done)
		}
	}
	return nil
}

// rows checks what no checksum covers: the order, and the starts.
func (v *sampleVerifier) rows(t *table) error {
	texts := t.words.all()
	froms, tos, rounds, starts := t.cols[colFrom], t.cols[colTo], t.cols[colRound], t.cols[colStart]
	for i, round := range rounds {
		if texts[starts[i]] != v.starts[round] {
			return fmt.Errorf("a sample of round %s is said to have begun at %s µs", v.span.rounds[round].Round, texts[starts[i]])
		}
		if i == 0 || froms[i] != froms[i-1] || tos[i] != tos[i-1] {
			from, to := texts[froms[i]], texts[tos[i]]
			order := cmp.Or(cmp.Compare(v.from, from), cmp.Compare(v.to, to))
			if order > 0 {
				return errors.New("its samples are not sorted")
			}
			if order < 0 {
				v.from, v.to, v.round = from, to, -1
			}
		}
		if round <= v.round {
			return fmt.Errorf("the samples of %s → %s are not sorted, or one is there twice", v.from, v.to)
		}
		v.round = round
	}
	return nil
}
