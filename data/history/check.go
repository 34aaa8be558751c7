package history

import "hash/fnv"

// check is a checksum of samples that does not depend on their order: a round's
// is the same in its own file and in that of its month. It is the sum of one
// number a row, into which every column was mixed but round and start.
type check uint64

// addChecks adds the rows' numbers up by round.
func (t *table) addChecks(sums []check, counts []int) {
	rows := make([]uint64, t.n)
	texts := t.wordSums()
	for c, values := range t.cols {
		switch column(c) {
		case colRound, colStart, colAt, colRTTs:
		case colFrom, colTo, colReason, colAddress:
			for i, v := range values {
				word := uint64(0)
				if v != null {
					word = texts[v]
				}
				rows[i] = mix(rows[i], word)
			}
		default:
			for i, v := range values {
				rows[i] = mix(rows[i], uint64(uint32(v)))
			}
		}
	}
	for i, sum := range rows {
		sum = mix(sum, uint64(t.at[i]))
		for _, us := range t.rttsOf(i) {
			sum = mix(sum, uint64(uint32(us)))
		}
		round := t.cols[colRound][i]
		sums[round] += check(mix(sum, uint64(len(t.rttsOf(i)))))
		counts[round]++
	}
}

// mix is one step of MurmurHash's finalizer over both.
func mix(sum, v uint64) uint64 {
	x := sum*0x9e3779b97f4a7c15 + v + 1
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	return x ^ x>>29
}

func (t *table) wordSums() []uint64 {
	texts := t.words.all()
	sums := make([]uint64, len(texts))
	for i, text := range texts {
		sums[i] = textSum(text)
	}
	return sums
}

func textSum(text string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(text)) // never fails
	return h.Sum64()
}
