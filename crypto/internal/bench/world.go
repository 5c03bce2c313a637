package main

import (
	"bytes"
	"crypto/sha256"
	"io"

	"github.com/claimshare/claimshare/crypto/bls"
	"github.com/claimshare/claimshare/crypto/pre"
)

const label = "repair/2026"

// world is one deployment with what its operations need, decoded and warm.
type world struct {
	p                        *pre.Parameters
	master                   *pre.MasterKey
	owner, receiver          *pre.ScopedSecretKey
	ownerKey, ownerWithTable *pre.ScopedPublicKey
	info                     pre.RecordInfo
	record                   []byte // 1 KiB
	capsule                  *pre.Capsule
	payload                  []byte
	verified                 *pre.VerifiedCapsule
	token                    *pre.Token
	verifiedToken            *pre.VerifiedToken
	delegation               pre.Delegation
	reencrypted              *pre.Reencrypted
	trapdoor                 *pre.Trapdoor
	proof                    *pre.ReencryptionProof
	opening                  *pre.Opening
	claims                   []pre.Claimed // 20 capsules of 20 owners

	signer    *bls.SecretKey
	hash      [32]byte
	signature bls.Signature
	oneSigner []bls.Item // 20 signatures of one signer
	records   []bls.Item // 20 records: 20 owners and one issuer
}

func newWorld() (*world, error) {
	w := &world{record: make([]byte, 1<<10), hash: sha256.Sum256([]byte("statement"))}
	w.info = pre.RecordInfo{RecordID: [16]byte{1}, Kind: 2, OwnerPID: "owner", IssuerPID: "issuer"}
	for _, step := range []func() error{w.makeKeys, w.makeRecord, w.makeDelegation, w.makeClaims, w.makeSignatures} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return w, nil
}

func (w *world) makeKeys() (err error) {
	if w.master, err = pre.GenerateMasterKey(); err != nil {
		return err
	}
	if w.p, err = pre.NewParameters("bench", w.master.PublicKey()); err != nil {
		return err
	}
	w.p.Warm(label)
	if w.owner, err = pre.GenerateScopedKey(); err != nil {
		return err
	}
	w.ownerKey, w.ownerWithTable = w.owner.PublicKey(), w.owner.PublicKey().WithTable()
	w.receiver, err = pre.GenerateScopedKey()
	return err
}

func (w *world) makeRecord() error {
	var payload bytes.Buffer
	sealed, err := w.p.Seal(w.ownerKey, label, w.info, &payload, bytes.NewReader(w.record))
	if err != nil {
		return err
	}
	w.payload = payload.Bytes()
	if w.capsule, err = pre.ParseCapsule(sealed.Bytes()); err != nil {
		return err
	}
	if w.verified, err = w.capsule.Verify(w.p, w.ownerKey); err != nil {
		return err
	}
	w.opening, err = w.owner.Disclose(w.verified)
	return err
}

func (w *world) makeDelegation() (err error) {
	consent := sha256.Sum256([]byte("consent"))
	if w.token, err = w.owner.DelegateReencryption(w.p, label, consent, w.receiver.PublicKey()); err != nil {
		return err
	}
	w.delegation = pre.Delegation{Delegator: w.ownerKey, Consent: consent, Commitment: w.token.Commitment(w.p)}
	if w.verifiedToken, err = w.token.Verify(w.p, w.delegation.Commitment); err != nil {
		return err
	}
	rc, err := pre.Reencrypt(w.verifiedToken, w.verified)
	if err != nil {
		return err
	}
	if w.reencrypted, err = pre.ParseReencrypted(rc.Bytes()); err != nil {
		return err
	}
	if w.proof, err = pre.ProveReencryption(w.p, w.verifiedToken, w.verified); err != nil {
		return err
	}
	search, err := w.owner.DelegateSearch(w.p, label, consent)
	if err != nil {
		return err
	}
	w.trapdoor, err = w.master.OpenTrapdoor(w.p, search, search.Commitment(w.p))
	return err
}

func (w *world) makeClaims() error {
	for range 20 {
		k, err := pre.GenerateScopedKey()
		if err != nil {
			return err
		}
		c, err := w.p.Seal(k.PublicKey(), label, w.info, io.Discard, bytes.NewReader(nil))
		if err != nil {
			return err
		}
		if c, err = pre.ParseCapsule(c.Bytes()); err != nil {
			return err
		}
		w.claims = append(w.claims, pre.Claimed{Capsule: c, Key: k.PublicKey()})
	}
	return nil
}

func (w *world) makeSignatures() (err error) {
	if w.signer, err = bls.GenerateKey(); err != nil {
		return err
	}
	w.signature = w.signer.Sign(bls.RoleOwner, w.hash)
	for k := range 20 {
		hash := sha256.Sum256([]byte{byte(k)})
		item := bls.Item{Key: w.signer.PublicKey(), Role: bls.RoleIssuer, Hash: hash, Signature: w.signer.Sign(bls.RoleIssuer, hash)}
		w.oneSigner = append(w.oneSigner, item)
		owner, err := bls.GenerateKey()
		if err != nil {
			return err
		}
		w.records = append(w.records, item,
			bls.Item{Key: owner.PublicKey(), Role: bls.RoleOwner, Hash: hash, Signature: owner.Sign(bls.RoleOwner, hash)})
	}
	return nil
}
