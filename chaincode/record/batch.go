package record

import (
	"crypto/sha256"
	"fmt"
)

// MaxBatch is the largest number of entries in one transaction.
const MaxBatch = 100

// MaxBadEntries is how many entries with wrong signatures are told apart in
// one transaction. With more, the whole batch is refused.
const MaxBadEntries = 8

// TransientBatch is the key of the transient map under which an encoded batch
// travels: the ledger keeps what the batch led to, not the batch.
const TransientBatch = "batch"

// Entry is a record statement with both signatures.
type Entry struct {
	Statement       RecordStatement `json:"statement"`
	OwnerSignature  Signature       `json:"ownerSignature"`
	IssuerSignature Signature       `json:"issuerSignature"`
}

func (e *Entry) layout(f *fields) {
	e.Statement.layout(f)
	f.fixed("owner's signature", e.OwnerSignature[:])
	f.fixed("issuer's signature", e.IssuerSignature[:])
}

func (e *Entry) Validate() error { return e.Statement.Validate() }

// Encode is the canonical form.
func (e *Entry) Encode() []byte { return encode(nil, e) }

// DecodeEntry reads the canonical form.
func DecodeEntry(b []byte) (*Entry, error) {
	return decodeNew[Entry](b)
}

// BatchStatement is signed by the issuer when somebody else carries its batch
// to the ledger: it proves that the batch, good or bad, is the issuer's own.
type BatchStatement struct {
	Issuer        PartyID `json:"issuer"`
	IssuerVersion uint32  `json:"issuerVersion"`
	Entries       Digest  `json:"entries"` // [Batch.EntriesDigest]
	Time          int64   `json:"time"`
}

func (s *BatchStatement) layout(f *fields) {
	f.fixed("issuer", s.Issuer[:])
	f.u32("issuer key version", &s.IssuerVersion)
	f.fixed("digest of the entries", s.Entries[:])
	f.time("time", &s.Time)
}

func (s *BatchStatement) Validate() error {
	return first(
		requireID("issuer", s.Issuer[:]),
		rule(s.IssuerVersion > 0, "key versions start at 1"),
		requireID("digest of the entries", s.Entries[:]),
		checkTime("time", s.Time),
	)
}

func (s *BatchStatement) Type() StatementType     { return StatementBatch }
func (s *BatchStatement) Encode() []byte          { return encode(nil, s) }
func (s *BatchStatement) Hash(c Context) [32]byte { return c.hash(StatementBatch, s.Encode()) }

// DecodeBatchStatement reads the canonical body.
func DecodeBatchStatement(b []byte) (*BatchStatement, error) {
	return decodeNew[BatchStatement](b)
}

// Carriage is the issuer's signed word for a batch that another carries.
type Carriage struct {
	Statement BatchStatement `json:"statement"`
	Signature Signature      `json:"signature"` // by the issuer, in the issuer's role
}

func (c *Carriage) layout(f *fields) {
	c.Statement.layout(f)
	f.fixed("issuer's signature", c.Signature[:])
}

// Batch is what one SubmitRecords or Amend transaction carries: 1 to 100
// entries of one issuer.
type Batch struct {
	Entries  []Entry   `json:"entries"`
	Carriage *Carriage `json:"carriage,omitempty"` // only when the carrier is not the issuer
}

// batchVersion is the first byte of an encoded batch.
const batchVersion = 1

func (b *Batch) layoutEntries(f *fields) {
	n := f.count("entries", len(b.Entries), MaxBatch)
	if f.decoding {
		b.Entries = make([]Entry, n)
	}
	for i := range b.Entries {
		b.Entries[i].layout(f)
	}
}

func (b *Batch) layout(f *fields) {
	version := byte(batchVersion)
	f.u8("version", &version)
	if version != batchVersion {
		f.fail("version", "%d is unknown", version)
	}
	b.layoutEntries(f)
	carried := b.Carriage != nil
	f.flag("carriage", &carried)
	if carried {
		if f.decoding {
			b.Carriage = new(Carriage)
		}
		b.Carriage.layout(f)
	}
}

func (b *Batch) Validate() error {
	if len(b.Entries) < 1 || len(b.Entries) > MaxBatch {
		return fmt.Errorf("a batch has 1 to %d entries", MaxBatch)
	}
	for i := range b.Entries {
		if err := b.Entries[i].Validate(); err != nil {
			return fmt.Errorf("entry %d: %w", i, err)
		}
	}
	if b.Carriage == nil {
		return nil
	}
	return first(
		b.Carriage.Statement.Validate(),
		rule(b.Carriage.Statement.Entries == b.EntriesDigest(), "the carriage is signed for other entries"),
	)
}

// Encode is the canonical form; put it into the transient map.
func (b *Batch) Encode() []byte { return encode(nil, b) }

// DecodeBatch reads the canonical form.
func DecodeBatch(b []byte) (*Batch, error) {
	return decodeNew[Batch](b)
}

// EntriesDigest is what the issuer signs in a [BatchStatement].
func (b *Batch) EntriesDigest() Digest {
	f := new(fields)
	b.layoutEntries(f)
	return sha256.Sum256(f.buf)
}

// BatchDigest is the clear argument that goes with an encoded batch.
func BatchDigest(encoded []byte) Digest { return sha256.Sum256(encoded) }

// Verdict is what became of one entry of a batch.
type Verdict string

const (
	VerdictRecorded  Verdict = "recorded"
	VerdictAlready   Verdict = "already recorded"
	VerdictSignature Verdict = "wrong signature"
	VerdictBatch     Verdict = "batch refused" // too many wrong signatures to tell them apart
)

// Exception is an entry that was not newly recorded.
type Exception struct {
	Index   int     `json:"index"`
	Verdict Verdict `json:"verdict"`
	// Which of the two signatures is wrong.
	Owner  bool `json:"owner,omitempty"`
	Issuer bool `json:"issuer,omitempty"`
}

// BatchAnswer is the answer to SubmitRecords and Amend. It stands in the
// transaction, so it lists only what is not the rule.
type BatchAnswer struct {
	Entries    int         `json:"entries"`
	Recorded   int         `json:"recorded"`
	Exceptions []Exception `json:"exceptions,omitempty"`
	// Violation is the transaction id under which a violation was committed.
	Violation string `json:"violation,omitempty"`
	// Repeated says that this very batch has cost its violation before.
	Repeated bool `json:"repeated,omitempty"`
	// Credit is the issuer's credit afterwards, when there was a violation.
	Credit *int `json:"credit,omitempty"`
	// Expelled says that this violation expelled the issuer.
	Expelled bool `json:"expelled,omitempty"`
}

// Verdicts lists one verdict per entry, in their order.
func (a *BatchAnswer) Verdicts() []Verdict {
	verdicts := make([]Verdict, a.Entries)
	for i := range verdicts {
		verdicts[i] = VerdictRecorded
	}
	for _, e := range a.Exceptions {
		if e.Index >= 0 && e.Index < len(verdicts) {
			verdicts[e.Index] = e.Verdict
		}
	}
	return verdicts
}
