package pre

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"math/big"
	"testing"

	"github.com/consensys/gnark-crypto/ecc/bn254"
	"github.com/stretchr/testify/require"
)

// world is one deployment with the people of the paper.
type world struct {
	p       *Parameters
	master  *MasterKey
	owner   *ScopedSecretKey
	insurer *ScopedSecretKey
	other   *ScopedSecretKey
	info    RecordInfo
	consent [32]byte
}

func newWorld(t testing.TB, name string) *world {
	t.Helper()
	k, err := derive(sha256.Sum256([]byte("master of "+name)), "sm", "master")
	require.NoError(t, err)
	w := &world{master: &MasterKey{k}, consent: sha256.Sum256([]byte("consent"))}
	w.p, err = NewParameters(name, w.master.PublicKey())
	require.NoError(t, err)
	for i, dst := range []**ScopedSecretKey{&w.owner, &w.insurer, &w.other} {
		*dst, err = DeriveScopedKey(sha256.Sum256([]byte{byte(i)}), "pid")
		require.NoError(t, err)
	}
	w.info = RecordInfo{RecordID: [16]byte{1, 2, 3}, Kind: 2, OwnerPID: "owner-pid", IssuerPID: "shop-pid"}
	return w
}

func (w *world) seal(t testing.TB, label string, plain []byte) (*Capsule, []byte) {
	t.Helper()
	var payload bytes.Buffer
	c, err := w.p.Seal(w.owner.PublicKey(), label, w.info, &payload, bytes.NewReader(plain))
	require.NoError(t, err)
	require.Equal(t, SealedSize(uint64(len(plain))), c.Payload().Size)
	return c, payload.Bytes()
}

func (w *world) open(c *Capsule, payload []byte) ([]byte, error) {
	var out bytes.Buffer
	err := w.owner.Open(w.p, c, w.info, &out, bytes.NewReader(payload))
	return out.Bytes(), err
}

func TestOwnerOpensWhatWasSealed(t *testing.T) {
	w := newWorld(t, "sizes")
	for _, n := range []int{0, 1, 1024, payloadSegment - 1, payloadSegment, payloadSegment + 1, 3*payloadSegment + 17} {
		plain := make([]byte, n)
		_, _ = rand.Read(plain)
		c, payload := w.seal(t, "repair/2026", plain)
		require.NoError(t, c.CheckPayload(bytes.NewReader(payload)))
		got, err := w.open(c, payload)
		require.NoError(t, err)
		require.True(t, bytes.Equal(plain, got), "%d bytes", n)
	}
}

func TestCapsuleEncodingIsOneToOne(t *testing.T) {
	w := newWorld(t, "encoding")
	c, payload := w.seal(t, "repair/2026", []byte("x"))
	b := c.Bytes()
	require.Len(t, b, CapsuleOverhead+len("repair/2026"))
	again, err := ParseCapsule(b)
	require.NoError(t, err)
	require.Equal(t, b, again.Bytes())
	require.Equal(t, c.Digest(), again.Digest())
	require.Equal(t, c.FullDigest(), again.FullDigest())
	require.NotEqual(t, c.Digest(), c.FullDigest())
	_, err = w.open(again, payload)
	require.NoError(t, err)
	for _, bad := range [][]byte{nil, b[:len(b)-1], append(bytes.Clone(b), 0), b[1:]} {
		_, err := ParseCapsule(bad)
		require.ErrorIs(t, err, ErrMalformed)
	}
}

// Any flipped bit of a capsule is refused, as malformed or as invalid.
func TestEveryFlippedCapsuleBitIsRefused(t *testing.T) {
	w := newWorld(t, "flip")
	c, payload := w.seal(t, "r", []byte("record"))
	b := c.Bytes()
	step := 7 // every byte, over different bits
	for bit := 0; bit < 8*len(b); bit += step {
		bad := bytes.Clone(b)
		bad[bit/8] ^= 1 << (bit % 8)
		parsed, err := ParseCapsule(bad)
		if err != nil {
			require.ErrorIs(t, err, ErrMalformed)
			continue
		}
		out, err := w.open(parsed, payload)
		require.ErrorIs(t, err, ErrInvalidCapsule, "bit %d", bit)
		require.Empty(t, out)
	}
}

