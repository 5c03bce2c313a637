package walletauth

import (
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"io"

	"github.com/claimshare/claimshare/client/internal/typed"
)

// Code is a one-time code, with which a policyholder enrols or replaces its keys:
// 16 random bytes. The system manager hands it over with the identity checked, on
// paper or face to face; it is worth as much as that handing over. In text it is
// 30 letters and digits in groups, with a check against typing errors.
type Code [16]byte

// CodeHash is what the system manager keeps of a code: a SHA-256, another one for
// each use, so that a code for one is nothing to the other.
type CodeHash [32]byte

const codePurpose = "claimshare enrolment code"

// NewCode draws a code.
func NewCode() (Code, error) {
	var c Code
	if _, err := rand.Read(c[:]); err != nil {
		return c, fmt.Errorf("walletauth: draw a code: %w", err)
	}
	return c, nil
}

// ParseCode reads a code as people type it. It returns an error for one that was
// typed wrongly; whether there is such a code, only the system manager knows.
func ParseCode(text string) (Code, error) {
	b, err := typed.Decode(codePurpose, text)
	if err != nil || len(b) != len(Code{}) {
		return Code{}, fmt.Errorf("walletauth: this is no one-time code: %w", typed.ErrText)
	}
	return Code(b), nil
}

// Text is the code to write down. It is a secret.
func (c Code) Text() string { return typed.Encode(codePurpose, c[:], 5) }

// Hash is what the system manager keeps of a code to enrol with.
func (c Code) Hash() CodeHash { return sha256.Sum256(c[:]) }

// RotationHash is what the system manager keeps of a code to replace keys with.
func (c Code) RotationHash() CodeHash {
	return sha256.Sum256(append([]byte("claimshare rotation code "), c[:]...))
}

// Format hides the code from every fmt verb.
func (c Code) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "walletauth.Code(hidden)") }
