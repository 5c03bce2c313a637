package contract

import (
	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/crypto/bls"
)

// Erase marks a record as erased by its issuer. A suspended or expelled
// issuer may say so too: its duty to delete does not end.
func (*records) Erase(c *Context, erasure, signature string) (string, error) {
	s, err := argument(record.ArgErasure, erasure, record.DecodeEraseStatement)
	if err != nil {
		return "", err
	}
	sig, err := record.ParseSignature(signature)
	if err != nil {
		return "", err
	}
	issuer := c.caller.party
	rec, err := c.record(s.Record)
	if err != nil {
		return "", err
	}
	if s.Issuer != issuer.ID || rec.Issuer != issuer.ID {
		return "", record.ErrForbidden.With("record %s is not the caller's", rec.ID)
	}
	if rec.Erased != 0 {
		return c.done(rec)
	}
	if err := first(
		func() error { return currentVersion(issuer, s.IssuerVersion) },
		func() error { return c.inWindow("the erasure", s.Time) },
		func() error { return c.verify(issuer, s, bls.RoleIssuer, sig) },
	); err != nil {
		return "", err
	}
	rec.Erase(s, sig, c.now, c.tx)
	if err := c.put(record.RecordKey(rec.ID), rec); err != nil {
		return "", err
	}
	c.changed(record.DocumentRecord, "erased", rec.ID.String())
	return c.done(rec)
}

func notErased(rec *record.Record) error {
	if rec.Erased != 0 {
		return erased(rec)
	}
	return nil
}

func erased(rec *record.Record) error {
	return record.ErrRecordErased.With("record %s was erased at %s", rec.ID, record.FormatTime(rec.Erased))
}