func TestPayloadErrorsAreDistinct(t *testing.T) {
	w := newWorld(t, "payload")
	plain := make([]byte, 2*payloadSegment+100)
	c, payload := w.seal(t, "r", plain)
	_, swapped := w.seal(t, "r", plain)

	flip := func(at int) []byte {
		b := bytes.Clone(payload)
		b[at] ^= 0x10
		return b
	}
	segment := payloadSegment + tagSize
	reordered := bytes.Clone(payload)
	copy(reordered[payloadHeader:], payload[payloadHeader+segment:payloadHeader+2*segment])
	copy(reordered[payloadHeader+segment:], payload[payloadHeader:payloadHeader+segment])

	for name, tc := range map[string]struct {
		payload []byte
		want    error
	}{
		"empty":                     {nil, ErrPayloadTruncated},
		"cut in the header":         {payload[:20], ErrPayloadTruncated},
		"cut in a segment":          {payload[:segment], ErrPayloadTruncated},
		"cut between segments":      {payload[:payloadHeader+segment], ErrPayloadTruncated},
		"last byte missing":         {payload[:len(payload)-1], ErrPayloadTruncated},
		"one byte more":             {append(bytes.Clone(payload), 0), ErrPayloadTrailing},
		"flipped in the magic":      {flip(0), ErrPayloadAltered},
		"flipped in first segment":  {flip(payloadHeader + 5), ErrPayloadAltered},
		"flipped in last tag":       {flip(len(payload) - 1), ErrPayloadAltered},
		"segments reordered":        {reordered, ErrPayloadAltered},
		"another record's":          {swapped, ErrPayloadMismatch},
		"flipped in the commitment": {flip(10), ErrPayloadMismatch},
	} {
		_, err := w.open(c, tc.payload)
		require.ErrorIs(t, err, tc.want, name)
		require.ErrorIs(t, c.CheckPayload(bytes.NewReader(tc.payload)), tc.want, name+", without a key")
	}
}

func TestWrongKeyAndWrongRecordAreDistinct(t *testing.T) {
	w := newWorld(t, "keys")
	c, payload := w.seal(t, "r", []byte("record"))
	err := w.other.Open(w.p, c, w.info, &bytes.Buffer{}, bytes.NewReader(payload))
	require.ErrorIs(t, err, ErrWrongKey)

	for _, change := range []func(*RecordInfo){
		func(i *RecordInfo) { i.RecordID[0]++ }, func(i *RecordInfo) { i.Kind++ },
		func(i *RecordInfo) { i.OwnerPID += "x" }, func(i *RecordInfo) { i.IssuerPID = "" },
	} {
		info := w.info
		change(&info)
		err := w.owner.Open(w.p, c, info, &bytes.Buffer{}, bytes.NewReader(payload))
		require.ErrorIs(t, err, ErrBinding)
	}
	elsewhere := newWorld(t, "another deployment")
	err = w.owner.Open(elsewhere.p, c, w.info, &bytes.Buffer{}, bytes.NewReader(payload))
	require.ErrorIs(t, err, ErrBinding)
}

