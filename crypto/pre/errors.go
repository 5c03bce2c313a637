package pre

import "errors"

// The errors that a caller may branch on.
var (
	// ErrMalformed: bytes are not the one canonical encoding of a key, capsule,
	// token or parameter set.
	ErrMalformed = errors.New("pre: malformed encoding")
	// ErrLabel: a label is not 1 to 64 characters of [a-z0-9._/-].
	ErrLabel = errors.New("pre: label must be 1 to 64 characters of a-z 0-9 . _ / -")
	// ErrMode: a scoped key met an empty label, or a paper-mode key a label.
	ErrMode = errors.New("pre: key mode does not fit: scoped keys take a label, paper-mode keys take none")
	// ErrInvalidCapsule: the capsule fails the validity check; it was altered,
	// or it is not encrypted under the key it was checked with.
	ErrInvalidCapsule = errors.New("pre: capsule is invalid: it was altered")
	// ErrWrongKey: the capsule is intact as far as one can tell, but encrypted
	// under another key.
	ErrWrongKey = errors.New("pre: capsule is encrypted under another key")
	// ErrBinding: the capsule is valid but was made for another record,
	// another owner or issuer, or another system.
	ErrBinding = errors.New("pre: capsule belongs to another record, owner, issuer or system")
	// ErrPayloadMismatch: the payload names another capsule.
	ErrPayloadMismatch = errors.New("pre: payload belongs to another capsule")
	// ErrPayloadTruncated: the payload is shorter than its capsule says.
	ErrPayloadTruncated = errors.New("pre: payload is truncated")
	// ErrPayloadTrailing: the payload is longer than its capsule says.
	ErrPayloadTrailing = errors.New("pre: payload has trailing bytes")
	// ErrPayloadAltered: the payload has the right size and wrong content.
	ErrPayloadAltered = errors.New("pre: payload was altered")
	// ErrToken: a delegation token is not the one its owner committed to, or
	// is for another key, label or consent than the capsule.
	ErrToken = errors.New("pre: delegation token does not match the consent")
	// ErrReencryption: the capsule and token are genuine and the re-encryption
	// is not: the proxy computed something else.
	ErrReencryption = errors.New("pre: re-encryption is wrong: the proxy did not compute it from the token")
	// ErrPossession: a proof of possession does not verify.
	ErrPossession = errors.New("pre: proof of possession does not verify")
	// ErrRekey: a paper-mode re-encryption key does not turn the owner's
	// public key into the receiver's.
	ErrRekey = errors.New("pre: re-encryption key does not connect these two keys")
)
