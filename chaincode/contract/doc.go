// Package contract is the chaincode: four contracts, registry, records,
// consents and credit, over the documents of package record.
package contract

import (
	_ "github.com/claimshare/claimshare/crypto/bls"
	_ "github.com/claimshare/claimshare/crypto/pre"
	_ "github.com/hyperledger/fabric-contract-api-go/v2/contractapi"
)
