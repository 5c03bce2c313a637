package record

import "fmt"

// Role is what a party is in the alliance.
type Role byte

const (
	RoleAuthority    Role = 1 // a system manager's agency
	RoleInsurer      Role = 2
	RoleRepairShop   Role = 3
	RolePolicyholder Role = 4 // has no certificate; others carry its signed statements
	RoleProxy        Role = 5 // re-encrypts, holds no key that opens anything
)

var roleNames = []string{"", "authority", "insurer", "repair-shop", "policyholder", "proxy"}

// Kind is what a record is.
type Kind byte

const (
	KindPolicy Kind = 1
	KindRepair Kind = 2
)

var kindNames = []string{"", "policy", "repair"}

// Issuer is the role whose parties issue records of this kind.
func (k Kind) Issuer() Role {
	if k == KindPolicy {
		return RoleInsurer
	}
	return RoleRepairShop
}

// Status is the standing of a party.
type Status byte

const (
	StatusActive    Status = 1
	StatusSuspended Status = 2
	StatusExpelled  Status = 3
)

var statusNames = []string{"", "active", "suspended", "expelled"}

// KeyMode says what an encryption key may be used for; it is fixed when the
// key is made. The zero mode means that the party has no encryption key.
type KeyMode byte

const (
	ModeNone   KeyMode = 0
	ModeScoped KeyMode = 1 // labelled records, one token per label
	ModePaper  KeyMode = 2 // empty label, the paper's bidirectional re-encryption
)

var modeNames = []string{"none", "scoped", "paper"}

// ConsentStatus is how far a consent has come. That it has expired or has not
// begun follows from the clock: see [Consent.UsableAt].
type ConsentStatus byte

const (
	ConsentGranted  ConsentStatus = 1 // signed by the owner
	ConsentApproved ConsentStatus = 2 // checked by the system manager
	ConsentRevoked  ConsentStatus = 3 // withdrawn by the owner
)

var consentNames = []string{"", "granted", "approved", "revoked"}

// ReleaseStatus is what became of a release.
type ReleaseStatus byte

const (
	ReleaseOpen         ReleaseStatus = 1 // handed out
	ReleaseAcknowledged ReleaseStatus = 2 // the receiver opened it and the digest matched
	ReleaseDisputed     ReleaseStatus = 3 // the receiver says that it does not match
	ReleaseUpheld       ReleaseStatus = 4 // resolved against the holder: a violation
	ReleaseDismissed    ReleaseStatus = 5 // resolved in the holder's favour
)

var releaseNames = []string{"", "released", "acknowledged", "disputed", "upheld", "dismissed"}

// Ground is what a dispute complains of.
type Ground byte

const (
	GroundCapsule Ground = 1 // the capsule that the holder signed is not the recorded one
	GroundPayload Ground = 2 // the payload that the holder signed is not the capsule's
)

var groundNames = []string{"", "capsule", "payload"}

// Offence is what a violation was committed by.
type Offence byte

const (
	OffenceSignature Offence = 1 // submitted an entry with a wrong signature
	OffenceDelivery  Offence = 2 // delivered a tampered ciphertext
)

var offenceNames = []string{"", "wrong-signature", "tampered-delivery"}

// Action is what a decision of the agencies does.
type Action byte

const (
	ActionExpel     Action = 1
	ActionReinstate Action = 2
	ActionRules     Action = 3 // changes the record window and the clock skew
)

var actionNames = []string{"", "expel", "reinstate", "rules"}

// DecisionStatus is how far a decision has come. That a proposal has expired
// follows from the clock.
type DecisionStatus byte

const (
	DecisionOpen    DecisionStatus = 1
	DecisionEnacted DecisionStatus = 2
)

var decisionNames = []string{"", "open", "enacted"}

func nameOf[T ~byte](names []string, v T) string {
	if int(v) < len(names) && names[v] != "" {
		return names[v]
	}
	return fmt.Sprintf("unknown(%d)", byte(v))
}

func valueOf[T ~byte](what string, names []string, s string, v *T) error {
	for i, name := range names {
		if name != "" && name == s {
			*v = T(i)
			return nil
		}
	}
	return ErrMalformed.With("%q is not a %s", s, what)
}

func checkName[T ~byte](what string, names []string, v T) error {
	if int(v) < len(names) && names[v] != "" {
		return nil
	}
	return fmt.Errorf("%d is not a %s", byte(v), what)
}

// ParseRole reads "authority", "insurer", "repair-shop", "policyholder" or "proxy".
func ParseRole(s string) (r Role, err error) { err = valueOf("role", roleNames, s, &r); return r, err }

