// Package store defines what a party keeps in its own database: ciphertexts
// with the signed statements about them, what is still to be told to the
// ledger, what the ledger says, and, at a proxy and a requester, delegation
// tokens and records received.
//
// Nothing in a store opens a record: no plaintext and no secret key is ever
// put there. A proxy's tokens are the one thing worth stealing; they are
// destroyed when their consent ends, and a store file is its owner's alone
// (mode 0600). Store does not check what it is given: capsules, statements and
// signatures are verified by who uses them, and a reader verifies them again.
//
// Every method is one transaction: it happened completely, or not at all.
// Methods may be called from many goroutines.
package store

import (
	"context"
	"errors"
	"io"
	"iter"
	"time"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/crypto/bls"
)

// Errors that callers branch on; each comes wrapped with what was asked for.
var (
	// ErrNotFound: the store has no such thing.
	ErrNotFound = errors.New("not in the store")
	// ErrExists: the store has one under this id already.
	ErrExists = errors.New("already in the store")
	// ErrPayload: the payload is not the one that the entry describes.
	ErrPayload = errors.New("payload does not have the stated size and digest")
	// ErrState: the entry's state does not allow this.
	ErrState = errors.New("not possible in the entry's state")
	// ErrErased: the record was erased. Its payload and its capsule are gone.
	ErrErased = errors.New("record was erased")
	// ErrDestroyed: the token was destroyed and cannot come back.
	ErrDestroyed = errors.New("token was destroyed")
	// ErrPermissions: others than the owner may read the store's file.
	ErrPermissions = errors.New("the store can be read by others")
	// ErrUnavailable: the database does not answer, or stopped answering. What
	// was asked has not happened, or, when it was being committed, may have: to
	// repeat it is safe.
	ErrUnavailable = errors.New("the database cannot be reached")
	// ErrFull: there is no room. What was asked has not happened, and nothing
	// that was there is lost.
	ErrFull = errors.New("the disk of the store is full: make room on it and repeat what failed")
	// ErrOtherPayloads: the folder for payloads belongs to another store.
	ErrOtherPayloads = errors.New("the folder for payloads is another store's")
	// ErrSealKey: the rows have seals under another key than the store was
	// opened with, or somebody has altered the row that tells. It can only be
	// read.
	ErrSealKey = errors.New("the store's rows are sealed under another key: open it with the keys that it was written with")
	// ErrNewer: a later release of this program wrote the store.
	ErrNewer = errors.New("the store was written by a newer version")
)

// Store is a party's database.
type Store interface {
	Records
	Outbox
	Tokens
	Inbox
	Values
	Proposals
	Invitations
	Findings
	World
	Counter
	Portable
	// Journal keeps endorsed transactions until their fate is known.
	Journal() ledger.Journal
	io.Closer
}

// State says what the ledger knows of an entry.
type State int

// An entry is Pending when it was written here, Submitted once it is on its
// way to the ledger, and then either Recorded or Refused.
const (
	Pending State = iota
	Submitted
	Recorded
	Refused
)

// String names the state.
func (s State) String() string {
	switch s {
	case Pending:
		return "pending"
	case Submitted:
		return "submitted"
	case Recorded:
		return "recorded"
	case Refused:
		return "refused"
	default:
		return "unknown"
	}
}

// Entry is one record as its holder keeps it, without the payload.
type Entry struct {
	RecordID  record.RecordID
	Kind      record.Kind
	Label     string
	Owner     record.PartyID
	OwnerPID  string
	Issuer    record.PartyID
	IssuerPID string

	Capsule       []byte
	PayloadSize   int64
	PayloadDigest record.Digest // SHA-256 of the payload's ciphertext

	Statement       []byte // the signed body, canonical
	OwnerSignature  bls.Signature
	IssuerSignature bls.Signature

	// The store fills these in; Put ignores them.
	State      State
	Submission string // what it was last submitted as
	Reason     string // why it was refused
	TxID       string // the transaction that recorded or refused it
	Block      uint64 // the block that holds it, when recorded
	Created    time.Time
	Updated    time.Time

	Erased       time.Time // zero unless it was erased: then Capsule is empty
	ErasedReason string
}

// Item is an entry to be put with its payload.
type Item struct {
	Entry   Entry
	Payload io.Reader
}

// Query selects entries; a zero field selects all. Answers come in the order
// of record ids.
type Query struct {
	Owner record.PartyID
	Label string
	After record.RecordID // only ids greater than this one
	Limit int
}

// Capsule is what a search test needs of an entry.
type Capsule struct {
	RecordID record.RecordID
	Label    string
	Capsule  []byte
}

// Records holds ciphertexts.
type Records interface {
	// Put adds entries, all or none, as Pending. It answers ErrExists when one
	// of the ids is taken and ErrPayload when a payload is not as described.
	Put(ctx context.Context, items ...Item) error
	// Record answers one entry, or ErrNotFound.
	Record(ctx context.Context, id record.RecordID) (*Entry, error)
	// Payload writes the payload's ciphertext to dst. It answers ErrNotFound
	// or ErrErased before anything was written, or the error of dst. Nothing is verified:
	// whoever opens the payload does that.
	Payload(ctx context.Context, id record.RecordID, dst io.Writer) error
	// Find goes through the entries that q selects, erased ones too. An error
	// ends it.
	Find(ctx context.Context, q Query) iter.Seq2[*Entry, error]
	// Capsules goes through the same entries without the erased ones, which
	// have no capsule, and reads less of each.
	Capsules(ctx context.Context, q Query) iter.Seq2[Capsule, error]
	// ReplaceCapsule puts another capsule in the place of the record's, for
	// instance after the owner's keys changed. It answers ErrNotFound or
	// ErrErased. That the ledger knows the new one is the caller's to see to.
	ReplaceCapsule(ctx context.Context, id record.RecordID, capsule []byte) error
	// Erase destroys the record's payload and capsule where the store keeps
	// them. The row stays with its ids and the signed statement, and says when
	// and why; the reason must not be empty. Doing so twice is harmless, and
	// finishes what was interrupted; the first reason stays. It answers
	// ErrNotFound. What it cannot reach are copies that others made: backups,
	// snapshots of the disk, records that were released.
	Erase(ctx context.Context, id record.RecordID, reason string) error
}

