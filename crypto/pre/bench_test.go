package pre

import (
	"bytes"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
)

// Benchmarks take decoded inputs and a label whose bases are warm; decoding and
// the first use of a label are reported apart. Sizes are metrics of their own.

func BenchmarkSeal(b *testing.B) {
	w := newWorld(b, "bench")
	w.p.Warm("r")
	for _, size := range []int{1 << 10, 1 << 20} {
		b.Run(sizeName(size), func(b *testing.B) {
			plain := make([]byte, size)
			w.seal(b, "r", plain)
			b.SetBytes(int64(size))
			var c *Capsule
			b.ResetTimer()
			for range b.N {
				c, _ = w.p.Seal(w.owner.PublicKey(), "r", w.info, io.Discard, bytes.NewReader(plain))
			}
			b.ReportMetric(float64(len(c.Bytes())), "capsule-bytes")
			b.ReportMetric(float64(c.Payload().Size)-float64(size), "payload-overhead-bytes")
		})
	}
}

func sizeName(n int) string {
	if n == 1<<20 {
		return "1MiB"
	}
	return "1KiB"
}

func BenchmarkVerify(b *testing.B) {
	w := newWorld(b, "bench")
	c, _ := w.seal(b, "r", nil)
	key := w.owner.PublicKey()
	b.ResetTimer()
	for range b.N {
		_, _ = c.Verify(w.p, key)
	}
}

func BenchmarkOpen(b *testing.B) {
	w := newWorld(b, "bench")
	c, payload := w.seal(b, "r", make([]byte, 1024))
	b.ResetTimer()
	for range b.N {
		_ = w.owner.Open(w.p, c, w.info, io.Discard, bytes.NewReader(payload))
	}
}

func BenchmarkDelegateReencryption(b *testing.B) {
	w := newWorld(b, "bench")
	receiver := w.insurer.PublicKey()
	var t *Token
	b.ResetTimer()
	for range b.N {
		t, _ = w.owner.DelegateReencryption(w.p, "r", w.consent, receiver)
	}
	b.ReportMetric(float64(len(t.Bytes())), "token-bytes")
}

func BenchmarkReencrypt(b *testing.B) {
	w := newWorld(b, "bench")
	c, payload := w.seal(b, "r", make([]byte, 1024))
	token, err := w.owner.DelegateReencryption(w.p, "r", w.consent, w.insurer.PublicKey())
	require.NoError(b, err)
	vt, err := token.Verify(w.p, token.Commitment(w.p))
	require.NoError(b, err)
	vc, err := c.Verify(w.p, w.owner.PublicKey())
	require.NoError(b, err)
	rc, err := Reencrypt(vt, vc)
	require.NoError(b, err)
	b.Run("verify-and-reencrypt", func(b *testing.B) {
		b.ResetTimer()
		for range b.N {
			vc, _ := c.Verify(w.p, w.owner.PublicKey())
			_, _ = Reencrypt(vt, vc)
		}
		b.ReportMetric(float64(len(rc.Bytes())-len(c.Bytes())), "added-bytes")
	})
	b.Run("open-reencrypted", func(b *testing.B) {
		d := Delegation{Delegator: w.owner.PublicKey(), Consent: w.consent, Commitment: token.Commitment(w.p)}
		b.ResetTimer()
		for range b.N {
			_ = w.insurer.OpenReencrypted(w.p, d, nil, rc, w.info, io.Discard, bytes.NewReader(payload))
		}
	})
}

func BenchmarkSearchTest(b *testing.B) {
	w := newWorld(b, "bench")
	c, _ := w.seal(b, "r", nil)
	token, err := w.owner.DelegateSearch(w.p, "r", w.consent)
	require.NoError(b, err)
	trapdoor, err := w.master.OpenTrapdoor(w.p, token, token.Commitment(w.p))
	require.NoError(b, err)
	b.ResetTimer()
	for range b.N {
		trapdoor.Test(c)
	}
}

func BenchmarkFirstUseOfLabel(b *testing.B) {
	w := newWorld(b, "bench")
	b.ResetTimer()
	for range b.N {
		w.p.bases.Purge()
		base := w.p.base("r")
		base.payloadGT()
		base.searchGT()
	}
}

func BenchmarkParseCapsule(b *testing.B) {
	w := newWorld(b, "bench")
	c, _ := w.seal(b, "r", nil)
	encoded := c.Bytes()
	b.ResetTimer()
	for range b.N {
		_, _ = ParseCapsule(encoded)
	}
}
