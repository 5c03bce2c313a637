package contract

import (
	"crypto/sha256"
	"fmt"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/crypto/tag"
	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
)

// Keys that only the chaincode needs. Those of the documents that others read
// too are in package record.

// revocationKey holds the owner too: a stranger's tombstone must not keep an
// owner's grant out.
func revocationKey(consent record.ConsentID, owner record.PartyID) string {
	return "t" + record.KeyPart(consent[:]) + record.KeyPart(owner[:])
}

// callerKey links a certificate to its party. Certificates are renewed; MSP and
// subject stay.
func callerKey(msp, subject string) string {
	sum := sha256.Sum256(tag.LP(tag.LP(nil, []byte(msp)), []byte(subject)))
	return "u" + record.KeyPart(sum[:])
}

// publicKeyKey links a public key to its party, whatever it is used for.
func publicKeyKey(key []byte) string {
	sum := sha256.Sum256(key)
	return "k" + record.KeyPart(sum[:])
}

// pairKey links a party with a paper-mode key to the only one that it is used
// with.
func pairKey(id record.PartyID) string { return "m" + record.KeyPart(id[:]) }

// batchKey marks a batch that has cost its issuer a violation.
func batchKey(entries record.Digest) string { return "b" + record.KeyPart(entries[:]) }

// Indexes: composite keys whose last attribute is the identifier of a document.
// Those of lists that people read begin with the time.
const (
	indexRecordOwner      = "ro"
	indexRecordIssuer     = "ri"
	indexRequestOwner     = "qo"
	indexRequester        = "qr"
	indexConsentOwner     = "co"
	indexConsentRequester = "cr"
	indexReleaseOwner     = "lo"
	indexReleaseReceiver  = "lr"
	indexDecision         = "d"
	indexApproval         = "a" // not an index: the approvals themselves
)

// approvalKey is one agency's voice on a decision, whoever of the agency uses it.
func approvalKey(id record.DecisionID, agency string) (string, error) {
	sum := sha256.Sum256([]byte(agency))
	key, err := shim.CreateCompositeKey(indexApproval, []string{record.KeyPart(id[:]), record.KeyPart(sum[:])})
	if err != nil {
		return "", internal("approval key", err)
	}
	return key, nil
}

// indexValue marks an index key as present; Fabric takes no empty values.
var indexValue = []byte{0}

func sortable(t int64) string { return fmt.Sprintf("%010x", t) }

func (c *Context) putIndex(name string, attributes ...string) error {
	key, err := shim.CreateCompositeKey(name, attributes)
	if err != nil {
		return internal("index key", err)
	}
	if err := c.GetStub().PutState(key, indexValue); err != nil {
		return internal("write", err)
	}
	return nil
}
