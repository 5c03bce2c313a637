package listener

import (
	"encoding/base64"

	"github.com/claimshare/claimshare/chaincode/record"
)

// Where package contract keeps its documents: under a letter and the identifier
// in base64url.
const (
	systemKey       = "system"
	partyPrefix     = "p"
	recordPrefix    = "r"
	requestPrefix   = "q"
	consentPrefix   = "c"
	releasePrefix   = "l"
	decisionPrefix  = "d"
	violationPrefix = "\x00x\x00" // a composite key: party, time, transaction
)

func compact(id []byte) string { return base64.RawURLEncoding.EncodeToString(id) }

func violationsOf(id record.PartyID) string { return violationPrefix + compact(id[:]) + "\x00" }

// isIndex tells the value of an index key from a document, which has two bytes
// at least.
func isIndex(value []byte) bool { return len(value) == 1 && value[0] == 0 }
