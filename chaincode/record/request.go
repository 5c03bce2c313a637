package record

import "bytes"

// AccessRequest is the argument of consents:RequestAccess: what the caller
// wants to read. It names a label, a list of records, or both.
type AccessRequest struct {
	ID      RequestID  `json:"id"`
	Owner   PartyID    `json:"owner"`
	Holder  PartyID    `json:"holder"` // zero: any
	Label   string     `json:"label"`
	Records []RecordID `json:"records"` // ascending
	Purpose string     `json:"purpose"`
	Claim   string     `json:"claim"`
}

func (r *AccessRequest) layout(f *fields) {
	layoutVersion(f)
	f.fixed("request id", r.ID[:])
	f.fixed("owner", r.Owner[:])
	f.fixed("holder", r.Holder[:])
	f.text("label", &r.Label, 64)
	n := f.count("records", len(r.Records), MaxGrantRecords)
	if f.decoding {
		r.Records = make([]RecordID, n)
	}
	for i := range r.Records {
		f.fixed("record id", r.Records[i][:])
	}
	f.text("purpose", &r.Purpose, 32)
	f.text("claim number", &r.Claim, 64)
}

func (r *AccessRequest) Validate() error {
	err := first(
		requireID("request id", r.ID[:]),
		requireID("owner", r.Owner[:]),
		CheckPurpose(r.Purpose),
		CheckClaim(r.Claim),
		rule(len(r.Records) <= MaxGrantRecords, "too many records"),
	)
	if err == nil && r.Label != "" {
		err = CheckLabel(r.Label)
	}
	if err != nil {
		return err
	}
	var last RecordID
	for _, id := range r.Records {
		if bytes.Compare(last[:], id[:]) >= 0 {
			return rule(false, "records must ascend")
		}
		last = id
	}
	return nil
}

// Encode is the canonical form.
func (r *AccessRequest) Encode() []byte { return encode(nil, r) }

// DecodeAccessRequest reads the canonical form.
func DecodeAccessRequest(b []byte) (*AccessRequest, error) {
	return decodeNew[AccessRequest](b)
}

// Request is an access request on the ledger. What came of it are the consents
// that name it.
type Request struct {
	AccessRequest
	Requester PartyID `json:"requester"`
	Time      int64   `json:"time"`
	Tx        TxID    `json:"tx"`
}

func (r *Request) layout(f *fields) {
	r.AccessRequest.layout(f)
	f.fixed("requester", r.Requester[:])
	f.time("time", &r.Time)
	f.fixed("transaction", r.Tx[:])
}

func (r *Request) Validate() error {
	return first(r.AccessRequest.Validate(), requireID("requester", r.Requester[:]))
}

func (r *Request) DocumentType() DocumentType { return DocumentRequest }
func (r *Request) Encode() []byte             { return encodeDocument(r) }

// DecodeRequest reads the document.
func DecodeRequest(b []byte) (*Request, error) {
	return decodeNewDocument[Request](b)
}
