package record

// Consent is an owner's grant on the ledger and what has become of it.
type Consent struct {
	GrantStatement
	OwnerSignature Signature     `json:"ownerSignature"`
	Status         ConsentStatus `json:"status"`
	GrantedAt      int64         `json:"grantedAt"`
	GrantTx        TxID          `json:"grantTx"`
	ApprovedAt     int64         `json:"approvedAt"` // zero when it was not
	ApproveTx      TxID          `json:"approveTx"`
	RevokedAt      int64         `json:"revokedAt"` // zero when it was not
	RevokeTx       TxID          `json:"revokeTx"`
}

// Statement is what the owner signed.
func (c *Consent) Statement() *GrantStatement { return &c.GrantStatement }

// UsableAt reports whether the consent allows a release at a time, and if not,
// why.
func (c *Consent) UsableAt(now int64) error {
	switch {
	case c.Status == ConsentRevoked:
		return ErrConsentRevoked.With("consent %s was revoked", c.Consent)
	case now >= c.Expiry:
		return ErrConsentExpired.With("consent %s expired at %s", c.Consent, FormatTime(c.Expiry))
	case c.Status != ConsentApproved:
		return ErrConsentUnapproved.With("consent %s is only granted", c.Consent)
	case now < c.NotBefore:
		return ErrConsentEarly.With("consent %s begins at %s", c.Consent, FormatTime(c.NotBefore))
	}
	return nil
}

func (c *Consent) layout(f *fields) {
	c.GrantStatement.layout(f)
	f.fixed("owner's signature", c.OwnerSignature[:])
	f.u8("status", (*byte)(&c.Status))
	f.time("grant time", &c.GrantedAt)
	f.fixed("grant transaction", c.GrantTx[:])
	f.time("approval time", &c.ApprovedAt)
	f.optional("approval transaction", c.ApproveTx[:])
	f.time("revocation time", &c.RevokedAt)
	f.optional("revocation transaction", c.RevokeTx[:])
}

func (c *Consent) Validate() error {
	return first(c.GrantStatement.Validate(), checkName("consent status", consentNames, c.Status))
}

func (c *Consent) DocumentType() DocumentType { return DocumentConsent }
func (c *Consent) Encode() []byte             { return encodeDocument(c) }

// DecodeConsent reads the document.
func DecodeConsent(b []byte) (*Consent, error) {
	return decodeNewDocument[Consent](b)
}

// Revocation is an owner's signed withdrawal. When it reaches the ledger
// before the grant does, it keeps that grant out.
type Revocation struct {
	RevokeStatement
	OwnerSignature Signature `json:"ownerSignature"`
	RecordedAt     int64     `json:"recordedAt"`
	Tx             TxID      `json:"tx"`
}

func (r *Revocation) layout(f *fields) {
	r.RevokeStatement.layout(f)
	f.fixed("owner's signature", r.OwnerSignature[:])
	f.time("time", &r.RecordedAt)
	f.fixed("transaction", r.Tx[:])
}

func (r *Revocation) DocumentType() DocumentType { return DocumentRevocation }
func (r *Revocation) Encode() []byte             { return encodeDocument(r) }

// DecodeRevocation reads the document.
func DecodeRevocation(b []byte) (*Revocation, error) {
	return decodeNewDocument[Revocation](b)
}