func (r Role) String() string                { return nameOf(roleNames, r) }
func (r Role) MarshalText() ([]byte, error)  { return []byte(r.String()), nil }
func (r *Role) UnmarshalText(b []byte) error { return valueOf("role", roleNames, string(b), r) }

// ParseKind reads "policy" or "repair".
func ParseKind(s string) (k Kind, err error) {
	err = valueOf("record kind", kindNames, s, &k)
	return k, err
}

func (k Kind) String() string                { return nameOf(kindNames, k) }
func (k Kind) MarshalText() ([]byte, error)  { return []byte(k.String()), nil }
func (k *Kind) UnmarshalText(b []byte) error { return valueOf("record kind", kindNames, string(b), k) }

func (s Status) String() string                { return nameOf(statusNames, s) }
func (s Status) MarshalText() ([]byte, error)  { return []byte(s.String()), nil }
func (s *Status) UnmarshalText(b []byte) error { return valueOf("status", statusNames, string(b), s) }

// ParseKeyMode reads "none", "scoped" or "paper".
func ParseKeyMode(s string) (m KeyMode, err error) {
	err = valueOf("key mode", modeNames, s, &m)
	return m, err
}

func (m KeyMode) String() string                { return nameOf(modeNames, m) }
func (m KeyMode) MarshalText() ([]byte, error)  { return []byte(m.String()), nil }
func (m *KeyMode) UnmarshalText(b []byte) error { return valueOf("key mode", modeNames, string(b), m) }

func (s ConsentStatus) String() string               { return nameOf(consentNames, s) }
func (s ConsentStatus) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
func (s *ConsentStatus) UnmarshalText(b []byte) error {
	return valueOf("consent status", consentNames, string(b), s)
}

func (s ReleaseStatus) String() string               { return nameOf(releaseNames, s) }
func (s ReleaseStatus) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
func (s *ReleaseStatus) UnmarshalText(b []byte) error {
	return valueOf("release status", releaseNames, string(b), s)
}

// ParseGround reads "capsule" or "payload".
func ParseGround(s string) (g Ground, err error) {
	err = valueOf("ground of dispute", groundNames, s, &g)
	return g, err
}

func (g Ground) String() string               { return nameOf(groundNames, g) }
func (g Ground) MarshalText() ([]byte, error) { return []byte(g.String()), nil }
func (g *Ground) UnmarshalText(b []byte) error {
	return valueOf("ground of dispute", groundNames, string(b), g)
}

func (o Offence) String() string               { return nameOf(offenceNames, o) }
func (o Offence) MarshalText() ([]byte, error) { return []byte(o.String()), nil }
func (o *Offence) UnmarshalText(b []byte) error {
	return valueOf("offence", offenceNames, string(b), o)
}

// ParseAction reads "expel", "reinstate" or "rules".
func ParseAction(s string) (a Action, err error) {
	err = valueOf("kind of decision", actionNames, s, &a)
	return a, err
}

func (a Action) String() string               { return nameOf(actionNames, a) }
func (a Action) MarshalText() ([]byte, error) { return []byte(a.String()), nil }
func (a *Action) UnmarshalText(b []byte) error {
	return valueOf("kind of decision", actionNames, string(b), a)
}

func (s DecisionStatus) String() string               { return nameOf(decisionNames, s) }
func (s DecisionStatus) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
func (s *DecisionStatus) UnmarshalText(b []byte) error {
	return valueOf("decision status", decisionNames, string(b), s)
}

// CheckLabel reports whether s is a label: 1 to 64 of the characters
// a-z 0-9 . _ / and -. Paper mode alone has the empty label.
func CheckLabel(s string) error {
	return checkAlphabet("label", s, lowerLetters+digits+"._/-", 1, 64)
}

// CheckPurpose reports whether s can be the purpose of a request: 1 to 32 of
// the characters a-z 0-9 and -. It is in clear on the ledger.
func CheckPurpose(s string) error {
	return checkAlphabet("purpose", s, lowerLetters+digits+"-", 1, 32)
}

// CheckClaim reports whether s can be a claim number: up to 64 of the
// characters a-z A-Z 0-9 . _ / and -. It is in clear on the ledger.
func CheckClaim(s string) error {
	return checkAlphabet("claim number", s, lowerLetters+upperLetters+digits+"._/-", 0, 64)
}

// CheckReason reports whether s can be the reason of a decision: 1 to 256
// printable ASCII characters. It is in clear on the ledger.
func CheckReason(s string) error { return checkPrintable("reason", s, 1, 256) }
