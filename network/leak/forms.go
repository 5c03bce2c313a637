package leak

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
)

// pattern is a secret in one form.
type pattern struct {
	secret, form string
	bytes        []byte
}

// forms lists how a secret may be written.
func forms(s Secret) []pattern {
	var all []pattern
	add := func(form string, written []byte) {
		for _, p := range all {
			if bytes.Equal(p.bytes, written) {
				return
			}
		}
		all = append(all, pattern{secret: s.Name, form: form, bytes: written})
	}
	add("raw", s.Value)
	add("hex", []byte(hex.EncodeToString(s.Value)))
	add("HEX", []byte(strings.ToUpper(hex.EncodeToString(s.Value))))
	for offset := range 3 {
		add("base64", aligned(base64.RawStdEncoding, s.Value, offset))
		add("base64url", aligned(base64.RawURLEncoding, s.Value, offset))
	}
	add("decimal", []byte(strings.Trim(fmt.Sprintf("%d", s.Value), "[]")))
	if quoted, err := json.Marshal(string(s.Value)); err == nil {
		add("JSON", bytes.Trim(quoted, `"`))
	}
	return all
}

// aligned is the part of the base64 text that depends on the value alone when
// so many bytes modulo three stand before it.
func aligned(encoding *base64.Encoding, value []byte, before int) []byte {
	const bitsOfByte, bitsOfCharacter = 8, 6
	text := encoding.EncodeToString(append(make([]byte, before), value...))
	from := (before*bitsOfByte + bitsOfCharacter - 1) / bitsOfCharacter
	to := (before + len(value)) * bitsOfByte / bitsOfCharacter
	return []byte(text[from:to])
}
