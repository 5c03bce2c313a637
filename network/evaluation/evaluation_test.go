package evaluation_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/claimshare/claimshare/network/evaluation"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const docs = "../../docs"

// The published numbers, typed from the paper, follow from the published
// formulas, but for one.
func TestPublishedTables(t *testing.T) {
	units := evaluation.Units{M: 2.38, E: 5.31, P: 20.04}
	require.Equal(t, units, evaluation.PublishedUnits)
	for i, want := range []struct {
		formulas [4]string
		ms       [4]float64
		traffic  string
		bytes    map[int]int // by users
	}{
		{
			[4]string{"2M + 1E + 2P", "1M + 3P", "1P", "1M + 4P"},
			[4]float64{50.15, 62.50, 20.04, 82.54}, // the paper prints 50.87
			"8|G1| + 4|Zp| + 1|x| + 1|ID| + 3k + 2l",
			map[int]int{1: 8*65 + 4*128 + 20 + 1 + 3*64 + 2*64, 2: 1373, 10: 1373},
		},
		{
			[4]string{"2M + 3P", "1M + 4P", "1P", "1M + 5P"},
			[4]float64{64.88, 82.54, 20.04, 102.58},
			"(n+3)|G1| + (n+2)|Zp| + 1|x| + 4|ID| + 2k + 2l",
			map[int]int{1: 924, 2: 924 + 193, 4: 1503},
		},
		{
			[4]string{"3M + 2P", "1M + 3P", "2P", "1M + 5P"},
			[4]float64{47.22, 62.50, 40.08, 102.58},
			"(n+5)|G1| + 5|Zp| + 1|x| + 2|ID| + 2k + 1l",
			map[int]int{1: 1244, 2: 1309, 3: 1374},
		},
	} {
		s := evaluation.Schemes[i]
		for k, c := range s.Costs {
			assert.Equal(t, want.formulas[k], c.String())
			assert.InDelta(t, want.ms[k], c.Time(units), 1e-9, "%s %s", s.Name, evaluation.Stages[k])
		}
		assert.Equal(t, want.traffic, s.Traffic.String())
		for n, bytes := range want.bytes {
			assert.Equal(t, bytes, s.Traffic.Bytes(n, evaluation.PublishedElements), "%s, %d users", s.Name, n)
		}
	}
	assert.Equal(t, "4M + 1E + 10P", evaluation.Schemes[0].Total().String())
	assert.InDelta(t, 215.23, evaluation.Schemes[0].Total().Time(units), 1e-9)
	assert.InDelta(t, 270.04, evaluation.Schemes[1].Total().Time(units), 1e-9)
	assert.InDelta(t, 252.38, evaluation.Schemes[2].Total().Time(units), 1e-9)
}

// What does not add up in section 5, all of it and nothing else.
func TestWhatDoesNotAddUp(t *testing.T) {
	var wrong []string
	for _, c := range evaluation.Checks() {
		if !c.Holds {
			wrong = append(wrong, c.Says+" -> "+c.Gives)
		}
	}
	assert.Equal(t, []string{
		"table 2, [22], Encrypt: 2M + 1E + 2P = 50.87 ms -> 50.15 ms",
		"the paper's decryption takes less time than the other two -> 62.50 ms; [22] 62.50, [23] 82.54",
		"the paper's re-decryption takes more time than the other two -> 102.58 ms; [22] 82.54, [23] 102.58",
		"the paper performs better than both (section 6): its total time is below [22] -> 17.3% above (252.38 and 215.23 ms)",
		"the paper's communication cost is 10% below [22] -> 9.4% for one user; from 3 users on it is above [22]",
		"[23] sends less than the paper only for a single user -> up to 3 users",
		"figure 7: [23] is the highest -> from 4 users on; for one user it is the lowest",
		"figure 6: [22] and the paper grow much more slowly than [23] -> by table 2, 215.23 and 252.38 against 270.04 ms a user: [23] is 1.07 times the paper",
	}, wrong)
}

// The committed files are what the formulas, the encodings and the committed
// timings give today. If not: make evaluation.
func TestCommittedFiles(t *testing.T) {
	read := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join(docs, name))
		require.NoError(t, err, "make evaluation writes it")
		return b
	}
	m, err := evaluation.Parse(read("evaluation/measurements.csv"), read("evaluation/environment.csv"))
	require.NoError(t, err)
	files, err := evaluation.Files(m)
	require.NoError(t, err)
	for name, content := range files {
		if strings.HasSuffix(name, ".svg") && runtime.GOARCH != "amd64" {
			continue // another processor may round a coordinate otherwise
		}
		assert.True(t, string(content) == string(read(name)), "docs/%s is not what the formulas give: make evaluation", name)
	}
	committed, err := os.ReadDir(filepath.Join(docs, "evaluation"))
	require.NoError(t, err)
	for _, f := range committed {
		assert.Contains(t, files, "evaluation/"+f.Name(), "nothing makes this file")
	}
}

// The sizes of C1 to C5 add up to the capsule that is really sent.
func TestOwnElements(t *testing.T) {
	messages, err := evaluation.Messages()
	require.NoError(t, err)
	const header, c1 = 39, 64
	e := evaluation.OwnElements
	for _, m := range messages {
		if m.What == "capsule, to the system manager" {
			assert.Equal(t, header+c1+2*e.G1+e.K+e.L, m.Paper)
			assert.Equal(t, m.Paper+len(evaluation.Label), m.Scoped)
			return
		}
	}
	t.Fatal("no message is a capsule")
}

// Every operation runs, and what is measured is enough to draw everything.
func TestMeasure(t *testing.T) {
	m, err := evaluation.Measure(1, time.Microsecond)
	require.NoError(t, err)
	for _, timing := range m.Timings {
		assert.Positive(t, timing.Median, timing.Name)
	}
	files, err := evaluation.Files(m)
	require.NoError(t, err)
	again, err := evaluation.Parse(files["evaluation/measurements.csv"], files["evaluation/environment.csv"])
	require.NoError(t, err)
	assert.Equal(t, m, again)
	_, err = evaluation.Files(&evaluation.Measurements{})
	assert.ErrorContains(t, err, `no "M"`)
	_, err = evaluation.Parse([]byte("a,b,c,d,e,f\nM,x,fast,1,1,1\n"), []byte("what,value\n"))
	assert.Error(t, err)
}
