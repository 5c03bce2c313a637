package keyfile

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/crypto/bls"
	"github.com/claimshare/claimshare/crypto/pre"
)

// passphrase locks quickly: real files use age's default work factor.
func passphrase(t *testing.T, p string) (age.Recipient, age.Identity) {
	t.Helper()
	r, err := age.NewScryptRecipient(p)
	require.NoError(t, err)
	r.SetWorkFactor(4)
	i, err := age.NewScryptIdentity(p)
	require.NoError(t, err)
	return r, i
}

var created = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func party(t *testing.T, mode pre.Mode) *Contents {
	t.Helper()
	p := &Party{PID: "some-pid"}
	var err error
	if mode == pre.ModeScoped {
		p.Encryption, err = pre.GenerateScopedKey()
	} else {
		p.Encryption, err = pre.GeneratePaperKey()
	}
	require.NoError(t, err)
	p.Signing, err = bls.GenerateKey()
	require.NoError(t, err)
	return &Contents{Created: created, Party: p}
}

func system(t *testing.T) *Contents {
	t.Helper()
	master, err := pre.GenerateMasterKey()
	require.NoError(t, err)
	return &Contents{Created: created, System: &System{Name: "s", Master: master}}
}

func TestCreateThenOpen(t *testing.T) {
	recipient, identity := passphrase(t, "correct horse")
	x, err := age.GenerateX25519Identity()
	require.NoError(t, err)

	for name, c := range map[string]struct {
		recipient age.Recipient
		identity  age.Identity
		needs     bool
		contents  *Contents
	}{
		"scoped, passphrase":   {recipient, identity, true, party(t, pre.ModeScoped)},
		"paper, age recipient": {x.Recipient(), x, false, party(t, pre.ModePaper)},
		"system's master":      {recipient, identity, true, system(t)},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "k")
			require.NoError(t, Create(path, c.contents, c.recipient))
			info, err := os.Stat(path)
			require.NoError(t, err)
			require.Equal(t, fs.FileMode(0o600), info.Mode().Perm())

			needs, err := NeedsPassphrase(path)
			require.NoError(t, err)
			require.Equal(t, c.needs, needs)

			got, err := Open(path, c.identity)
			require.NoError(t, err)
			require.Equal(t, c.contents, got)
		})
	}
}

func TestCreateRefuses(t *testing.T) {
	recipient, identity := passphrase(t, "p")
	path := filepath.Join(t.TempDir(), "k")
	both := party(t, pre.ModeScoped)
	both.System = system(t).System
	require.Error(t, Create(path, both, recipient))
	require.Error(t, Create(path, &Contents{}, recipient))
	require.Error(t, Create(path, &Contents{Party: &Party{}}, recipient))
	require.Error(t, Create(path, party(t, pre.ModeScoped)), "no recipient")
	require.NoFileExists(t, path)

	first := party(t, pre.ModeScoped)
	require.NoError(t, Create(path, first, recipient))
	require.ErrorIs(t, Create(path, party(t, pre.ModeScoped), recipient), fs.ErrExist)
	got, err := Open(path, identity)
	require.NoError(t, err)
	require.Equal(t, first, got)
}

