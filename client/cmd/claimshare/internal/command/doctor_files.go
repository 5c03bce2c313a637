package command

import (
	"context"
	"encoding/hex"
	"errors"
	"io/fs"
	"time"

	"filippo.io/age"

	"github.com/claimshare/claimshare/client/keyfile"
	"github.com/claimshare/claimshare/client/store"
	"github.com/claimshare/claimshare/client/store/sqlite"
	"github.com/claimshare/claimshare/crypto/pre"
)

// released is a time before which this program did not exist.
var released = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

const clockAdvice = "set the clock and keep it set, with NTP: peers refuse transactions whose time is more than a minute off"

func examineClock(d *diagnosis, now time.Time) {
	at := now.UTC().Format(time.RFC3339)
	if now.Before(released) {
		d.add("clock", "", problem, "it says "+at+", which has passed", clockAdvice)
		return
	}
	switch synchronised, known := clockSynchronised(); {
	case !known:
		d.ok("clock", "", "%s; whether it is synchronised is not known here", at)
	case !synchronised:
		d.add("clock", "", warning, at+"; the kernel says that nothing synchronises it", clockAdvice)
	default:
		d.ok("clock", "", "%s, synchronised", at)
	}
}

func examineParams(d *diagnosis, path string) *pre.Parameters {
	params, err := named{"--params", path}.parameters()
	if err != nil {
		d.add("parameters", "", problem, err.Error(), adviceOf(err, "get the parameters file from the system manager again"))
		return nil
	}
	id := params.ID()
	d.ok("parameters", path, "system %q, id %s", params.SystemName(), hex.EncodeToString(id[:]))
	return params
}

func (p *patient) examineKey(d *diagnosis, path string, params *pre.Parameters) {
	public, err := keyfile.ReadPublic(path)
	if err == nil {
		d.ok("key", path, "public keys, %s mode", public.Encryption.Mode())
		return
	}
	other := new(keyfile.KindError)
	switch isOther := errors.As(err, &other); {
	case isOther && other.Is == keyfile.Parameters:
		d.add("key", path, problem, "this is a parameters file", "name it with --params")
		return
	case isOther && other.Is == keyfile.Other:
		d.add("key", path, problem, "this is not a key file", "check that it is the right file")
		return
	case errors.Is(err, fs.ErrNotExist):
		err = named{"--key", path}.explain(err, keyfile.SecretKeys)
		d.add("key", "", problem, err.Error(), adviceOf(err, `check the name, or make keys with "claimshare keys new"`))
		return
	case !isOther:
		d.add("key", "", problem, err.Error(), "check that it is the right file, or restore it from a backup")
		return
	}
	needs, err := keyfile.NeedsPassphrase(path)
	switch {
	case errors.Is(err, keyfile.ErrPermissions):
		d.add("key", "", problem, err.Error(), "when others may have read it, also make new keys")
		return
	case err != nil:
		d.add("key", "", problem, err.Error(), "check that it is the right file, or restore it from a backup")
		return
	}
	how := "locked to an age recipient"
	if needs {
		how = "locked with a passphrase"
	}
	identities, err := p.identities(needs)
	switch {
	case err != nil:
		d.add("key", "", problem, err.Error(), adviceOf(err, "name the right --passphrase-file or --identity"))
		return
	case identities == nil:
		d.ok("key", path, "private, %s; not unlocked", how)
		return
	}
	contents, err := keyfile.Open(path, identities...)
	switch {
	case errors.Is(err, keyfile.ErrLocked):
		d.add("key", "", problem, err.Error(), "name the right --passphrase-file or --identity")
	case err != nil:
		d.add("key", "", problem, err.Error(), "restore it from a backup")
	case contents.System != nil && params != nil && string(contents.System.Master.PublicKey()) != string(params.MasterPublicKey()):
		d.add("key", path, problem, "this master key is not the one of the parameters file", "use the parameters file that was made with this key")
	case contents.System != nil:
		d.ok("key", path, "the master key of system %q, %s", contents.System.Name, how)
	default:
		d.ok("key", path, "a party's keys, %s mode, %s", contents.Party.Public().Encryption.Mode(), how)
	}
}

// adviceOf is an error's own advice, or the given one.
func adviceOf(err error, otherwise string) string {
	if own := new(refusal); errors.As(err, &own) && own.advice != "" {
		return own.advice
	}
	return otherwise
}

// identities are what can open a key file; none when there is nothing to open
// it with.
func (p *patient) identities(needsPassphrase bool) ([]age.Identity, error) {
	switch {
	case needsPassphrase && p.unlock.passphraseFile != "":
		passphrase, err := readPassphrase(p.unlock.passphraseFile)
		if err != nil {
			return nil, err
		}
		defer clear(passphrase)
		identity, err := age.NewScryptIdentity(string(passphrase))
		return []age.Identity{identity}, err
	case !needsPassphrase && p.unlock.identityFile != "":
		return readIdentities(p.unlock.identityFile)
	default:
		return nil, nil
	}
}

func examineStore(ctx context.Context, d *diagnosis, path string) {
	summary, err := sqlite.Check(ctx, path)
	switch {
	case err == nil:
		d.ok("store", path, "sound, schema version %d, %s", summary.Schema, counted(summary.Records, "record"))
	case errors.Is(err, fs.ErrNotExist):
		d.add("store", "", problem, err.Error(), "check the name; a store is made when a node first starts")
	case errors.Is(err, store.ErrPermissions):
		d.add("store", "", problem, err.Error(), "chmod 600 "+path)
	case errors.Is(err, store.ErrNewer):
		d.add("store", path, problem, err.Error(), "use the version of the program that wrote it, or a later one")
	default:
		d.add("store", path, problem, err.Error(), "stop what uses it and restore it from a backup")
	}
}
