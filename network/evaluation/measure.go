package evaluation

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"math/big"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/claimshare/claimshare/crypto/pre"
	"github.com/consensys/gnark-crypto/ecc/bn254"
	"github.com/consensys/gnark-crypto/ecc/bn254/fp"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
)

// RecordSize is the size in bytes of the record that ClaimShare is measured
// with, Label its label.
const (
	RecordSize = 1024
	Label      = "repair/2026"
)

// Names of the measurements.
const (
	NameM       = "M"
	NameE       = "E"
	NameP       = "P"
	NameM2      = "multiplication in G2"
	NameFp      = "exponentiation in F_p"
	scopedNames = "scoped: "
	paperNames  = "paper mode: "
)

// Timing is the time of one operation in microseconds: the median of samples,
// and the quartiles.
type Timing struct {
	Name, What                 string
	Median, Quarter1, Quarter3 float64
	Samples                    int
}

// Fact is a line about where the timings were taken.
type Fact struct{ Name, Value string }

// Measurements are all that does not follow from formulas.
type Measurements struct {
	Facts   []Fact
	Timings []Timing
}

// ms finds a timing, in ms.
func (m *Measurements) ms(name string) (float64, error) {
	for _, t := range m.Timings {
		if t.Name == name {
			return t.Median / 1000, nil
		}
	}
	return 0, fmt.Errorf("evaluation: the measurements have no %q", name)
}

// Unrest is the widest distance between the quartiles of a timing, as a part of
// its median. On a machine that does nothing else it is below a tenth.
func (m *Measurements) Unrest() float64 {
	widest := 0.0
	for _, t := range m.Timings {
		widest = max(widest, (t.Quarter3-t.Quarter1)/t.Median)
	}
	return widest
}

type operation struct {
	name, what string
	run        func() error
}

