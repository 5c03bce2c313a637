package document

import (
	"fmt"
	"strings"
)

// vinWeights are the weights of ISO 3779's check digit; the ninth position,
// the check digit itself, has none.
var vinWeights = [17]int{8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2}

// vinValue transliterates one character; ok is false for I, O, Q and anything
// that is neither a capital letter nor a digit.
func vinValue(c byte) (v int, ok bool) {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0'), true
	case c >= 'A' && c <= 'H':
		return int(c-'A') + 1, true
	case c >= 'J' && c <= 'R' && c != 'O' && c != 'Q':
		return int(c-'J') + 1, true
	case c >= 'S' && c <= 'Z':
		return int(c-'S') + 2, true
	}
	return 0, false
}

// VINCheckDigit computes the check digit (0 to 9 or X) that belongs at the
// ninth position of vin, whatever stands there now.
func VINCheckDigit(vin string) (byte, error) {
	if len(vin) != len(vinWeights) {
		return 0, fmt.Errorf("a VIN has 17 characters, this one has %d", len(vin))
	}
	sum := 0
	for i := range len(vin) {
		v, ok := vinValue(vin[i])
		if !ok {
			return 0, fmt.Errorf("character %d of the VIN is %q; only capital letters without I, O, Q and digits are used", i+1, vin[i])
		}
		sum += v * vinWeights[i]
	}
	return "0123456789X"[sum%11], nil
}

// CheckVIN checks the form of a vehicle identification number and, where the
// region uses one, its check digit: North America (first character 1 to 5) and
// China (L). Elsewhere the ninth position is the maker's own and is not checked.
func CheckVIN(vin string) error {
	want, err := VINCheckDigit(vin)
	if err != nil {
		return err
	}
	if strings.IndexByte("12345L", vin[0]) >= 0 && vin[8] != want {
		return fmt.Errorf("the check digit at position 9 is %q but the other characters give %q; a character is mistyped", vin[8], want)
	}
	return nil
}