// Submission is a batch of entries on its way to the ledger. Its reference is
// the caller's own: in ledger.Call it stands beside the transaction, so that
// what the journal recovers after a crash can be matched.
type Submission struct {
	Reference string
	Records   []record.RecordID
}

// Outbox holds what the ledger must still be told. To submit: MarkSubmitted,
// then the transaction with the same reference, then MarkRecorded, MarkRefused
// or Requeue. A crash in between leaves a submission that Submissions answers:
// ask the journal and the ledger, and settle it.
type Outbox interface {
	// PendingRecords answers up to limit pending entries that were not erased,
	// oldest first.
	PendingRecords(ctx context.Context, limit int) ([]*Entry, error)
	// MarkSubmitted notes that entries are about to be submitted. It answers
	// ErrState when one is recorded or refused already, and ErrErased.
	MarkSubmitted(ctx context.Context, s Submission) error
	// Submissions answers the submissions whose fate is open, each with the
	// entries that still wait for it, in the order of references.
	Submissions(ctx context.Context) ([]Submission, error)
	// MarkRecorded notes that the ledger has these entries, as the commit
	// event says. Doing so twice is harmless. Ids that are not here are
	// skipped: another party's entries are in the same events.
	MarkRecorded(ctx context.Context, txID string, block uint64, ids ...record.RecordID) error
	// MarkRefused notes that the ledger refused these entries for good. It
	// answers ErrState when one is recorded.
	MarkRefused(ctx context.Context, txID, reason string, ids ...record.RecordID) error
	// Requeue makes submitted or refused entries pending again, for instance
	// when their transaction was invalidated. It answers ErrState when one is
	// recorded.
	Requeue(ctx context.Context, ids ...record.RecordID) error
}

// Token is a delegation token as a proxy keeps it, with the grant that it
// belongs to.
type Token struct {
	Consent   record.ConsentID
	Owner     record.PartyID
	Requester record.PartyID
	Label     string
	Grant     []byte // the signed body, canonical
	Signature bls.Signature

	PayloadToken []byte
	SearchToken  []byte

	NotBefore time.Time
	Expires   time.Time
	Created   time.Time // filled in by the store
}

// Tokens holds delegation tokens.
type Tokens interface {
	// PutToken adds a token. It answers ErrExists, or ErrDestroyed when the
	// consent has ended already.
	PutToken(ctx context.Context, t Token) error
	// Token answers a token, or ErrNotFound, or ErrDestroyed.
	Token(ctx context.Context, id record.ConsentID) (*Token, error)
	// LiveTokens goes through the tokens that were not destroyed.
	LiveTokens(ctx context.Context) iter.Seq2[*Token, error]
	// DestroyToken overwrites the token's secrets where the store keeps them,
	// and remembers that the consent has ended: also of a consent it has never
	// seen, whose token may arrive late. Doing so twice is harmless.
	DestroyToken(ctx context.Context, id record.ConsentID, reason string) error
}

// Received is a re-encrypted record as its requester keeps it.
type Received struct {
	Release   record.ReleaseID
	Consent   record.ConsentID
	RecordID  record.RecordID
	Kind      record.Kind
	Label     string
	OwnerPID  string
	IssuerPID string
	Holder    record.PartyID

	Capsule       []byte
	Reencrypted   []byte // what the proxy added
	PayloadSize   int64
	PayloadDigest record.Digest
	Deliver       []byte // the holder's signed statement, with its signature
	Trailer       []byte // the holder's signed trailer, with its signature

	// The store fills these in.
	AckTxID string // "" until acknowledged
	Created time.Time
}

// Inbox holds records that others have released to this party.
type Inbox interface {
	// PutReceived adds a record with its payload: ErrExists, ErrPayload.
	PutReceived(ctx context.Context, r Received, payload io.Reader) error
	// Received answers one, or ErrNotFound.
	Received(ctx context.Context, id record.ReleaseID) (*Received, error)
	// ReceivedPayload is Payload for a received record.
	ReceivedPayload(ctx context.Context, id record.ReleaseID, dst io.Writer) error
	// ReceivedUnder goes through what came under a consent, oldest first.
	ReceivedUnder(ctx context.Context, id record.ConsentID) iter.Seq2[*Received, error]
	// MarkAcknowledged notes the transaction that acknowledged a release.
	MarkAcknowledged(ctx context.Context, id record.ReleaseID, txID string) error
}

// Values holds small things by name, such as event checkpoints.
type Values interface {
	// Value answers the value, or ErrNotFound.
	Value(ctx context.Context, name string) ([]byte, error)
	// SetValue sets it, whether or not there was one.
	SetValue(ctx context.Context, name string, value []byte) error
}
