package bls

import (
	"fmt"
	"testing"
)

func BenchmarkSign(b *testing.B) {
	sk := key(b, "bench")
	for range b.N {
		sk.Sign(RoleOwner, paramsID)
	}
}

func BenchmarkVerify(b *testing.B) {
	sk := key(b, "bench")
	sig := sk.Sign(RoleOwner, paramsID)
	b.ResetTimer()
	for range b.N {
		_ = Verify(sk.PublicKey(), RoleOwner, paramsID, sig)
	}
}

// Forty signatures as twenty records of twenty owners and one issuer have them.
func BenchmarkVerifyBatch(b *testing.B) {
	for _, shape := range []struct{ signatures, signers int }{{20, 1}, {40, 21}} {
		b.Run(fmt.Sprintf("%d-signatures-%d-signers", shape.signatures, shape.signers), func(b *testing.B) {
			items := batchOf(b, shape.signatures, shape.signers)
			b.ResetTimer()
			for range b.N {
				_, _ = VerifyBatch(paramsID, items, 8)
			}
		})
	}
}
