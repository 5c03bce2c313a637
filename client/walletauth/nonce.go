package walletauth

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"sync"
	"time"

	"github.com/claimshare/claimshare/chaincode/record"
)

// NonceSize is the size of a nonce, in bytes.
const NonceSize = 32

// Nonce is what a node gives to a wallet for one call. To the wallet it is 32
// bytes without meaning.
type Nonce [NonceSize]byte

// NonceLife is how long a nonce may be used.
const NonceLife = time.Minute

// maxUsed is how many used nonces a book remembers: that many calls of wallets
// are let in within a minute.
const maxUsed = 1 << 16

// oneOwners is how many of them may be one wallet's.
const oneOwners = maxUsed / 16

// NonceBook gives out the nonces of one node and accepts each once.
//
// A nonce is the time of its making, unique in this book (8 bytes), a mark of the
// wallet that it is for (8) and an HMAC-SHA256 over both, cut to 16 bytes, under
// a key that the book drew when it was made. So a nonce that was only asked for
// takes no memory: nobody can fill the book without a wallet's signature. Used
// nonces are remembered until they expire. Nonces of before a restart are
// refused.
type NonceBook struct {
	key [32]byte
	max int

	mu   sync.Mutex
	last int64                    // time of the newest nonce
	used map[int64]record.PartyID // by time of making: whose
	each map[record.PartyID]int   // how many of one wallet's
	old  []int64                  // the same, in the order of their use
	now  func() time.Time         // tests move it
}

// NewNonceBook makes a book.
func NewNonceBook() *NonceBook {
	b := &NonceBook{max: maxUsed, used: map[int64]record.PartyID{}, each: map[record.PartyID]int{}, now: time.Now}
	_, _ = rand.Read(b.key[:]) // never fails
	return b
}

// New is a nonce for one call of one wallet.
func (b *NonceBook) New(owner record.PartyID) Nonce {
	b.mu.Lock()
	at := max(b.now().UnixNano(), b.last+1)
	b.last = at
	b.mu.Unlock()
	var n Nonce
	binary.BigEndian.PutUint64(n[:8], uint64(at))
	mark := b.mark(at, owner)
	copy(n[8:16], mark[:])
	mac := b.mac(n[:16])
	copy(n[16:], mac[:])
	return n
}

// mark ties a nonce to its wallet.
func (b *NonceBook) mark(at int64, owner record.PartyID) (m [8]byte) {
	h := hmac.New(sha256.New, b.key[:])
	h.Write([]byte("owner"))
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(at)))
	h.Write(owner[:])
	copy(m[:], h.Sum(nil))
	return m
}

func (b *NonceBook) mac(front []byte) (m [16]byte) {
	h := hmac.New(sha256.New, b.key[:])
	h.Write([]byte("nonce"))
	h.Write(front)
	copy(m[:], h.Sum(nil))
	return m
}

// Check says whether a wallet may still use a nonce. It returns [ErrNonce],
// [ErrNonceOwner], [ErrNonceExpired] or [ErrNonceUsed].
func (b *NonceBook) Check(n Nonce, owner record.PartyID) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.check(n, owner)
}

func (b *NonceBook) check(n Nonce, owner record.PartyID) error {
	mac := b.mac(n[:16])
	if !hmac.Equal(mac[:], n[16:]) {
		return ErrNonce
	}
	at := int64(binary.BigEndian.Uint64(n[:8]))
	if mark := b.mark(at, owner); !hmac.Equal(mark[:], n[8:16]) {
		return ErrNonceOwner
	}
	if b.now().UnixNano()-at > int64(NonceLife) {
		return ErrNonceExpired
	}
	if _, used := b.used[at]; used {
		return ErrNonceUsed
	}
	return nil
}

// Use accepts a nonce, once. It returns the errors of [NonceBook.Check], and
// [ErrBusy] when the book is full or has too many of this wallet's.
func (b *NonceBook) Use(n Nonce, owner record.PartyID) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.check(n, owner); err != nil {
		return err
	}
	b.forget()
	if len(b.used) >= b.max || b.each[owner] >= oneOwners {
		return ErrBusy
	}
	at := int64(binary.BigEndian.Uint64(n[:8]))
	b.used[at] = owner
	b.each[owner]++
	b.old = append(b.old, at)
	return nil
}

// forget drops used nonces that have expired. They stand in the order of their
// use; one that was made late and used early stays a little longer.
func (b *NonceBook) forget() {
	end := b.now().UnixNano() - int64(NonceLife)
	i := 0
	for ; i < len(b.old) && b.old[i] < end; i++ {
		owner := b.used[b.old[i]]
		if b.each[owner]--; b.each[owner] == 0 {
			delete(b.each, owner)
		}
		delete(b.used, b.old[i])
	}
	b.old = b.old[i:] // append moves the rest to a new array sooner or later
}
