module github.com/claimshare/claimshare/chaincode

go 1.23.0

require github.com/claimshare/claimshare/crypto v0.0.0

replace github.com/claimshare/claimshare/crypto => ../crypto
