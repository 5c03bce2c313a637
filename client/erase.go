package client

import (
	"context"
	"fmt"
	"time"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/crypto/bls"
)

// Erase tells the ledger that this member destroys a record that it issued, in
// all versions: from that block on nothing of it is released or amended. It does
// not touch this member's database. Tell the ledger first and destroy then, so
// that nobody is referred to a record that is gone; what was told cannot be taken
// back. Done twice it is done once. A suspended or expelled member may erase too.
//
// It returns the record as the ledger has it then, and [ErrNotOurs] for another
// member's record, [ErrKeys], [ErrAnswer], [record.ErrRecordUnknown] for one that
// never came to the ledger, of which there is nothing to say, and the chaincode's
// other errors.
func (m *Member) Erase(ctx context.Context, id record.RecordID) (*record.Record, error) {
	listed, err := m.chain.Record(ctx, id)
	if err != nil {
		return nil, err
	}
	if listed.Issuer != m.ID() {
		return nil, fmt.Errorf("%w: the record was issued by %s", ErrNotOurs, listed.Issuer)
	}
	if listed.Erased != 0 {
		return listed, nil
	}
	me, err := m.keys.self(ctx, m.chain)
	if err != nil {
		return nil, err
	}
	s := record.EraseStatement{Record: id, Issuer: me.ID, IssuerVersion: me.Current().Version, Time: time.Now().Unix()}
	return m.chain.Erase(ctx, s, m.keys.sign(m.chain, bls.RoleIssuer, &s))
}

// Erase puts an issuer's signed erasure on the ledger; the issuer's own act. Use
// [Member.Erase], which makes it. It returns [ErrAnswer] and the chaincode's
// errors.
func (c *Chain) Erase(ctx context.Context, s record.EraseStatement, sig record.Signature) (*record.Record, error) {
	rec, err := submit[record.Record](ctx, c, record.TxErase, record.EncodeText(s.Encode()), sig.String())
	if err != nil {
		return nil, err
	}
	if rec.ID != s.Record || rec.Erased == 0 {
		return nil, fmt.Errorf("%w: %s %s", ErrAnswer, record.TxErase, s.Record)
	}
	return rec, nil
}
