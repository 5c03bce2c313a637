module github.com/claimshare/claimshare/client

go 1.26.0

require (
	github.com/claimshare/claimshare/chaincode v0.0.0
	github.com/claimshare/claimshare/crypto v0.0.0
	github.com/hyperledger/fabric-gateway v1.12.1
	google.golang.org/grpc v1.83.2
)

replace (
	github.com/claimshare/claimshare/chaincode => ../chaincode
	github.com/claimshare/claimshare/crypto => ../crypto
)