func TestReencryption(t *testing.T) {
	w := newWorld(t, "reencryption")
	plain := []byte("front bumper, left headlamp")
	c, payload := w.seal(t, "repair/2026", plain)

	token, err := w.owner.DelegateReencryption(w.p, "repair/2026", w.consent, w.insurer.PublicKey())
	require.NoError(t, err)
	commitment := token.Commitment(w.p)
	onWire, err := ParseToken(token.Bytes())
	require.NoError(t, err)
	verified, err := onWire.Verify(w.p, commitment)
	require.NoError(t, err)
	vc, err := c.Verify(w.p, w.owner.PublicKey())
	require.NoError(t, err)
	rc, err := Reencrypt(verified, vc)
	require.NoError(t, err)
	rc, err = ParseReencrypted(rc.Bytes())
	require.NoError(t, err)

	d := Delegation{Delegator: w.owner.PublicKey(), Consent: w.consent, Commitment: commitment}
	var out bytes.Buffer
	require.NoError(t, w.insurer.OpenReencrypted(w.p, d, nil, rc, w.info, &out, bytes.NewReader(payload)))
	require.Equal(t, plain, out.Bytes())

	open := func(k *ScopedSecretKey, d Delegation, rc *Reencrypted) error {
		return k.OpenReencrypted(w.p, d, nil, rc, w.info, &bytes.Buffer{}, bytes.NewReader(payload))
	}
	t.Run("another receiver", func(t *testing.T) {
		require.ErrorIs(t, open(w.other, d, rc), ErrToken)
	})
	t.Run("another consent", func(t *testing.T) {
		d := d
		d.Consent[0]++
		require.ErrorIs(t, open(w.insurer, d, rc), ErrToken)
	})
	t.Run("proxy lies about A", func(t *testing.T) {
		bad := *rc
		bad.a.Square(&rc.a)
		require.ErrorIs(t, open(w.insurer, d, &bad), ErrReencryption)
		bad.a = bn254.GT{}
		require.ErrorIs(t, open(w.insurer, d, &bad), ErrReencryption)
	})
	t.Run("proxy swaps R1", func(t *testing.T) {
		bad := *rc
		bad.r1 = w.other.public.point
		require.ErrorIs(t, open(w.insurer, d, &bad), ErrToken)
	})
	t.Run("altered capsule never becomes a verified one", func(t *testing.T) {
		b := c.Bytes()
		b[len(b)-40] ^= 1 // payload size in C4
		bad, err := ParseCapsule(b)
		require.NoError(t, err)
		_, err = bad.Verify(w.p, w.owner.PublicKey())
		require.ErrorIs(t, err, ErrInvalidCapsule)
	})
	t.Run("another label", func(t *testing.T) {
		old, _ := w.seal(t, "repair/2025", plain)
		vc, err := old.Verify(w.p, w.owner.PublicKey())
		require.NoError(t, err)
		_, err = Reencrypt(verified, vc)
		require.ErrorIs(t, err, ErrToken)
	})
	t.Run("token under another commitment", func(t *testing.T) {
		fresh, err := w.owner.DelegateReencryption(w.p, "repair/2026", w.consent, w.insurer.PublicKey())
		require.NoError(t, err)
		_, err = fresh.Verify(w.p, commitment)
		require.ErrorIs(t, err, ErrToken)
	})
	t.Run("search token is no re-encryption token", func(t *testing.T) {
		search, err := w.owner.DelegateSearch(w.p, "repair/2026", w.consent)
		require.NoError(t, err)
		_, err = search.Verify(w.p, search.Commitment(w.p))
		require.ErrorIs(t, err, ErrToken)
	})
}

// A token made for one deployment is refused in another.
func TestTokensDoNotTravelBetweenDeployments(t *testing.T) {
	a, b := newWorld(t, "a"), newWorld(t, "b")
	token, err := a.owner.DelegateReencryption(a.p, "r", a.consent, a.insurer.PublicKey())
	require.NoError(t, err)
	_, err = token.Verify(b.p, token.Commitment(a.p))
	require.ErrorIs(t, err, ErrToken)
}

func TestSearch(t *testing.T) {
	w := newWorld(t, "search")
	mine, _ := w.seal(t, "repair/2026", nil)
	otherLabel, _ := w.seal(t, "repair/2025", nil)
	theirs, err := w.p.Seal(w.other.PublicKey(), "repair/2026", w.info, &bytes.Buffer{}, bytes.NewReader(nil))
	require.NoError(t, err)

	token, err := w.owner.DelegateSearch(w.p, "repair/2026", w.consent)
	require.NoError(t, err)
	token, err = ParseToken(token.Bytes())
	require.NoError(t, err)
	trapdoor, err := w.master.OpenTrapdoor(w.p, token, token.Commitment(w.p))
	require.NoError(t, err)
	require.True(t, trapdoor.Test(mine))
	require.False(t, trapdoor.Test(otherLabel))
	require.False(t, trapdoor.Test(theirs))

	_, err = w.master.OpenTrapdoor(w.p, token, [32]byte{})
	require.ErrorIs(t, err, ErrToken, "not the committed token")
	elsewhere := newWorld(t, "elsewhere")
	_, err = elsewhere.master.OpenTrapdoor(elsewhere.p, token, token.Commitment(elsewhere.p))
	require.ErrorIs(t, err, ErrToken, "another system manager")

	// A token whose R2 is not the owner's base: the commitment matches, the
	// equation does not.
	forged := *token
	forged.r2 = w.p.base("x").search
	_, err = w.master.OpenTrapdoor(w.p, &forged, forged.Commitment(w.p))
	require.ErrorIs(t, err, ErrToken)
}

