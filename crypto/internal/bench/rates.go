package main

import (
	"bytes"
	"compress/gzip"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"fmt"
	"io"
	"runtime"
	"runtime/pprof"
	"sync"
	"time"

	"github.com/claimshare/claimshare/crypto/internal/curve"
	"github.com/claimshare/claimshare/crypto/pre"
)

// printSearch compares the search test in a batch with bare pairings, on one
// core and on two, by the wall clock.
func (w *world) printSearch(batch int) error {
	const rounds = 15
	part := batch / 10
	capsules := make([]*pre.Capsule, batch)
	for i := range capsules {
		c, err := pre.ParseCapsule(w.capsule.Bytes())
		if err != nil {
			return err
		}
		capsules[i] = c
	}
	p, fixed := curve.HashToG1([]byte("p"), "bench"), curve.NewFixedG2(curve.HashToG2([]byte("q"), "bench"))
	search := func(from, to int) { w.trapdoor.Search(capsules[from:to]) }
	bare := func(from, to int) { curve.Parallel(to-from, func(int) { fixed.Pair(&p) }) }

	// One core: the batch in small parts, each beside as many bare pairings, so
	// that what slows one slows the other.
	runtime.GOMAXPROCS(1)
	runtime.LockOSThread()
	step := max(1, batch/100)
	var one, oneBare []time.Duration
	var ratios []float64
	for from := 0; from+step <= batch; from += step {
		start := now()
		search(from, from+step)
		middle := now()
		bare(from, from+step)
		searched, paired := middle-start, now()-middle
		one, oneBare = append(one, searched/time.Duration(step)), append(oneBare, paired/time.Duration(step))
		ratios = append(ratios, float64(searched)/float64(paired))
	}
	runtime.UnlockOSThread()
	ratio := median(ratios)
	fmt.Fprintf(out, "\n### Search in a batch of %d capsules\n\n", batch)
	fmt.Fprintf(out, "One core, medians of %d parts of the batch: %s µs a capsule, %s µs a bare pairing with precomputed lines, ratio %.2f (at most 1.10%s).\n",
		len(ratios), micro(median(one)), micro(median(oneBare)), ratio, missed(ratio > 1.1))
	if runtime.NumCPU() < 2 {
		return nil
	}
	var scaling, bareScaling []float64
	for range rounds {
		times := map[string]float64{}
		for _, cores := range []int{1, 2} {
			runtime.GOMAXPROCS(cores)
			for name, run := range map[string]func(int, int){"search": search, "bare": bare} {
				start := time.Now()
				run(0, part)
				times[fmt.Sprint(name, cores)] = time.Since(start).Seconds()
			}
		}
		scaling = append(scaling, times["search1"]/times["search2"])
		bareScaling = append(bareScaling, times["bare1"]/times["bare2"])
	}
	got := median(scaling) / median(bareScaling)
	fmt.Fprintf(out, "\nTwo cores, wall clock, medians of %d rounds of %d: search %.2f times as fast as on one core, bare pairings %.2f times; %.2f of their scaling (at least 0.90%s).\n",
		rounds, part, median(scaling), median(bareScaling), got, missed(got < 0.9))
	return nil
}

// zeros is a reader of so many zero bytes.
type zeros int64

func (z *zeros) Read(p []byte) (int, error) {
	if *z == 0 {
		return 0, io.EOF
	}
	n := min(int64(len(p)), int64(*z))
	*z -= zeros(n)
	return int(n), nil
}