func TestOpenRefuses(t *testing.T) {
	recipient, identity := passphrase(t, "right")
	_, wrong := passphrase(t, "wrong")
	x, err := age.GenerateX25519Identity()
	require.NoError(t, err)
	dir := t.TempDir()
	path := filepath.Join(dir, "k")
	require.NoError(t, Create(path, party(t, pre.ModeScoped), recipient))
	raw, err := os.ReadFile(path)
	require.NoError(t, err)

	put := func(content []byte) string {
		p := filepath.Join(t.TempDir(), "k")
		require.NoError(t, os.WriteFile(p, content, 0o600))
		return p
	}
	sealed := func(doc string) string {
		var b bytes.Buffer
		require.NoError(t, encrypt(&b, []byte(doc), []age.Recipient{recipient}))
		return put(b.Bytes())
	}
	encoded, err := encode(party(t, pre.ModeScoped))
	require.NoError(t, err)
	good := string(encoded)

	_, err = Open(path, wrong)
	require.ErrorIs(t, err, ErrLocked)
	_, err = Open(path, x)
	require.ErrorIs(t, err, ErrLocked)
	_, err = Open(filepath.Join(dir, "absent"), identity)
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = Open(sealed(good), identity)
	require.NoError(t, err)

	head := `{"format":"` + secretFormat + `","created":"2026-03-01T12:00:00Z",`
	zero := strings.Repeat("00", 32)
	for name, p := range map[string]string{
		"no age file":       put([]byte("hello")),
		"empty":             put(nil),
		"truncated":         put(raw[:len(raw)/2]),
		"bytes behind":      put(append(bytes.Clone(raw), "more"...)),
		"other document":    sealed(`{"format":"something/v1"}`),
		"not JSON":          sealed(`hello`),
		"two documents":     sealed(good + good),
		"neither kind":      sealed(head + `"party":null}`),
		"both kinds":        sealed(head + `"party":{},"system":{}}`),
		"short key":         sealed(head + `"system":{"name":"s","masterKey":"00"}}`),
		"zero key":          sealed(head + `"system":{"name":"s","masterKey":"` + zero + `"}}`),
		"unknown field":     sealed(head + `"colour":"red"}`),
		"unknown mode":      sealed(strings.Replace(good, `"scoped"`, `"x"`, 1)),
		"zero signing key":  sealed(good[:strings.Index(good, `"signingKey"`)] + `"signingKey":"` + zero + `"}}`),
		"larger than a key": put(make([]byte, maxSize+1)),
	} {
		_, err := Open(p, identity)
		require.ErrorIs(t, err, ErrMalformed, name)
	}
}

func TestEveryFlippedBitIsFound(t *testing.T) {
	x, err := age.GenerateX25519Identity()
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "k")
	want := party(t, pre.ModeScoped)
	require.NoError(t, Create(path, want, x.Recipient()))
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	for i := range raw {
		bad := bytes.Clone(raw)
		bad[i] ^= 1 << (i % 8)
		p := filepath.Join(t.TempDir(), "k")
		require.NoError(t, os.WriteFile(p, bad, 0o600))
		if c, err := Open(p, x); err == nil {
			// Armour has more than one spelling of a line end; keys have not.
			require.Equal(t, want, c)
		}
	}
}

func TestOthersMayNotRead(t *testing.T) {
	recipient, identity := passphrase(t, "p")
	path := filepath.Join(t.TempDir(), "k")
	require.NoError(t, Create(path, party(t, pre.ModeScoped), recipient))
	for _, mode := range []fs.FileMode{0o604, 0o640, 0o620, 0o644} {
		require.NoError(t, os.Chmod(path, mode))
		_, err := Open(path, identity)
		require.ErrorIs(t, err, ErrPermissions)
		require.ErrorContains(t, err, "chmod 600 "+path)
		require.ErrorIs(t, CheckPrivate(path), ErrPermissions)
	}
	require.NoError(t, os.Chmod(path, 0o400))
	_, err := Open(path, identity)
	require.NoError(t, err)
}

func TestSecretsAreNotPrinted(t *testing.T) {
	c := party(t, pre.ModePaper)
	for _, secret := range [][]byte{c.Party.Encryption.Bytes(), c.Party.Signing.Bytes()} {
		for _, format := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
			out := fmt.Sprintf(format, *c.Party)
			require.NotContains(t, out, fmt.Sprintf("%x", secret), format)
			require.NotContains(t, out, strings.Trim(fmt.Sprintf("%d", secret), "[]"), format)
		}
	}
}

