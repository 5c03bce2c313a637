package record

import "bytes"

// Bounds of a grant.
const (
	MaxGrantRecords  = 64
	MaxGrantProxies  = 16
	MaxGrantReleases = 1000 // by each proxy
)

// RecordVersion names one version of one record.
type RecordVersion struct {
	ID     RecordID `json:"id"`
	Digest Digest   `json:"digest"`
}

// GrantStatement is an owner's consent. The owner signs it.
//
// It covers the records under Label (all records in paper mode, which has no
// labels), and among them only those listed in Records when that list is not
// empty. A token always opens a whole label: that a list is kept to is the
// proxy's and the ledger's work.
type GrantStatement struct {
	Consent          ConsentID       `json:"consent"`
	Request          RequestID       `json:"request"` // zero when nobody asked
	Owner            PartyID         `json:"owner"`
	OwnerVersion     uint32          `json:"ownerVersion"`
	OwnerKey         EncryptionKey   `json:"ownerKey"`
	Requester        PartyID         `json:"requester"`
	RequesterVersion uint32          `json:"requesterVersion"`
	RequesterKey     EncryptionKey   `json:"requesterKey"`
	Holder           PartyID         `json:"holder"` // zero: any holder
	Label            string          `json:"label"`
	Records          []RecordVersion `json:"records"`      // ascending by id
	PolicyRecord     RecordID        `json:"policyRecord"` // whose evidence the owner shows
	Purpose          string          `json:"purpose"`
	Claim            string          `json:"claim"`
	NotBefore        int64           `json:"notBefore"`
	Expiry           int64           `json:"expiry"` // the first second at which it no longer holds
	MaxReleases      uint32          `json:"maxReleases"`
	PayloadToken     Digest          `json:"payloadToken"` // commitment; zero in paper mode
	SearchToken      Digest          `json:"searchToken"`  // commitment to the trapdoor; zero when none
	Proxies          []PartyID       `json:"proxies"`      // ascending
	Threshold        byte            `json:"threshold"`    // how many proxies are needed: 1
}

func (s *GrantStatement) layout(f *fields) {
	f.fixed("consent id", s.Consent[:])
	f.fixed("request id", s.Request[:])
	f.fixed("owner", s.Owner[:])
	f.u32("owner key version", &s.OwnerVersion)
	s.OwnerKey.layout(f)
	f.fixed("requester", s.Requester[:])
	f.u32("requester key version", &s.RequesterVersion)
	s.RequesterKey.layout(f)
	f.fixed("holder", s.Holder[:])
	f.text("label", &s.Label, 64)
	n := f.count("records", len(s.Records), MaxGrantRecords)
	if f.decoding {
		s.Records = make([]RecordVersion, n)
	}
	for i := range s.Records {
		f.fixed("record id", s.Records[i].ID[:])
		f.fixed("record digest", s.Records[i].Digest[:])
	}
	f.fixed("policy record", s.PolicyRecord[:])
	f.text("purpose", &s.Purpose, 32)
	f.text("claim number", &s.Claim, 64)
	f.time("not-before", &s.NotBefore)
	f.time("expiry", &s.Expiry)
	f.u32("maximum releases", &s.MaxReleases)
	f.fixed("payload token", s.PayloadToken[:])
	f.fixed("search token", s.SearchToken[:])
	n = f.count("proxies", len(s.Proxies), MaxGrantProxies)
	if f.decoding {
		s.Proxies = make([]PartyID, n)
	}
	for i := range s.Proxies {
		f.fixed("proxy", s.Proxies[i][:])
	}
	f.u8("threshold", &s.Threshold)
}

func (s *GrantStatement) Validate() error {
	scoped := s.OwnerKey.Mode == ModeScoped
	err := first(
		requireID("consent id", s.Consent[:]),
		requireID("owner", s.Owner[:]),
		requireID("requester", s.Requester[:]),
		rule(s.Owner != s.Requester, "owner and requester are the same party"),
		rule(s.OwnerVersion > 0 && s.RequesterVersion > 0, "key versions start at 1"),
		s.OwnerKey.require("owner's encryption key"),
		s.RequesterKey.require("requester's encryption key"),
		rule(s.OwnerKey.Mode == s.RequesterKey.Mode, "owner and requester have keys of different modes"),
		s.OwnerKey.checkScope(s.Label),
		rule(!scoped || !s.PayloadToken.IsZero(), "the commitment to the re-encryption token is missing"),
		rule(!scoped || !s.PolicyRecord.IsZero(), "the policy record is missing"),
		CheckPurpose(s.Purpose),
		CheckClaim(s.Claim),
		checkTime("not-before", s.NotBefore),
		checkTime("expiry", s.Expiry),
		rule(s.NotBefore < s.Expiry, "the consent expires before it begins"),
		rule(s.MaxReleases >= 1 && s.MaxReleases <= MaxGrantReleases, "maximum releases must be 1 to 1000"),
		rule(len(s.Records) <= MaxGrantRecords, "too many records"),
		rule(len(s.Proxies) >= 1 && len(s.Proxies) <= MaxGrantProxies, "there must be 1 to 16 proxies"),
		rule(s.Threshold == 1, "the threshold must be 1: splitting a token between proxies is not built yet"),
	)
	if err != nil {
		return err
	}
	var last RecordID
	for i := range s.Records {
		id := s.Records[i].ID
		if err := first(
			rule(bytes.Compare(last[:], id[:]) < 0, "records must ascend by id"),
			requireID("record digest", s.Records[i].Digest[:]),
		); err != nil {
			return err
		}
		last = id
	}
	var lastProxy PartyID
	for _, id := range s.Proxies {
		if bytes.Compare(lastProxy[:], id[:]) >= 0 {
			return rule(false, "proxies must ascend")
		}
		lastProxy = id
	}
	return nil
}

func (s *GrantStatement) Type() StatementType     { return StatementGrant }
func (s *GrantStatement) Encode() []byte          { return encode(nil, s) }
func (s *GrantStatement) Hash(c Context) [32]byte { return c.hash(StatementGrant, s.Encode()) }

// DecodeGrantStatement reads the canonical body.
func DecodeGrantStatement(b []byte) (*GrantStatement, error) {
	return decodeNew[GrantStatement](b)
}

// Covers reports whether the grant reaches a record under a label in the hands
// of a holder, and if not, which of the three stands against it.
func (s *GrantStatement) Covers(version RecordVersion, label string, holder PartyID) error {
	if label != s.Label {
		return ErrConsentScope.With("the consent is for label %q, the record is under %q", s.Label, label)
	}
	if !s.Holder.IsZero() && s.Holder != holder {
		return ErrConsentScope.With("the consent is for records held by %s, not by %s", s.Holder, holder)
	}
	if len(s.Records) == 0 {
		return nil
	}
	for _, listed := range s.Records {
		if listed == version {
			return nil
		}
		if listed.ID == version.ID {
			return ErrConsentScope.With("the consent is for another version of record %s", version.ID)
		}
	}
	return ErrConsentScope.With("record %s is not among those that the consent lists", version.ID)
}

// HasProxy reports whether the grant names the proxy.
func (s *GrantStatement) HasProxy(id PartyID) bool {
	for _, p := range s.Proxies {
		if p == id {
			return true
		}
	}
	return false
}