// printLargeSeal compares sealing with AES-256-GCM followed by SHA-256 over the
// same segments.
func (w *world) printLargeSeal(size int64) error {
	const segment = 64 << 10
	block, err := aes.NewCipher(make([]byte, 32))
	if err != nil {
		return err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return err
	}
	runtime.GOMAXPROCS(1)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var seal, bare []float64
	var allocated uint64
	for range 3 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		source := zeros(size)
		start := now()
		if _, err := w.p.Seal(w.ownerKey, label, w.info, io.Discard, &source); err != nil {
			return err
		}
		seal = append(seal, float64(size)/(now()-start).Seconds())
		runtime.ReadMemStats(&after)
		allocated = after.TotalAlloc - before.TotalAlloc

		plain, sealed, nonce, hash := make([]byte, segment), make([]byte, 0, segment+16), make([]byte, 12), sha256.New()
		start = now()
		for range size / segment {
			_, _ = hash.Write(aead.Seal(sealed, nonce, plain, nil))
		}
		hash.Sum(nil)
		bare = append(bare, float64(size)/(now()-start).Seconds())
	}
	ratio := median(seal) / median(bare)
	fmt.Fprintf(out, "\n### A large record\n\nSeal %d MiB: %.0f MB/s; AES-256-GCM followed by SHA-256 over the same segments: %.0f MB/s; %.2f of it (at least 0.75%s). Allocated in all, for the whole record: %.0f KiB.\n",
		size>>20, median(seal)/1e6, median(bare)/1e6, ratio, missed(ratio < 0.75), float64(allocated)/1024)
	return nil
}

// printProfile looks for pairings in a processor profile of encryption.
func (w *world) printProfile(length time.Duration) error {
	var profile bytes.Buffer
	if err := pprof.StartCPUProfile(&profile); err != nil {
		return err
	}
	for start := time.Now(); time.Since(start) < length; {
		w.sealTo(w.ownerKey)
	}
	pprof.StopCPUProfile()
	unzipped, err := gzip.NewReader(&profile)
	if err != nil {
		return err
	}
	names, err := io.ReadAll(unzipped)
	if err != nil {
		return err
	}
	found := []string{}
	for _, name := range []string{"MillerLoop", "FinalExponentiation", "PairFixedQ"} {
		if bytes.Contains(names, []byte(name)) {
			found = append(found, name)
		}
	}
	if !bytes.Contains(names, []byte("Parameters).Seal")) {
		return fmt.Errorf("the profile of encryption does not show what encryption does")
	}
	fmt.Fprintf(out, "\nPairing functions in a processor profile of encryption: %d%s.\n", len(found), missed(len(found) > 0))
	return nil
}

// printThroughput runs operations on all cores at once.
func (w *world) printThroughput(operations []*timed, cores int, length time.Duration) {
	runtime.GOMAXPROCS(cores)
	fmt.Fprintf(out, "\n### All %d cores, wall clock\n\n| operation | per second |\n|---|---:|\n", cores)
	for _, t := range operations {
		if t.lower == nil {
			continue
		}
		fmt.Fprintf(out, "| %s | %.0f |\n", t.name, throughput(t.run, cores, length))
	}
}

func throughput(run func(), cores int, length time.Duration) float64 {
	counts := make([]int, cores)
	var wg sync.WaitGroup
	start := time.Now()
	for core := range cores {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for time.Since(start) < length {
				run()
				counts[core]++
			}
		}()
	}
	wg.Wait()
	total := 0
	for _, n := range counts {
		total += n
	}
	return float64(total) / time.Since(start).Seconds()
}

func (w *world) printSizes() error {
	possession, err := w.owner.ProvePossession(w.p.ID(), "pid", "msp")
	if err != nil {
		return err
	}
	capsule := len(w.capsule.Bytes())
	sizes := []struct {
		name string
		n    int
	}{
		{"system parameters, without the system's name", len(w.p.Bytes()) - len(w.p.SystemName())},
		{"encryption key", len(w.ownerKey.Bytes())},
		{"signature key", len(w.signer.PublicKey().Bytes())},
		{"signature", len(w.signature)},
		{"proof of possession of an encryption key", len(possession)},
		{"capsule, without its label", capsule - len(label)},
		{"re-encrypted capsule: beyond the capsule", len(w.reencrypted.Bytes()) - capsule},
		{"delegation token, without its label", len(w.token.Bytes()) - len(label)},
		{"commitment to a token", len(w.delegation.Commitment)},
		{"proof of re-encryption", len(w.proof.Bytes())},
		{"opening of one record", len(w.opening.Bytes())},
		{"payload of 1 KiB: beyond the record", len(w.payload) - len(w.record)},
		{"payload of 1 GiB: beyond the record", int(pre.SealedSize(1<<30) - 1<<30)},
	}
	fmt.Fprintf(out, "\n### Sizes\n\n| what | bytes |\n|---|---:|\n")
	for _, s := range sizes {
		fmt.Fprintf(out, "| %s | %d |\n", s.name, s.n)
	}
	return nil
}
