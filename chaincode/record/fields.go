package record

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

// MaxTime is the last second of the year 9999: later times are refused, so
// that every time has an RFC 3339 form.
const MaxTime = 253402300799

// A layouter lists its fields in their canonical order. The same list encodes
// and decodes, so the two cannot disagree.
type layouter interface {
	layout(f *fields)
	// Validate reports the first rule that the values break.
	Validate() error
}

// fields is one pass over the fields of a value, in either direction. The
// first error sticks; later calls do nothing.
type fields struct {
	buf      []byte
	decoding bool
	err      error
}

func encode(prefix []byte, l layouter) []byte {
	f := &fields{buf: prefix}
	l.layout(f)
	return f.buf
}

func decode(b []byte, l layouter) error {
	f := &fields{buf: b, decoding: true}
	l.layout(f)
	if f.err == nil && len(f.buf) != 0 {
		f.err = fmt.Errorf("%d bytes follow the last field", len(f.buf))
	}
	if f.err == nil {
		f.err = l.Validate()
	}
	if f.err != nil {
		return ErrMalformed.With("%v", f.err)
	}
	return nil
}

// decodeNew decodes into a fresh T and returns nothing but what passed.
func decodeNew[T any, P interface {
	*T
	layouter
}](b []byte) (*T, error) {
	v := new(T)
	if err := decode(b, P(v)); err != nil {
		return nil, err
	}
	return v, nil
}

func (f *fields) fail(name, format string, args ...any) {
	if f.err == nil {
		f.err = fmt.Errorf("%s: %s", name, fmt.Sprintf(format, args...))
	}
}

// take cuts the next n bytes off the input, or returns nil after an error.
func (f *fields) take(name string, n int) []byte {
	if f.err != nil {
		return nil
	}
	if len(f.buf) < n {
		f.fail(name, "the input ends too early")
		return nil
	}
	b := f.buf[:n]
	f.buf = f.buf[n:]
	return b
}

// fixed is a byte array of fixed size.
func (f *fields) fixed(name string, b []byte) {
	if !f.decoding {
		f.buf = append(f.buf, b...)
		return
	}
	copy(b, f.take(name, len(b)))
}

// optional is a byte array that stands only when it is not all zero, behind a
// byte that says so.
func (f *fields) optional(name string, b []byte) {
	present := !isZero(b)
	f.flag(name, &present)
	f.present(name, b, present)
}

// present is a byte array of which a flag has said whether it stands.
func (f *fields) present(name string, b []byte, present bool) {
	if !present {
		return
	}
	f.fixed(name, b)
	if f.decoding && f.err == nil && isZero(b) {
		f.fail(name, "zero, but marked as present")
	}
}

func (f *fields) flag(name string, v *bool) { f.flags(name, v) }

// flags are up to eight truth values in one byte, the first in its lowest bit.
func (f *fields) flags(name string, values ...*bool) {
	var b byte
	for i, v := range values {
		if *v {
			b |= 1 << i
		}
	}
	f.u8(name, &b)
	if !f.decoding {
		return
	}
	if int(b) >= 1<<len(values) {
		f.fail(name, "%d is not between 0 and %d", b, 1<<len(values)-1)
	}
	for i, v := range values {
		*v = b&(1<<i) != 0 && f.err == nil
	}
}

func (f *fields) u8(name string, v *byte) {
	if !f.decoding {
		f.buf = append(f.buf, *v)
		return
	}
	if b := f.take(name, 1); b != nil {
		*v = b[0]
	}
}

func (f *fields) u32(name string, v *uint32) {
	if !f.decoding {
		f.buf = binary.BigEndian.AppendUint32(f.buf, *v)
		return
	}
	if b := f.take(name, 4); b != nil {
		*v = binary.BigEndian.Uint32(b)
	}
}

func (f *fields) u64(name string, v *uint64) {
	if !f.decoding {
		f.buf = binary.BigEndian.AppendUint64(f.buf, *v)
		return
	}
	if b := f.take(name, 8); b != nil {
		*v = binary.BigEndian.Uint64(b)
	}
}

// time is a number of Unix seconds, UTC.
func (f *fields) time(name string, v *int64) {
	u := uint64(*v)
	f.u64(name, &u)
	if f.decoding && f.err == nil {
		if u > MaxTime {
			f.fail(name, "not a time between 1970 and 9999")
			return
		}
		*v = int64(u)
	}
}

// bytes is a byte string of at most limit bytes behind its length.
func (f *fields) bytes(name string, v *[]byte, limit int) {
	n := uint32(len(*v))
	f.u32(name, &n)
	if !f.decoding {
		f.buf = append(f.buf, *v...)
		return
	}
	if f.err == nil && int64(n) > int64(limit) {
		f.fail(name, "longer than %d bytes", limit)
	}
	if f.err == nil {
		*v = append([]byte(nil), f.take(name, int(n))...)
	}
}

func (f *fields) text(name string, v *string, limit int) {
	b := []byte(*v)
	f.bytes(name, &b, limit)
	if f.decoding && f.err == nil {
		*v = string(b)
	}
}

// count is the length of a list of at most limit elements.
func (f *fields) count(name string, length, limit int) int {
	n := uint32(length)
	f.u32(name, &n)
	if f.decoding && f.err == nil && int64(n) > int64(limit) {
		f.fail(name, "more than %d elements", limit)
	}
	if f.err != nil {
		return 0
	}
	return int(n)
}

func isZero(b []byte) bool {
	for _, v := range b {
		if v != 0 {
			return false
		}
	}
	return true
}

// rule returns an error with the text when the condition does not hold.
func rule(holds bool, text string) error {
	if holds {
		return nil
	}
	return errors.New(text)
}

// first returns the first error that is not nil.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func checkTime(name string, t int64) error {
	return rule(t > 0 && t <= MaxTime, name+" is not a time between 1970 and 9999")
}

const (
	lowerLetters = "abcdefghijklmnopqrstuvwxyz"
	upperLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits       = "0123456789"
)

func checkAlphabet(name, s, alphabet string, least, most int) error {
	if len(s) < least || len(s) > most {
		return fmt.Errorf("%s must have %d to %d characters", name, least, most)
	}
	for _, c := range s {
		if !strings.ContainsRune(alphabet, c) {
			return fmt.Errorf("%s may hold only the characters %s", name, alphabet)
		}
	}
	return nil
}

// checkPrintable accepts printable ASCII: free text on the ledger must not
// hide anything from the eye of an auditor.
func checkPrintable(name, s string, least, most int) error {
	if len(s) < least || len(s) > most {
		return fmt.Errorf("%s must have %d to %d characters", name, least, most)
	}
	for i := 0; i < len(s); i++ {
		if s[i] < 0x20 || s[i] > 0x7e {
			return fmt.Errorf("%s may hold only printable ASCII", name)
		}
	}
	return nil
}
