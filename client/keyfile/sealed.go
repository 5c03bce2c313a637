package keyfile

import (
	"io"

	"filippo.io/age"
)

// Seal encrypts a document of another package's as key files are: age, in
// armour.
func Seal(dst io.Writer, plain []byte, recipients ...age.Recipient) error {
	return encrypt(dst, plain, recipients)
}

// Unseal opens what [Seal] made. It returns [ErrLocked] or [ErrMalformed].
func Unseal(sealed []byte, identities ...age.Identity) ([]byte, error) {
	return decrypt(sealed, identities)
}