func TestPublicFiles(t *testing.T) {
	dir := t.TempDir()
	for _, mode := range []pre.Mode{pre.ModeScoped, pre.ModePaper} {
		want := party(t, mode).Party.Public()
		path := filepath.Join(dir, mode.String())
		require.NoError(t, WritePublic(path, want))
		require.ErrorIs(t, WritePublic(path, want), fs.ErrExist)
		got, err := ReadPublic(path)
		require.NoError(t, err)
		require.Equal(t, want, got)
		require.Equal(t, mode, got.Encryption.Mode())
	}

	params, err := pre.NewParameters("test", system(t).System.Master.PublicKey())
	require.NoError(t, err)
	ppath := filepath.Join(dir, "params.json")
	require.NoError(t, WriteParameters(ppath, params))
	got, err := ReadParameters(ppath)
	require.NoError(t, err)
	require.Equal(t, params.ID(), got.ID())
	_, err = ReadPublic(ppath)
	require.ErrorIs(t, err, ErrMalformed)
	require.EqualError(t, err, ppath+" is a parameters file, not a public key file")
}

// What a file is comes before who may read it.
func TestAnotherKindOfFile(t *testing.T) {
	recipient, identity := passphrase(t, "p")
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	made := party(t, pre.ModeScoped)
	require.NoError(t, Create(in("secret"), made, recipient))
	require.NoError(t, WritePublic(in("public"), made.Party.Public()))
	params, err := pre.NewParameters("test", system(t).System.Master.PublicKey())
	require.NoError(t, err)
	require.NoError(t, WriteParameters(in("parameters"), params))
	require.NoError(t, os.WriteFile(in("other"), []byte("some text\n"), 0o644))
	require.NoError(t, os.WriteFile(in("newer"), []byte(`{"format":"claimshare-public-keys/v9"}`), 0o644))

	kinds := map[string]Kind{"secret": SecretKeys, "public": PublicKeys, "parameters": Parameters, "other": Other, "newer": Other}
	readers := map[Kind]func(string) error{
		SecretKeys: func(p string) error { _, err := Open(p, identity); return err },
		PublicKeys: func(p string) error { _, err := ReadPublic(p); return err },
		Parameters: func(p string) error { _, err := ReadParameters(p); return err },
	}
	for want, reader := range readers {
		for name, kind := range kinds {
			err := reader(in(name))
			if kind == want {
				require.NoError(t, err, name)
				continue
			}
			var e *KindError
			require.ErrorAs(t, err, &e, name)
			require.ErrorIs(t, err, ErrMalformed)
			require.Equal(t, kind, e.Is, name)
			require.Equal(t, want, e.Want, name)
		}
	}
	_, err = ReadPublic(in("newer"))
	require.ErrorContains(t, err, `its format is "claimshare-public-keys/v9"`)
	_, err = NeedsPassphrase(in("public"))
	require.EqualError(t, err, in("public")+" is a public key file, not a secret, encrypted key file")
}

func TestPublicFilesAreReadStrictly(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "pub")
	require.NoError(t, WritePublic(path, party(t, pre.ModeScoped).Party.Public()))
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	good := string(raw)
	key := good[strings.Index(good, `"encryptionKey": "`)+18:][:64]

	params, err := pre.NewParameters("test", system(t).System.Master.PublicKey())
	require.NoError(t, err)
	ppath := filepath.Join(dir, "params")
	require.NoError(t, WriteParameters(ppath, params))
	raw, err = os.ReadFile(ppath)
	require.NoError(t, err)

	for name, doc := range map[string]string{
		"upper case":    strings.Replace(good, key, strings.ToUpper(key), 1),
		"no hex":        strings.Replace(good, key, "zz"+key[2:], 1),
		"odd":           strings.Replace(good, key, key[1:], 1),
		"infinity":      strings.Replace(good, key, "40"+strings.Repeat("00", 31), 1),
		"unknown mode":  strings.Replace(good, "scoped", "x", 1),
		"bytes behind":  good + "x",
		"other name":    strings.Replace(string(raw), `"test"`, `"live"`, 1),
		"unknown field": strings.Replace(string(raw), `"systemName"`, `"name"`, 1),
	} {
		bad := filepath.Join(t.TempDir(), "bad")
		require.NoError(t, os.WriteFile(bad, []byte(doc), 0o644))
		if strings.Contains(doc, paramsFormat) {
			_, err = ReadParameters(bad)
		} else {
			_, err = ReadPublic(bad)
		}
		require.ErrorIs(t, err, ErrMalformed, name)
	}
}
