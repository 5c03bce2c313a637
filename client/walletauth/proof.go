package walletauth

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/claimshare/claimshare/chaincode/record"
	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
	"github.com/claimshare/claimshare/crypto/bls"
	"github.com/claimshare/claimshare/crypto/pseudonym"
	"github.com/claimshare/claimshare/crypto/tag"
)

// Skew is how far the clocks of wallet and node may differ.
const Skew = time.Minute

// maxProof bounds an encoded proof, in bytes: it has about 230.
const maxProof = 512

// Call is what a proof is for.
type Call struct {
	Method  string         // full gRPC name, "/package.Service/Method"
	Request proto.Message  // the only request of the call
	Node    record.PartyID // whom the wallet calls
}

// hash is what the wallet signs.
func (c Call) hash(nonce Nonce, at int64) ([32]byte, error) {
	request, err := proto.MarshalOptions{Deterministic: true}.Marshal(c.Request)
	if err != nil {
		return [32]byte{}, fmt.Errorf("walletauth: encode the request: %w", err)
	}
	digest := sha256.Sum256(request)
	return tag.Hash(tag.WalletAuth,
		tag.LP(nil, []byte(c.Method)), digest[:], c.Node[:], nonce[:], binary.BigEndian.AppendUint64(nil, uint64(at))), nil
}

// Proof is a wallet's signature under one call.
type Proof struct {
	PID       pseudonym.PID
	Nonce     Nonce
	Time      int64 // seconds since 1970
	Signature bls.Signature
}

// Sign makes the proof for a call with a nonce of the node's.
func Sign(pid pseudonym.PID, key *bls.SecretKey, c Call, nonce Nonce, now time.Time) (*Proof, error) {
	p := &Proof{PID: pid, Nonce: nonce, Time: now.Unix()}
	h, err := c.hash(nonce, p.Time)
	if err != nil {
		return nil, err
	}
	p.Signature = key.Sign(bls.RoleParty, h)
	return p, nil
}

// Verify checks the signature under the call with the signer's key. It returns
// [ErrSignature].
func (p *Proof) Verify(c Call, key *bls.PublicKey) error {
	h, err := c.hash(p.Nonce, p.Time)
	if err != nil {
		return err
	}
	if bls.Verify(key, bls.RoleParty, h, p.Signature) != nil {
		return ErrSignature
	}
	return nil
}

// fresh checks the time of the proof. It returns [ErrTime].
func (p *Proof) fresh(now time.Time) error {
	if away := now.Sub(time.Unix(p.Time, 0)).Abs(); away > Skew {
		return fmt.Errorf("%w: by %s", ErrTime, away.Round(time.Second))
	}
	return nil
}

// Owner is the short form of the signer's pseudo-identity.
func (p *Proof) Owner() record.PartyID { return record.NewPartyID(string(p.PID)) }

// Encode is the proof as it travels.
func (p *Proof) Encode() ([]byte, error) {
	return proto.Marshal(&nodev1.WalletProof{Pid: string(p.PID), Nonce: p.Nonce[:], Time: p.Time, Signature: p.Signature[:]})
}

// DecodeProof reads a proof, strictly. It returns [ErrNoProof].
func DecodeProof(b []byte) (*Proof, error) {
	var w nodev1.WalletProof
	if len(b) > maxProof || proto.Unmarshal(b, &w) != nil || len(w.ProtoReflect().GetUnknown()) > 0 {
		return nil, fmt.Errorf("%w: it is malformed", ErrNoProof)
	}
	pid, err := pseudonym.Parse(w.GetPid())
	if err != nil || len(w.GetNonce()) != NonceSize || len(w.GetSignature()) != bls.SignatureSize || w.GetTime() <= 0 {
		return nil, fmt.Errorf("%w: it is malformed", ErrNoProof)
	}
	return &Proof{PID: pid, Nonce: Nonce(w.GetNonce()), Time: w.GetTime(), Signature: bls.Signature(w.GetSignature())}, nil
}
