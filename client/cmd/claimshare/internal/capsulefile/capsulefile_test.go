package capsulefile

import (
	"bytes"
	"crypto/sha256"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/crypto/pre"
)

type sealed struct {
	params *pre.Parameters
	key    *pre.ScopedSecretKey
	file   *File
	bytes  []byte
}

func seal(t testing.TB) sealed {
	t.Helper()
	master, err := pre.GenerateMasterKey()
	require.NoError(t, err)
	params, err := pre.NewParameters("test", master.PublicKey())
	require.NoError(t, err)
	key, err := pre.GenerateScopedKey()
	require.NoError(t, err)
	f := &File{ParamsID: params.ID(), Info: pre.RecordInfo{RecordID: [16]byte{1, 2}, Kind: 2, OwnerPID: "owner", IssuerPID: "issuer"}}
	f.Capsule, err = params.Seal(key.PublicKey(), "repair/2026", f.Info, io.Discard, strings.NewReader("record"))
	require.NoError(t, err)
	b, err := f.Bytes()
	require.NoError(t, err)
	return sealed{params, key, f, b}
}

// verify is everything that a holder of the owner's public key checks.
func (s sealed) verify(f *File) error {
	if f.ParamsID != s.params.ID() {
		return pre.ErrBinding
	}
	if _, err := f.Capsule.Verify(s.params, s.key.PublicKey()); err != nil {
		return err
	}
	return f.Capsule.BoundTo(s.params, s.key.PublicKey(), f.Info)
}

func TestParseIsTheInverseOfBytes(t *testing.T) {
	s := seal(t)
	got, err := Parse(s.bytes)
	require.NoError(t, err)
	require.Equal(t, s.file.Info, got.Info)
	require.Equal(t, s.file.ParamsID, got.ParamsID)
	require.Equal(t, s.file.Capsule.Bytes(), got.Capsule.Bytes())
	require.NoError(t, s.verify(got))
}

func TestEveryFlippedBitIsFound(t *testing.T) {
	s := seal(t)
	for i := range 8 * len(s.bytes) {
		bad := bytes.Clone(s.bytes)
		bad[i/8] ^= 1 << (i % 8)
		_, err := Parse(bad)
		require.Error(t, err, "bit %d", i)
	}
}

// Whoever changes a file can mend the checksum; the capsule still tells.
func TestEveryFlippedBitIsFoundWithoutTheChecksum(t *testing.T) {
	s := seal(t)
	body := s.bytes[:len(s.bytes)-sha256.Size]
	step := 1
	if testing.Short() {
		step = 7
	}
	for i := 0; i < 8*len(body); i += step {
		bad := bytes.Clone(body)
		bad[i/8] ^= 1 << (i % 8)
		sum := sha256.Sum256(bad)
		f, err := Parse(append(bad, sum[:]...))
		if err == nil {
			err = s.verify(f)
		}
		require.Error(t, err, "bit %d", i)
	}
}

func TestLengths(t *testing.T) {
	s := seal(t)
	_, err := Parse(append(bytes.Clone(s.bytes), 0))
	require.ErrorIs(t, err, ErrTrailing)
	for n := range s.bytes {
		_, err := Parse(s.bytes[:n])
		require.ErrorIs(t, err, ErrTruncated, n)
	}
	_, err = Parse([]byte("%PDF-1.7"))
	require.ErrorIs(t, err, ErrFormat)
	_, err = Read(bytes.NewReader(make([]byte, 1<<20)))
	require.ErrorIs(t, err, ErrFormat)
	s.file.Info.OwnerPID = strings.Repeat("x", maxPID+1)
	_, err = s.file.Bytes()
	require.Error(t, err)
}

func FuzzParse(f *testing.F) {
	s := seal(f)
	f.Add(s.bytes)
	f.Add(s.bytes[:60])
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, b []byte) {
		file, err := Parse(b)
		if err != nil {
			return
		}
		again, err := file.Bytes()
		require.NoError(t, err)
		require.Equal(t, b, again)
	})
}
