package fiction

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"time"
)

// seed names the whole data set. Another seed makes other people.
const seed = "claimshare data set 1"

// random is a stream of choices. It uses ChaCha8, whose output is specified,
// and its own reduction of it: the methods of rand.Rand may change.
type random struct{ source *rand.ChaCha8 }

// randomFor gives each subject its own stream, so that a change to one leaves
// all others as they are.
func randomFor(subject string, number int) *random {
	return &random{rand.NewChaCha8(sha256.Sum256(fmt.Appendf(nil, "%s/%s/%d", seed, subject, number)))}
}

// below returns 0 to n-1.
func (r *random) below(n int) int { return int(r.source.Uint64() % uint64(n)) }

// between returns low to high, both included.
func (r *random) between(low, high int) int { return low + r.below(high-low+1) }

// percent is true p times in a hundred.
func (r *random) percent(p int) bool { return r.below(100) < p }

// around returns n, give or take up to p percent.
func (r *random) around(n, p int) int { return n * (100*10 + r.between(-p*10, p*10)) / 1000 }

func pick[T any](r *random, list []T) T { return list[r.below(len(list))] }

// digits writes a number of n digits, leading zeros included.
func (r *random) digits(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte('0' + r.below(10))
	}
	return string(b)
}

// letters writes n capital letters that cannot be taken for digits.
func (r *random) letters(n int) string {
	const alphabet = "ABCDEFGHJKLMNPRSTUVWXYZ"
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[r.below(len(alphabet))]
	}
	return string(b)
}

// dayBetween returns a day from first to last, both included.
func (r *random) dayBetween(first, last time.Time) time.Time {
	return first.AddDate(0, 0, r.below(int(last.Sub(first).Hours()/24)+1))
}

// fill replaces '#' by a digit and '@' by a letter.
func (r *random) fill(pattern string) string {
	b := []byte(pattern)
	for i, c := range b {
		switch c {
		case '#':
			b[i] = r.digits(1)[0]
		case '@':
			b[i] = r.letters(1)[0]
		}
	}
	return string(b)
}

func date(year int, month time.Month, day int) time.Time {
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}
