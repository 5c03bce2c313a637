module github.com/claimshare/claimshare/chaincode

go 1.23.0

require (
	github.com/claimshare/claimshare/crypto v0.0.0
	github.com/hyperledger/fabric-chaincode-go/v2 v2.3.0
	github.com/hyperledger/fabric-contract-api-go/v2 v2.2.0
	github.com/hyperledger/fabric-protos-go-apiv2 v0.3.7
	github.com/stretchr/testify v1.11.1
)

replace github.com/claimshare/claimshare/crypto => ../crypto
