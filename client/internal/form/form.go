// Package form turns the SDK's messages into those of the wire and back, for
// both sides. What comes off the wire is checked for its form only: fixed
// lengths, and statements that decode strictly. The errors are
// [record.ErrMalformed].
package form

import (
	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
)

// Fixed copies an identifier or signature of fixed length; a zero identifier is
// none.
func Fixed(name string, dst, src []byte) error {
	if len(src) != len(dst) {
		return record.ErrMalformed.With("%s has %d bytes, not %d", name, len(src), len(dst))
	}
	set := byte(0)
	for _, b := range src {
		set |= b
	}
	if set == 0 {
		return record.ErrMalformed.With("%s is missing", name)
	}
	copy(dst, src)
	return nil
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// DeliverRequest is an order on the wire. Its proxy is who calls.
func DeliverRequest(o client.Order) *nodev1.DeliverRequest {
	return &nodev1.DeliverRequest{AsOf: o.AsOf, Release: o.Release[:], Consent: o.Consent[:], Record: o.Record[:], Nonce: o.Nonce[:]}
}

// Order is what a proxy asks of a holder.
func Order(r *nodev1.DeliverRequest, proxy record.PartyID) (client.Order, error) {
	o := client.Order{AsOf: r.GetAsOf(), Proxy: proxy}
	return o, firstOf(
		Fixed("release", o.Release[:], r.GetRelease()), Fixed("consent", o.Consent[:], r.GetConsent()),
		Fixed("record", o.Record[:], r.GetRecord()), Fixed("nonce", o.Nonce[:], r.GetNonce()),
	)
}

// DeliverResponse is a holder's answer on the wire.
func DeliverResponse(d *client.Delivered) *nodev1.DeliverResponse {
	return &nodev1.DeliverResponse{Capsule: d.Capsule, Statement: d.Delivery.Statement.Encode(), Signature: d.Delivery.Signature[:]}
}

// Delivered is a holder's answer to an order.
func Delivered(r *nodev1.DeliverResponse, o client.Order) (*client.Delivered, error) {
	statement, err := record.DecodeDeliverStatement(r.GetStatement())
	if err != nil {
		return nil, err
	}
	d := &client.Delivered{Capsule: r.GetCapsule(), Delivery: record.Delivery{Statement: *statement, Nonce: o.Nonce}}
	return d, Fixed("signature", d.Delivery.Signature[:], r.GetSignature())
}

// SendPayloadRequest is a call for a payload on the wire.
func SendPayloadRequest(o client.PayloadOrder) *nodev1.SendPayloadRequest {
	return &nodev1.SendPayloadRequest{AsOf: o.AsOf, Release: o.Release[:], Offset: o.Offset}
}

// PayloadOrder is a receiver's call for a payload.
func PayloadOrder(r *nodev1.SendPayloadRequest) (client.PayloadOrder, error) {
	o := client.PayloadOrder{AsOf: r.GetAsOf(), Offset: r.GetOffset()}
	if o.Offset > record.MaxPayloadSize {
		return o, record.ErrMalformed.With("no payload has %d bytes", o.Offset)
	}
	return o, Fixed("release", o.Release[:], r.GetRelease())
}

// TrailerOut is a trailer on the wire.
func TrailerOut(t *client.Trailer) *nodev1.Trailer {
	return &nodev1.Trailer{Statement: t.Statement.Encode(), Signature: t.Signature[:]}
}

// Trailer is a holder's word on a payload.
func Trailer(r *nodev1.Trailer) (*client.Trailer, error) {
	statement, err := record.DecodeTrailerStatement(r.GetStatement())
	if err != nil {
		return nil, err
	}
	t := &client.Trailer{Statement: *statement}
	return t, Fixed("signature", t.Signature[:], r.GetSignature())
}

// ReleaseRequest is a demand on the wire. Its requester is who calls.
func ReleaseRequest(d client.Demand) *nodev1.ReleaseRequest {
	r := &nodev1.ReleaseRequest{AsOf: d.AsOf, Consent: d.Consent[:]}
	for i := range d.Records {
		r.Records = append(r.Records, d.Records[i][:])
	}
	return r
}

// Demand is a requester's call to a proxy.
func Demand(r *nodev1.ReleaseRequest, requester record.PartyID) (client.Demand, error) {
	d := client.Demand{AsOf: r.GetAsOf(), Requester: requester}
	if n := len(r.GetRecords()); n == 0 || n > record.MaxDeliveries {
		return d, record.ErrMalformed.With("a demand is for 1 to %d records, not %d", record.MaxDeliveries, n)
	}
	d.Records = make([]record.RecordID, len(r.GetRecords()))
	for i, id := range r.GetRecords() {
		if err := Fixed("record", d.Records[i][:], id); err != nil {
			return d, err
		}
	}
	return d, Fixed("consent", d.Consent[:], r.GetConsent())
}

// HandoverOut is a handover on the wire.
func HandoverOut(h client.Handover) *nodev1.Handover {
	return &nodev1.Handover{
		AsOf: h.AsOf, Release: h.Release[:], Reencrypted: h.Reencrypted, Statement: h.Delivery.Statement.Encode(),
		Nonce: h.Delivery.Nonce[:], Signature: h.Delivery.Signature[:],
	}
}

// Handover is one re-encrypted capsule.
func Handover(r *nodev1.Handover) (client.Handover, error) {
	statement, err := record.DecodeDeliverStatement(r.GetStatement())
	if err != nil {
		return client.Handover{}, err
	}
	h := client.Handover{AsOf: r.GetAsOf(), Reencrypted: r.GetReencrypted(), Delivery: record.Delivery{Statement: *statement}}
	return h, firstOf(
		Fixed("release", h.Release[:], r.GetRelease()), Fixed("nonce", h.Delivery.Nonce[:], r.GetNonce()),
		Fixed("signature", h.Delivery.Signature[:], r.GetSignature()),
	)
}
