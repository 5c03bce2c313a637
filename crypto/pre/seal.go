package pre

import (
	"crypto/sha256"
	"fmt"
	"io"

	"github.com/claimshare/claimshare/crypto/internal/curve"
	"github.com/claimshare/claimshare/crypto/tag"
	"github.com/consensys/gnark-crypto/ecc/bn254"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"golang.org/x/crypto/hkdf"
)

// Seal encrypts the record read from src under the owner's key (section 3.4,
// steps 5 and 6): it streams the payload to dst and returns the capsule.
//
// A scoped key takes a label of 1 to 64 characters of [a-z0-9._/-], a
// paper-mode key the empty label. Labels are public: use opaque strings where a
// category is sensitive. Memory is constant in the size of the record.
//
// It returns [ErrMode], [ErrLabel], [ErrMalformed] for a zero key, or what src and dst answer; on an error
// discard what was written.
func (p *Parameters) Seal(to PublicKey, label string, info RecordInfo, dst io.Writer, src io.Reader) (*Capsule, error) {
	r, err := curve.RandomScalar(nil)
	if err != nil {
		return nil, fmt.Errorf("pre: seal: %w", err)
	}
	return p.seal(r, to, label, info, dst, src)
}

// seal takes r from its caller: a reused r forges capsules and leaks the XOR of
// records, so only [Parameters.Seal] and the known-answer tests call it.
func (p *Parameters) seal(r fr.Element, to PublicKey, label string, info RecordInfo, dst io.Writer, src io.Reader) (*Capsule, error) {
	if (label == "") != (to.Mode() == ModePaper) {
		return nil, ErrMode
	}
	if label != "" {
		if err := ValidLabel(label); err != nil {
			return nil, err
		}
	}
	pk := to.key()
	if !curve.ValidG1(&pk.point) {
		return nil, fmt.Errorf("%w: public key", ErrMalformed)
	}
	base, tables := p.base(label), p.labelTables(label)
	c := &Capsule{label: label, binding: p.binding(pk, info)}
	c.c1 = p.powGHat1(&r)
	c.inGroup = c.c1
	c.c2 = pk.pow(&r)
	c.c3 = p.searchTag(powGT(tables.search, base.searchGT, &r))
	k := powGT(tables.payload, base.payloadGT, &r)
	commit, key, err := c.derive(&k)
	if err != nil {
		return nil, err
	}
	defer clear(key[:])
	c.commit = commit
	if c.payload, err = encryptPayload(key, commit, dst, src); err != nil {
		return nil, fmt.Errorf("pre: seal: %w", err)
	}
	h := c.h()
	h.Mul(&h, &r)
	c5, vd := p.powU(&h), p.powVD(&r) // u^(h r) (v d)^r
	c5.AddAssign(&vd)
	c.c5.FromJacobian(&c5)
	return c, nil
}

// searchTag is C3 = SHA256(lp(D"search-tag") ‖ paramsID ‖ U), the paper's H2.
func (p *Parameters) searchTag(u bn254.GT) [32]byte {
	b := u.Bytes()
	return tag.Hash(tag.SearchTag, p.id[:], b[:])
}

// derive is the paper's F: commit(32) ‖ key(32) = HKDF-SHA256(K, salt D"kdf",
// info header ‖ C1 ‖ C3).
func (c *Capsule) derive(k *bn254.GT) (commit, key [32]byte, err error) {
	ikm, c1 := k.Bytes(), c.c1.Bytes()
	info := append(append(c.header(), c1[:]...), c.c3[:]...)
	r := hkdf.New(sha256.New, ikm[:], []byte(tag.KDF), info)
	if _, err = io.ReadFull(r, commit[:]); err == nil {
		_, err = io.ReadFull(r, key[:])
	}
	clear(ikm[:])
	if err != nil {
		err = fmt.Errorf("pre: derive payload key: %w", err)
	}
	return commit, key, err
}
