package record

import "fmt"

// DocumentType is the first byte of every document on the ledger; the second
// is the version of its schema. A reader of the write sets needs nothing else
// to tell what it sees.
type DocumentType byte

const (
	DocumentSystem     DocumentType = 1
	DocumentParty      DocumentType = 2
	DocumentRecord     DocumentType = 3
	DocumentRequest    DocumentType = 4
	DocumentConsent    DocumentType = 5
	DocumentRevocation DocumentType = 6
	DocumentRelease    DocumentType = 7
	DocumentViolation  DocumentType = 8
	DocumentLink       DocumentType = 9
	DocumentDecision   DocumentType = 10
	DocumentApproval   DocumentType = 11
)

// SchemaVersion is the version of every document below.
const SchemaVersion = 1

// Document is a value on the ledger. Its JSON form is what queries answer.
type Document interface {
	DocumentType() DocumentType
	// Encode is type, schema version and fields.
	Encode() []byte
}

type document interface {
	Document
	layouter
}

func encodeDocument(d document) []byte {
	return encode([]byte{byte(d.DocumentType()), SchemaVersion}, d)
}

func decodeDocument(b []byte, d document) error {
	if len(b) < 2 || b[0] != byte(d.DocumentType()) {
		return ErrMalformed.With("not a document of type %d", d.DocumentType())
	}
	if b[1] != SchemaVersion {
		return ErrMalformed.With("schema version %d of document type %d is unknown", b[1], b[0])
	}
	return decode(b[2:], d)
}

func decodeNewDocument[T any, P interface {
	*T
	document
}](b []byte) (*T, error) {
	v := new(T)
	if err := decodeDocument(b, P(v)); err != nil {
		return nil, err
	}
	return v, nil
}

// DecodeDocument reads any value that the chaincode has written, except the
// one-byte values of index keys.
func DecodeDocument(b []byte) (Document, error) {
	if len(b) < 2 {
		return nil, ErrMalformed.With("not a document")
	}
	var d document
	switch DocumentType(b[0]) {
	case DocumentSystem:
		d = new(System)
	case DocumentParty:
		d = new(Party)
	case DocumentRecord:
		d = new(Record)
	case DocumentRequest:
		d = new(Request)
	case DocumentConsent:
		d = new(Consent)
	case DocumentRevocation:
		d = new(Revocation)
	case DocumentRelease:
		d = new(Release)
	case DocumentViolation:
		d = new(Violation)
	case DocumentLink:
		d = new(Link)
	case DocumentDecision:
		d = new(Decision)
	case DocumentApproval:
		d = new(Approval)
	default:
		return nil, ErrMalformed.With("document type %d is unknown", b[0])
	}
	if err := decodeDocument(b, d); err != nil {
		return nil, err
	}
	return d, nil
}

// Link says to which party a certificate subject, a key, a faulty batch or the
// other side of a relationship in paper mode belongs.
type Link struct {
	Party PartyID `json:"party"`
}

func (l *Link) layout(f *fields)           { f.fixed("party", l.Party[:]) }
func (l *Link) Validate() error            { return requireID("party", l.Party[:]) }
func (l *Link) DocumentType() DocumentType { return DocumentLink }
func (l *Link) Encode() []byte             { return encodeDocument(l) }

// DecodeLink reads the document.
func DecodeLink(b []byte) (*Link, error) {
	return decodeNewDocument[Link](b)
}

// Page is one page of a list. An empty bookmark says that it is the last.
type Page[T any] struct {
	Items    []T    `json:"items"`
	Bookmark string `json:"bookmark"`
}

// MaxPage is the largest number of rows in a page.
const MaxPage = 100

// Event is what a transaction announces: ids and kinds of change, no contents.
// Whoever wants the documents reads the write set of the block.
type Event struct {
	Version int      `json:"version"`
	Changes []Change `json:"changes"`
}

// EventName is the name of every event; EventVersion its format.
const (
	EventName    = "claimshare"
	EventVersion = 1
)

// Change is one kind of change to documents of one kind.
type Change struct {
	Document string   `json:"document"` // "system", "party", "record", ...
	Change   string   `json:"change"`   // "added", "amended", "approved", ...
	IDs      []string `json:"ids,omitempty"`
}

func (t DocumentType) String() string {
	names := []string{"", "system", "party", "record", "request", "consent", "revocation", "release", "violation", "link", "decision", "approval"}
	if int(t) < len(names) && names[t] != "" {
		return names[t]
	}
	return fmt.Sprintf("unknown(%d)", byte(t))
}
