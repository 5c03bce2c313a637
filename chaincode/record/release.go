package record

import (
	"fmt"
	"time"
)

// FormatTime is the RFC 3339 form of a ledger time.
func FormatTime(t int64) string { return time.Unix(t, 0).UTC().Format(time.RFC3339) }

// MaxDeliveries is the largest number of deliveries in one release transaction.
const MaxDeliveries = 64

// Delivery is a holder's signed delivery and the nonce from which the proxy
// made its release id.
type Delivery struct {
	Statement DeliverStatement `json:"statement"`
	Nonce     Nonce            `json:"nonce"`
	Signature Signature        `json:"signature"` // by the holder
}

func (d *Delivery) layout(f *fields) {
	d.Statement.layout(f)
	f.fixed("nonce", d.Nonce[:])
	f.fixed("holder's signature", d.Signature[:])
}

func (d *Delivery) Validate() error {
	return first(d.Statement.Validate(), requireID("nonce", d.Nonce[:]))
}

// Deliveries is the argument of consents:Release: 1 to 64 deliveries under one
// consent.
type Deliveries []Delivery

func (d *Deliveries) layout(f *fields) {
	layoutVersion(f)
	n := f.count("deliveries", len(*d), MaxDeliveries)
	if f.decoding {
		*d = make([]Delivery, n)
	}
	for i := range *d {
		(*d)[i].layout(f)
	}
}

func (d *Deliveries) Validate() error {
	if len(*d) < 1 || len(*d) > MaxDeliveries {
		return fmt.Errorf("a release has 1 to %d deliveries", MaxDeliveries)
	}
	for i := range *d {
		if err := first(
			(*d)[i].Validate(),
			rule((*d)[i].Statement.Consent == (*d)[0].Statement.Consent, "the deliveries are under different consents"),
		); err != nil {
			return fmt.Errorf("delivery %d: %w", i, err)
		}
	}
	return nil
}

// Encode is the canonical form.
func (d Deliveries) Encode() []byte { return encode(nil, &d) }

// DecodeDeliveries reads the canonical form.
func DecodeDeliveries(b []byte) (Deliveries, error) {
	d, err := decodeNew[Deliveries](b)
	if err != nil {
		return nil, err
	}
	return *d, nil
}

// Release is one capsule handed out by one proxy.
type Release struct {
	Delivery
	Owner    PartyID       `json:"owner"`
	Receiver PartyID       `json:"receiver"`
	Proxy    PartyID       `json:"proxy"`
	Purpose  string        `json:"purpose"`
	Claim    string        `json:"claim"`
	Status   ReleaseStatus `json:"status"`
	Time     int64         `json:"time"`
	Tx       TxID          `json:"tx"`

	AcknowledgedAt int64 `json:"acknowledgedAt"` // zero when it was not
	AcknowledgeTx  TxID  `json:"acknowledgeTx"`

	Dispute *Dispute `json:"dispute,omitempty"`
}

// Dispute is a receiver's complaint about a release, and its outcome.
type Dispute struct {
	Ground           Ground            `json:"ground"`
	Reason           string            `json:"reason"`
	Trailer          *TrailerStatement `json:"trailer,omitempty"`
	TrailerSignature Signature         `json:"trailerSignature"`
	OpenedAt         int64             `json:"openedAt"`
	OpenTx           TxID              `json:"openTx"`
	Resolution       string            `json:"resolution"` // the system manager's reason
	ResolvedAt       int64             `json:"resolvedAt"`
	ResolveTx        TxID              `json:"resolveTx"`
}

func (r *Release) layout(f *fields) {
	r.Delivery.layout(f)
	f.fixed("owner", r.Owner[:])
	f.fixed("receiver", r.Receiver[:])
	f.fixed("proxy", r.Proxy[:])
	f.text("purpose", &r.Purpose, 32)
	f.text("claim number", &r.Claim, 64)
	f.u8("status", (*byte)(&r.Status))
	f.time("time", &r.Time)
	f.fixed("transaction", r.Tx[:])
	f.time("acknowledgement time", &r.AcknowledgedAt)
	f.optional("acknowledgement transaction", r.AcknowledgeTx[:])
	disputed := r.Dispute != nil
	f.flag("dispute", &disputed)
	if disputed {
		if f.decoding {
			r.Dispute = new(Dispute)
		}
		r.Dispute.layout(f)
	}
}

func (r *Release) Validate() error {
	return first(
		r.Delivery.Validate(),
		requireID("owner", r.Owner[:]),
		requireID("receiver", r.Receiver[:]),
		requireID("proxy", r.Proxy[:]),
		checkName("release status", releaseNames, r.Status),
	)
}

func (d *Dispute) layout(f *fields) {
	f.u8("ground", (*byte)(&d.Ground))
	f.text("reason", &d.Reason, 256)
	trailer := d.Trailer != nil
	f.flag("trailer", &trailer)
	if trailer {
		if f.decoding {
			d.Trailer = new(TrailerStatement)
		}
		d.Trailer.layout(f)
		f.fixed("trailer's signature", d.TrailerSignature[:])
	}
	f.time("opening time", &d.OpenedAt)
	f.fixed("opening transaction", d.OpenTx[:])
	f.text("resolution", &d.Resolution, 256)
	f.time("resolution time", &d.ResolvedAt)
	f.optional("resolution transaction", d.ResolveTx[:])
}

func (r *Release) DocumentType() DocumentType { return DocumentRelease }
func (r *Release) Encode() []byte             { return encodeDocument(r) }

// DecodeRelease reads the document.
func DecodeRelease(b []byte) (*Release, error) {
	return decodeNewDocument[Release](b)
}