func TestPaperMode(t *testing.T) {
	w := newWorld(t, "paper")
	owner, err := DerivePaperKey(sha256.Sum256([]byte("owner")), "pid")
	require.NoError(t, err)
	receiver, err := GeneratePaperKey()
	require.NoError(t, err)
	plain := []byte("one claim, as in the paper")
	var payload bytes.Buffer
	c, err := w.p.Seal(owner.PublicKey(), "", w.info, &payload, bytes.NewReader(plain))
	require.NoError(t, err)
	require.Equal(t, ModePaper, c.Mode())

	toProxy, toReceiver, err := owner.StartRekey()
	require.NoError(t, err)
	toProxy, err = ParsePaperBlinding(toProxy.Bytes())
	require.NoError(t, err)
	toReceiver, err = ParsePaperChallenge(toReceiver.Bytes())
	require.NoError(t, err)
	answer, err := ParsePaperResponse(receiver.AnswerRekey(toReceiver).Bytes())
	require.NoError(t, err)
	rk, err := FinishRekey(owner.PublicKey(), receiver.PublicKey(), toProxy, answer)
	require.NoError(t, err)
	rk, err = ParsePaperReencryptionKey(owner.PublicKey(), receiver.PublicKey(), rk.Bytes())
	require.NoError(t, err)

	vc, err := c.Verify(w.p, owner.PublicKey())
	require.NoError(t, err)
	c2, err := rk.Reencrypt(vc)
	require.NoError(t, err)
	require.Equal(t, c.Digest(), c2.Digest(), "the ledger's digest stays good")
	require.NotEqual(t, c.FullDigest(), c2.FullDigest())

	var out bytes.Buffer
	require.NoError(t, receiver.OpenReencrypted(w.p, owner.PublicKey(), c2, w.info, &out, bytes.NewReader(payload.Bytes())))
	require.Equal(t, plain, out.Bytes())
	out.Reset()
	require.NoError(t, owner.Open(w.p, c, w.info, &out, bytes.NewReader(payload.Bytes())))
	require.Equal(t, plain, out.Bytes())

	search, err := owner.DelegateSearch(w.p, w.consent)
	require.NoError(t, err)
	search, err = ParseToken(search.Bytes())
	require.NoError(t, err)
	trapdoor, err := w.master.OpenTrapdoor(w.p, search, search.Commitment(w.p))
	require.NoError(t, err)
	require.True(t, trapdoor.Test(c))

	stranger, err := GeneratePaperKey()
	require.NoError(t, err)
	_, err = FinishRekey(owner.PublicKey(), stranger.PublicKey(), toProxy, answer)
	require.ErrorIs(t, err, ErrRekey)
	_, err = ParsePaperReencryptionKey(owner.PublicKey(), stranger.PublicKey(), rk.Bytes())
	require.ErrorIs(t, err, ErrRekey)
	require.ErrorIs(t, stranger.OpenReencrypted(w.p, owner.PublicKey(), c2, w.info, &out, bytes.NewReader(payload.Bytes())), ErrWrongKey)
}

func TestModesDoNotMix(t *testing.T) {
	w := newWorld(t, "modes")
	paper, err := GeneratePaperKey()
	require.NoError(t, err)
	_, err = w.p.Seal(paper.PublicKey(), "label", w.info, &bytes.Buffer{}, bytes.NewReader(nil))
	require.ErrorIs(t, err, ErrMode)
	_, err = w.p.Seal(w.owner.PublicKey(), "", w.info, &bytes.Buffer{}, bytes.NewReader(nil))
	require.ErrorIs(t, err, ErrMode)
	_, err = w.p.Seal(w.owner.PublicKey(), "No Capitals", w.info, &bytes.Buffer{}, bytes.NewReader(nil))
	require.ErrorIs(t, err, ErrLabel)
	_, err = w.owner.DelegateReencryption(w.p, "", w.consent, w.insurer.PublicKey())
	require.ErrorIs(t, err, ErrLabel)
	c, _ := w.seal(t, "r", nil)
	_, err = c.Verify(w.p, paper.PublicKey())
	require.ErrorIs(t, err, ErrMode)

	// The same 32 bytes registered in another mode need another proof.
	proof, err := w.owner.ProvePossession(w.p.ID(), "pid", "MSP")
	require.NoError(t, err)
	require.NoError(t, VerifyPossession(w.p.ID(), w.owner.PublicKey(), "pid", "MSP", proof))
	sameBytes, err := ParsePaperPublicKey(w.owner.PublicKey().Bytes())
	require.NoError(t, err)
	require.ErrorIs(t, VerifyPossession(w.p.ID(), sameBytes, "pid", "MSP", proof), ErrPossession)
	require.ErrorIs(t, VerifyPossession(w.p.ID(), w.owner.PublicKey(), "other", "MSP", proof), ErrPossession)
	require.ErrorIs(t, VerifyPossession(w.p.ID(), w.owner.PublicKey(), "pid", "MSP", proof[:63]), ErrPossession)
}

