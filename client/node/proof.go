package node

import (
	"bufio"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/claimshare/claimshare/client"
)

// proofInfo says what the key is for that proves who made a backup.
const proofInfo = "claimshare/backup/v1"

// proofWindow is how much of a backup is handed on at once, in bytes.
const proofWindow = 64 << 10

// newProof is an HMAC-SHA-256 over a backup under a key that the party's signing key
// gives. It ends the backup, inside the encryption.
func newProof(keys *client.Keys) (hash.Hash, error) {
	secret := keys.Signing.Bytes()
	defer clear(secret)
	key, err := hkdf.Key(sha256.New, secret, nil, proofInfo, sha256.Size)
	if err != nil {
		return nil, err
	}
	defer clear(key)
	return hmac.New(sha256.New, key), nil
}

// proven reads what stands before the proof. It ends well only if the proof fits, or
// none is asked for. Until then nothing of it may be believed.
type proven struct {
	in    *bufio.Reader
	proof hash.Hash // nil: none is asked for
}

// Read implements io.Reader.
func (p *proven) Read(b []byte) (int, error) {
	ahead, err := p.in.Peek(min(len(b), proofWindow) + sha256.Size)
	if n := len(ahead) - sha256.Size; n > 0 {
		n = copy(b, ahead[:n])
		if p.proof != nil {
			p.proof.Write(b[:n])
		}
		_, err = p.in.Discard(n) // they are there
		return n, err
	}
	switch {
	case err == nil: // nothing was asked for
		return 0, nil
	case !errors.Is(err, io.EOF):
		return 0, err
	case len(ahead) < sha256.Size:
		return 0, fmt.Errorf("%w: it is cut off", ErrBackup)
	case p.proof != nil && !hmac.Equal(ahead, p.proof.Sum(nil)):
		return 0, fmt.Errorf("%w: it was not made with the keys that this party has now", ErrBackup)
	}
	return 0, io.EOF
}
