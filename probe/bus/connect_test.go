package bus

import (
	"context"
	"errors"
	"testing"
)

// TestAQuestionIsAskedAgain, which a server took with it when it died.
func TestAQuestionIsAskedAgain(t *testing.T) {
	t.Parallel()
	asked := 0
	err := ask(t.Context(), func(ctx context.Context) error {
		if asked++; asked == 1 {
			<-ctx.Done()
			return ctx.Err()
		}
		return nil
	})
	if err != nil || asked != 2 {
		t.Errorf("asked %d times: %v", asked, err)
	}

	refused := errors.New("refused")
	if err := ask(t.Context(), func(context.Context) error { asked++; return refused }); err != refused || asked != 3 {
		t.Errorf("a refusal, asked %d times in all: %v", asked, err)
	}

	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := ask(gone, func(ctx context.Context) error { return ctx.Err() }); !errors.Is(err, context.Canceled) {
		t.Errorf("nobody waits for it: %v", err)
	}
}
