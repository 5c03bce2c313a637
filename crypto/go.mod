module github.com/claimshare/claimshare/crypto

go 1.23.0

require (
	github.com/consensys/gnark-crypto v0.19.2
	github.com/stretchr/testify v1.11.1
	github.com/tink-crypto/tink-go/v2 v2.4.0
	golang.org/x/crypto v0.41.0
)