func TestParameters(t *testing.T) {
	w := newWorld(t, "parameters")
	again, err := ParseParameters(w.p.Bytes())
	require.NoError(t, err)
	require.Equal(t, w.p.ID(), again.ID())
	require.Equal(t, w.p.Bytes(), again.Bytes())
	require.NotEqual(t, w.p.ID(), newWorld(t, "parameters2").p.ID())
	b := w.p.Bytes()
	for _, bad := range [][]byte{nil, b[:len(b)-1], append(bytes.Clone(b), 'x'), b[1:]} {
		_, err := ParseParameters(bad)
		require.ErrorIs(t, err, ErrMalformed)
	}
	_, err = NewParameters("", w.master.PublicKey())
	require.ErrorIs(t, err, ErrMalformed)
	infinity := make([]byte, 32)
	infinity[0] = 0x40
	_, err = NewParameters("x", infinity)
	require.ErrorIs(t, err, ErrMalformed, "identity as the master key")
}

// An all-infinity key and C2 satisfy the pairing equation: they must be refused
// in memory as on the wire.
func TestIdentityIsRefusedInMemory(t *testing.T) {
	w := newWorld(t, "identity")
	c, _ := w.seal(t, "r", nil)
	bad := *c
	bad.c2 = bn254.G1Affine{}
	_, err := bad.Verify(w.p, &ScopedPublicKey{})
	require.ErrorIs(t, err, ErrInvalidCapsule)
	_, err = w.owner.DelegateReencryption(w.p, "r", w.consent, &ScopedPublicKey{})
	require.ErrorIs(t, err, ErrMalformed)
}

func TestSecretsNeverPrint(t *testing.T) {
	w := newWorld(t, "print")
	token, err := w.owner.DelegateReencryption(w.p, "r", w.consent, w.insurer.PublicKey())
	require.NoError(t, err)
	for _, v := range []any{w.owner, w.master, token, &PaperBlinding{}, &PaperChallenge{}, &PaperResponse{}, &PaperReencryptionKey{}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
			require.Contains(t, fmt.Sprintf(verb, v), "(hidden)")
		}
	}
}

// The paper's check has no random factor and accepts what ours refuses.
func TestMauledCapsulePassesThePapersCheckNotOurs(t *testing.T) {
	w := newWorld(t, "mauled")
	c, _ := w.seal(t, "r", []byte("record"))
	mauled := *c
	shift := w.other.public.point
	var minus bn254.G1Affine
	minus.Neg(&shift)
	mauled.c2.Add(&c.c2, &shift)
	mauled.c5.Add(&c.c5, &minus)

	require.True(t, looselyValid(w.p, &mauled, w.owner.PublicKey()), "the paper's equation accepts it")
	_, err := mauled.Verify(w.p, w.owner.PublicKey())
	require.ErrorIs(t, err, ErrInvalidCapsule)
}

// looselyValid is the paper's equation, e(PK u^h v d, C1) = e(C2 C5, ĝ1).
func looselyValid(p *Parameters, c *Capsule, key PublicKey) bool {
	h := c.h()
	var left, right bn254.G1Affine
	left.ScalarMultiplication(&p.u, h.BigInt(new(big.Int)))
	left.Add(&left, &key.key().point)
	left.Add(&left, &p.vd)
	right.Add(&c.c2, &c.c5)
	g := p.gHat1.Point()
	a, err := bn254.Pair([]bn254.G1Affine{left}, []bn254.G2Affine{c.c1})
	if err != nil {
		return false
	}
	b, err := bn254.Pair([]bn254.G1Affine{right}, []bn254.G2Affine{g})
	return err == nil && a.Equal(&b)
}
