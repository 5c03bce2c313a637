package pre

import (
	"fmt"
	"io"

	"github.com/claimshare/claimshare/crypto/internal/curve"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
)

// Paper mode is the paper's bidirectional re-encryption (section 3.6, steps 3
// and 6): rk = x_i/x_n, C2' = C2^rk. The paper has owner and receiver send
// their private keys to whoever computes rk. Here the three make it by a
// blinded exchange, each message over a confidential, authenticated channel:
//
//	owner -> proxy     t                 PaperBlinding
//	owner -> receiver  τ = t / x_n       PaperChallenge
//	receiver -> proxy  z = x_i τ         PaperResponse
//	proxy              rk = z / t, checked: PK_n^rk = PK_i
//
// What it gives away, by the nature of rk: proxy and receiver together compute
// the owner's secret key; rk covers all of the owner's capsules, whatever their
// subject; rk works backwards; two rks compose. Therefore a paper-mode pair is
// made for one relationship of one owner and one receiver and used for nothing
// else, and its type cannot be mixed with scoped keys.

// PaperBlinding is t, from the owner to the proxy: 32 bytes, secret, used once.
type PaperBlinding struct{ t fr.Element }

// PaperChallenge is τ = t/x_n, from the owner to the receiver: 32 bytes,
// secret, used once. Together with t it is the owner's key.
type PaperChallenge struct{ tau fr.Element }

// PaperResponse is z = x_i τ, from the receiver to the proxy: 32 bytes, secret.
type PaperResponse struct{ z fr.Element }

// PaperReencryptionKey is rk = x_i/x_n, held by the proxy alone.
type PaperReencryptionKey struct {
	rk              fr.Element
	owner, receiver publicKey
}

// StartRekey is the owner's part: two messages with a fresh t.
func (k *PaperSecretKey) StartRekey() (*PaperBlinding, *PaperChallenge, error) {
	return k.startRekey(nil)
}

func (k *PaperSecretKey) startRekey(entropy io.Reader) (*PaperBlinding, *PaperChallenge, error) {
	t, err := curve.RandomScalar(entropy)
	if err != nil {
		return nil, nil, fmt.Errorf("pre: start re-key: %w", err)
	}
	inv := k.inverse()
	var tau fr.Element
	tau.Mul(&t, &inv)
	return &PaperBlinding{t}, &PaperChallenge{tau}, nil
}

// AnswerRekey is the receiver's part.
func (k *PaperSecretKey) AnswerRekey(c *PaperChallenge) *PaperResponse {
	var z fr.Element
	z.Mul(&k.x, &c.tau)
	return &PaperResponse{z}
}

// FinishRekey is the proxy's part. It returns [ErrRekey] if the two messages do
// not make the key that turns owner's into receiver's.
func FinishRekey(owner, receiver *PaperPublicKey, b *PaperBlinding, r *PaperResponse) (*PaperReencryptionKey, error) {
	var rk fr.Element
	rk.Inverse(&b.t)
	rk.Mul(&rk, &r.z)
	return checkRekey(owner, receiver, rk)
}

func checkRekey(owner, receiver *PaperPublicKey, rk fr.Element) (*PaperReencryptionKey, error) {
	if got := curve.MulG1(&owner.point, &rk); !curve.ValidG1(&got) || !got.Equal(&receiver.point) {
		return nil, ErrRekey
	}
	return &PaperReencryptionKey{rk: rk, owner: owner.publicKey, receiver: receiver.publicKey}, nil
}

// Reencrypt replaces C2 = PK_n^r by C2' = PK_i^r in a verified capsule of the
// owner. The record digest does not change. It returns [ErrToken] for another
// owner's capsule.
func (rk *PaperReencryptionKey) Reencrypt(v *VerifiedCapsule) (*Capsule, error) {
	if v.key.Mode() != ModePaper || v.key.key().bytes != rk.owner.bytes {
		return nil, ErrToken
	}
	out := *v.capsule
	out.c2 = curve.MulG1(&v.capsule.c2, &rk.rk)
	return &out, nil
}

// OpenReencrypted decrypts a record that a proxy re-encrypted for this key in
// paper mode: K = e(C2', ĝ)^(1/x_i). sealedUnder is the owner's key, to which
// the capsule is bound. Errors are those of [PaperSecretKey.Open].
func (k *PaperSecretKey) OpenReencrypted(p *Parameters, sealedUnder *PaperPublicKey, c *Capsule, info RecordInfo, dst io.Writer, src io.Reader) error {
	return k.open(p, k.PublicKey(), sealedUnder, c, info, dst, src)
}

// Bytes is the scalar, 32 bytes.
func (b *PaperBlinding) Bytes() []byte { s := b.t.Bytes(); return s[:] }

// Bytes is the scalar, 32 bytes.
func (c *PaperChallenge) Bytes() []byte { s := c.tau.Bytes(); return s[:] }

// Bytes is the scalar, 32 bytes.
func (r *PaperResponse) Bytes() []byte { s := r.z.Bytes(); return s[:] }

// Bytes is the scalar, 32 bytes.
func (rk *PaperReencryptionKey) Bytes() []byte { s := rk.rk.Bytes(); return s[:] }

// ParsePaperBlinding decodes 32 bytes. It returns [ErrMalformed].
func ParsePaperBlinding(b []byte) (*PaperBlinding, error) {
	s, err := parseMessage(b)
	return &PaperBlinding{s}, err
}

// ParsePaperChallenge decodes 32 bytes. It returns [ErrMalformed].
func ParsePaperChallenge(b []byte) (*PaperChallenge, error) {
	s, err := parseMessage(b)
	return &PaperChallenge{s}, err
}

// ParsePaperResponse decodes 32 bytes. It returns [ErrMalformed].
func ParsePaperResponse(b []byte) (*PaperResponse, error) {
	s, err := parseMessage(b)
	return &PaperResponse{s}, err
}

// ParsePaperReencryptionKey decodes 32 bytes and checks that the key connects
// owner and receiver. It returns [ErrMalformed] or [ErrRekey].
func ParsePaperReencryptionKey(owner, receiver *PaperPublicKey, b []byte) (*PaperReencryptionKey, error) {
	s, err := parseMessage(b)
	if err != nil {
		return nil, err
	}
	return checkRekey(owner, receiver, s)
}

func parseMessage(b []byte) (fr.Element, error) {
	s, err := curve.Scalar(b)
	if err != nil {
		return s, fmt.Errorf("%w: paper-mode message", ErrMalformed)
	}
	return s, nil
}

const hidden = "pre.Paper(hidden)"

// Format hides the secret from every fmt verb.
func (b PaperBlinding) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hidden) }

// Format hides the secret from every fmt verb.
func (c PaperChallenge) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hidden) }

// Format hides the secret from every fmt verb.
func (r PaperResponse) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hidden) }

// Format hides the secret from every fmt verb.
func (rk PaperReencryptionKey) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hidden) }
