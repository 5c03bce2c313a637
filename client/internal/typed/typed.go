// Package typed writes bytes as text that people copy by hand: Crockford's
// base32, in groups, with a check at the end of every piece. It reads what
// people make of that: small letters, other separators, O for 0, I or L for 1.
//
// The check finds accidents, nothing else: one wrong letter or two exchanged ones
// pass with a probability of one in a million (20 bits).
package typed

import (
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"strings"
)

// ErrText says that a text is not one that this package wrote, or was copied
// wrongly.
var ErrText = errors.New("there is a mistake in the text, or a part of it is missing")

const (
	alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	checked  = 4 // letters of check, five bits each
)

var encoding = base32.NewEncoding(alphabet).WithPadding(base32.NoPadding)

// Encode writes b, for a purpose that the check covers, in groups of n letters.
func Encode(purpose string, b []byte, n int) string {
	text := encoding.EncodeToString(b) + check(purpose, b)
	var groups []string
	for len(text) > n {
		groups, text = append(groups, text[:n]), text[n:]
	}
	return strings.Join(append(groups, text), "-")
}

func check(purpose string, b []byte) string {
	h := sha256.New()
	h.Write([]byte(purpose))
	h.Write([]byte{0})
	h.Write(b)
	return encoding.EncodeToString(h.Sum(nil))[:checked]
}

// Decode reads what Encode wrote for the purpose. It returns [ErrText].
func Decode(purpose, text string) ([]byte, error) {
	letters := strings.Map(letter, text)
	if len(letters) < checked || strings.Contains(letters, "?") {
		return nil, ErrText
	}
	body, tail := letters[:len(letters)-checked], letters[len(letters)-checked:]
	b, err := encoding.DecodeString(body)
	if err != nil || encoding.EncodeToString(b) != body || check(purpose, b) != tail {
		return nil, ErrText
	}
	return b, nil
}

// letter is what a typed character stands for: -1 for nothing, '?' for none.
func letter(r rune) rune {
	if r >= 'a' && r <= 'z' {
		r -= 'a' - 'A'
	}
	switch r {
	case ' ', '-', '_', '.', '\t', '\r', '\n':
		return -1
	case 'O':
		return '0'
	case 'I', 'L':
		return '1'
	}
	if strings.ContainsRune(alphabet, r) {
		return r
	}
	return '?'
}
