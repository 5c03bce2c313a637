package model

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// Failure is a sequence that went wrong.
type Failure struct {
	Seed  uint64   // of the sequence
	Steps []uint64 // that suffice
	Log   []string // what these steps do
	Err   error
}

func (f *Failure) Error() string {
	return fmt.Sprintf("seed %d, %d steps: %v\n%s", f.Seed, len(f.Steps), f.Err, strings.Join(f.Log, "\n"))
}

// Unwrap is what went wrong.
func (f *Failure) Unwrap() error { return f.Err }

// systemOf is one agency or, for every other seed, three of which two decide.
func systemOf(seed uint64) system {
	if seed%2 == 0 {
		return newSystem(1, 1)
	}
	return newSystem(2, 3)
}

// Play plays one sequence of so many steps. It returns a [Failure] with as few
// steps as could be found when the ledger and the model disagree.
func Play(seed uint64, steps int) (*Report, error) {
	seeds := stepSeeds(seed, steps)
	r, done, err := play(seed, seeds, nil)
	if err == nil {
		return &r.report, nil
	}
	return nil, shrink(seed, seeds[:done], err)
}

// stepSeeds are the seeds of a sequence's steps.
func stepSeeds(seed uint64, steps int) []uint64 {
	seeds := make([]uint64, steps)
	random := rand.New(rand.NewPCG(seed, 0))
	for i := range seeds {
		seeds[i] = random.Uint64()
	}
	return seeds
}

// play plays the given steps; it answers how many it came to.
func play(seed uint64, seeds []uint64, wrap wrapped) (*run, int, error) {
	r, err := newRun(seed, systemOf(seed), wrap)
	if err != nil {
		return nil, 0, err
	}
	if err := r.begin(); err != nil {
		return r, 0, err
	}
	for i, s := range seeds {
		if err := r.step(s); err != nil {
			return r, i + 1, err
		}
		if err := r.compareState(); err != nil {
			return r, i + 1, err
		}
	}
	return r, len(seeds), audit(r.ledger)
}

// shrinkTime bounds how long a failing sequence is played again.
const shrinkTime = 20 * time.Second

// shrink leaves steps out as long as the sequence still fails, first many at a
// time, then few.
func shrink(seed uint64, seeds []uint64, err error) *Failure {
	end := time.Now().Add(shrinkTime)
	for size := len(seeds) / 2; size > 0; size /= 2 {
		for at := 0; at+size <= len(seeds) && time.Now().Before(end); {
			fewer := slices.Delete(slices.Clone(seeds), at, at+size)
			if _, done, shorter := play(seed, fewer, nil); shorter != nil {
				seeds, err = fewer[:done], shorter
				continue
			}
			at += size
		}
	}
	f := &Failure{Seed: seed, Steps: seeds, Err: err}
	if r, _, again := play(seed, seeds, nil); again != nil {
		f.Err, f.Log = again, r.log
	}
	return f
}
