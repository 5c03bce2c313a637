package walletauth

import (
	"context"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/crypto/bls"
)

// remembered is how many wallets' keys, and how many addresses, a guard remembers.
const remembered = 1 << 14

// suspects bounds what strangers cost: everybody can sign a call with a key of its
// own, in the name of a party that does not exist, and have the ledger asked.
type suspects struct {
	keys *lru.Cache[record.PartyID, record.SigningKey] // whose proof held, with which key

	from   func(context.Context) string // where a call comes from
	limit  rate.Limit
	burst  int
	tokens *lru.Cache[string, *rate.Limiter] // by where calls come from
}

func newSuspects() *suspects {
	keys, _ := lru.New[record.PartyID, record.SigningKey](remembered) // fails for no size only
	return &suspects{keys: keys}
}

// Limit bounds how often calls from one place have the ledger asked whose key this
// is without holding under the key that their wallet is known by: so many a second
// in the long run, and so many at once. From says where a call comes from; "" is
// not counted. A wallet that has been here before is not concerned, wherever it
// calls from.
//
// It is called before the guard's first call.
func (g *Guard) Limit(from func(context.Context) string, perSecond float64, burst int) {
	s := g.suspects
	s.from, s.limit, s.burst = from, rate.Limit(perSecond), burst
	s.tokens, _ = lru.New[string, *rate.Limiter](remembered) // fails for no size only
}

// known says whether a proof holds under the key that its wallet was last seen
// with. Whether the ledger still has that key is another question.
func (s *suspects) known(p *Proof, c Call) (record.SigningKey, bool) {
	last, ok := s.keys.Get(p.Owner())
	if !ok {
		return last, false
	}
	key, err := bls.ParsePublicKey(last[:])
	return last, err == nil && p.Verify(c, key) == nil
}

// admit takes one call of a stranger's, or answers [ErrBusy].
func (s *suspects) admit(ctx context.Context) error {
	if s.tokens == nil {
		return nil
	}
	place := s.from(ctx)
	if place == "" {
		return nil
	}
	fresh := rate.NewLimiter(s.limit, s.burst)
	l, seen, _ := s.tokens.PeekOrAdd(place, fresh)
	if !seen {
		l = fresh
	}
	s.tokens.Get(place) // in use: not the next one to be forgotten
	if !l.Allow() {
		return ErrBusy
	}
	return nil
}
