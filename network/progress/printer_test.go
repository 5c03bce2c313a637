package progress

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPrinterMarksHowPhasesEnd(t *testing.T) {
	var out strings.Builder
	show := Printer(&out)
	for state, want := range map[State]string{
		Done: `^  ok  start the peers +0s  five\n$`, Failed: `^  NO  start the peers +0s  five\n$`, Stopped: `^  --  start the peers +0s  stopped\n$`,
	} {
		out.Reset()
		show(Event{Phase: "start the peers", State: state, Detail: "five"})
		require.Regexp(t, want, out.String())
	}
}