// Measure times every operation on one core. The operations take turns, so that
// whatever else the machine does falls on all of them.
func Measure(rounds int, sample time.Duration) (*Measurements, error) {
	operations, err := primitives()
	if err != nil {
		return nil, err
	}
	for _, add := range []func() ([]operation, error){scoped, paperMode} {
		more, err := add()
		if err != nil {
			return nil, err
		}
		operations = append(operations, more...)
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	iterations := make([]int, len(operations))
	for i, o := range operations {
		start, n := time.Now(), 0
		for ; n == 0 || time.Since(start) < 4*sample; n++ {
			if err := o.run(); err != nil {
				return nil, fmt.Errorf("evaluation: %s: %w", o.name, err)
			}
		}
		iterations[i] = max(1, n/4)
	}
	samples := make([][]float64, len(operations))
	for range rounds {
		for i, o := range operations {
			start := time.Now()
			for range iterations[i] {
				_ = o.run()
			}
			samples[i] = append(samples[i], float64(time.Since(start).Nanoseconds())/1000/float64(iterations[i]))
		}
	}
	m := &Measurements{Facts: facts()}
	for i, o := range operations {
		s := samples[i]
		slices.Sort(s)
		m.Timings = append(m.Timings, Timing{o.name, o.what, round(s[len(s)/2]), round(s[len(s)/4]), round(s[len(s)*3/4]), len(s)})
	}
	return m, nil
}

// round keeps what the CSV file keeps, so that reading it back changes nothing.
func round(us float64) float64 {
	v, _ := strconv.ParseFloat(strconv.FormatFloat(us, 'f', 2, 64), 64)
	return v
}

func facts() []Fact {
	list := []Fact{
		{"date", time.Now().UTC().Format(time.DateOnly)},
		{"processor", processor()},
		{"system", runtime.GOOS + "/" + runtime.GOARCH},
		{"go", runtime.Version()},
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, d := range info.Deps {
			if d.Path == "github.com/consensys/gnark-crypto" {
				list = append(list, Fact{"gnark-crypto", d.Version})
			}
		}
	}
	return list
}

func processor() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return "unknown"
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if name, value, ok := strings.Cut(s.Text(), ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

// primitives are M, E and P with arguments that nothing was precomputed for.
func primitives() ([]operation, error) {
	var scalars [3]fr.Element
	for i := range scalars {
		if _, err := scalars[i].SetRandom(); err != nil {
			return nil, err
		}
	}
	var s, t, u big.Int
	scalars[0].BigInt(&s)
	scalars[1].BigInt(&t)
	scalars[2].BigInt(&u)
	var g1, p bn254.G1Affine
	var g2, q bn254.G2Affine
	_, _, g1, g2 = bn254.Generators()
	g1.ScalarMultiplication(&g1, &t)
	g2.ScalarMultiplication(&g2, &u)
	gt, err := bn254.Pair([]bn254.G1Affine{g1}, []bn254.G2Affine{g2})
	if err != nil {
		return nil, err
	}
	var power bn254.GT
	var base, result fp.Element
	if _, err := base.SetRandom(); err != nil {
		return nil, err
	}
	return []operation{
		{NameM, "multiplication of a point of G1 by a scalar", func() error { p.ScalarMultiplication(&g1, &s); return nil }},
		{NameE, "exponentiation in GT, the subgroup of order r of F_p^12", func() error { power.ExpGLV(gt, &s); return nil }},
		{NameP, "pairing", func() error {
			_, err := bn254.Pair([]bn254.G1Affine{g1}, []bn254.G2Affine{g2})
			return err
		}},
		{NameM2, "for information", func() error { q.ScalarMultiplication(&g2, &s); return nil }},
		{NameFp, "for information: 254 bits, no group for cryptography", func() error { result.Exp(base, &s); return nil }},
	}, nil
}

// deployment is what both modes share.
type deployment struct {
	params *pre.Parameters
	master *pre.MasterKey
	info   pre.RecordInfo
	plain  []byte
}

func deploy() (*deployment, error) {
	master, err := pre.GenerateMasterKey()
	if err != nil {
		return nil, err
	}
	params, err := pre.NewParameters("evaluation", master.PublicKey())
	if err != nil {
		return nil, err
	}
	params.Warm(Label)
	d := &deployment{params: params, master: master, info: pre.RecordInfo{Kind: 2, OwnerPID: "owner", IssuerPID: "issuer"}, plain: make([]byte, RecordSize)}
	_, err = rand.Read(d.plain)
	return d, err
}

func (d *deployment) seal(to pre.PublicKey, label string) (*pre.Capsule, []byte, error) {
	var payload bytes.Buffer
	capsule, err := d.params.Seal(to, label, d.info, &payload, bytes.NewReader(d.plain))
	return capsule, payload.Bytes(), err
}

// stages are the four columns of table 2 as ClaimShare does them: Seal; Open;
// Verify and Reencrypt; OpenReencrypted. Keys, capsules and tokens are decoded.
func stages(prefix string, runs [4]func() error) []operation {
	what := [4]string{
		"seal a record of 1 KiB", "the owner checks and opens it",
		"the proxy checks the capsule and re-encrypts it", "the receiver checks and opens it",
	}
	var list []operation
	for i, run := range runs {
		list = append(list, operation{prefix + Stages[i], what[i], run})
	}
	return list
}

func scoped() ([]operation, error) {
	s, err := newScopedShare()
	if err != nil {
		return nil, err
	}
	delegation := pre.Delegation{Delegator: s.owner.PublicKey(), Consent: s.consent, Commitment: s.token.Commitment(s.params)}
	verified, err := s.token.Verify(s.params, delegation.Commitment)
	if err != nil {
		return nil, err
	}
	return stages(scopedNames, [4]func() error{
		func() error { _, _, err := s.seal(s.owner.PublicKey(), Label); return err },
		func() error {
			return s.owner.Open(s.params, s.capsule, s.info, io.Discard, bytes.NewReader(s.payload))
		},
		func() error {
			capsule, err := s.capsule.Verify(s.params, s.owner.PublicKey())
			if err != nil {
				return err
			}
			_, err = pre.Reencrypt(verified, capsule)
			return err
		},
		func() error {
			return s.receiver.OpenReencrypted(s.params, delegation, nil, s.reencrypted, s.info, io.Discard, bytes.NewReader(s.payload))
		},
	}), nil
}

func paperMode() ([]operation, error) {
	s, err := newPaperShare()
	if err != nil {
		return nil, err
	}
	return stages(paperNames, [4]func() error{
		func() error { _, _, err := s.seal(s.owner.PublicKey(), ""); return err },
		func() error {
			return s.owner.Open(s.params, s.capsule, s.info, io.Discard, bytes.NewReader(s.payload))
		},
		func() error {
			capsule, err := s.capsule.Verify(s.params, s.owner.PublicKey())
			if err != nil {
				return err
			}
			_, err = s.rk.Reencrypt(capsule)
			return err
		},
		func() error {
			return s.receiver.OpenReencrypted(s.params, s.owner.PublicKey(), s.reencrypted, s.info, io.Discard, bytes.NewReader(s.payload))
		},
	}), nil
}
