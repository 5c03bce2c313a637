module github.com/claimshare/claimshare/network

go 1.26.0

require github.com/claimshare/claimshare/client v0.0.0

replace (
	github.com/claimshare/claimshare/chaincode => ../chaincode
	github.com/claimshare/claimshare/client => ../client
	github.com/claimshare/claimshare/crypto => ../crypto
)
