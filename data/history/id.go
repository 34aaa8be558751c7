package history

import (
	"fmt"

	"matrix/probe"
)

// ID is the id that a round has, or would have, in any history: the same for
// the same round. Who saves many can ask IDs first, and spare the writing.
func ID(r *probe.Round) (string, error) {
	t, err := tableOf(r)
	if err != nil {
		return "", fmt.Errorf("identify the round: %w", err)
	}
	header, err := headerOf(r)
	if err != nil {
		return "", fmt.Errorf("identify the round: %w", err)
	}
	sums := make([]check, 1)
	t.addChecks(sums, make([]int, 1))
	return newID(r.Start, mix(textSum(header), uint64(sums[0]))), nil
}
