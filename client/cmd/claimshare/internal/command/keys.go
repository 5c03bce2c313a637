package command

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/claimshare/claimshare/client/keyfile"
	"github.com/claimshare/claimshare/crypto/bls"
	"github.com/claimshare/claimshare/crypto/pre"
	"github.com/claimshare/claimshare/crypto/pseudonym"
)

func (a *app) keysNew() *cobra.Command {
	var (
		mode, pid string
		l         lock
	)
	c := &cobra.Command{
		Use:   "new NAME",
		Short: "Make a party's keys: one for encryption, one for signatures",
		Long: `Make a party's keys. NAME.key holds the secret ones, encrypted; NAME.pub.json
the public ones, for everybody who seals records for this party. Neither file is
ever overwritten.

An encryption key has one mode for life. "scoped", the default, is what to use:
records carry a label, and a consent opens one label to one receiver. "paper" is
the bidirectional scheme of the paper, where proxy and receiver together learn
the owner's key: use a fresh pair of keys for each such relationship.`,
		Example: `  claimshare keys new alice
  claimshare keys new alice-paper --mode paper --recipient age1...`,
		Args: arguments("NAME"),
		RunE: a.action(func(ctx context.Context, args []string) error {
			m, err := pre.ParseMode(mode)
			if err != nil {
				return usage("--mode is scoped or paper, not %q", mode)
			}
			return a.newKeys(ctx, args[0], m, pid, l)
		}),
	}
	c.Flags().StringVar(&mode, "mode", "scoped", "scoped or paper")
	c.Flags().StringVar(&pid, "pid", "", "pseudo-identity that the keys are for")
	_ = c.RegisterFlagCompletionFunc("mode", oneOf("scoped", "paper"))
	l.flags(c)
	return c
}

func (a *app) newKeys(ctx context.Context, name string, mode pre.Mode, pid string, l lock) error {
	keyPath, publicPath := name+".key", name+".pub.json"
	if err := checkPID("--pid", pid); err != nil {
		return err
	}
	if err := absent(keyPath, publicPath); err != nil {
		return err
	}
	party := &keyfile.Party{PID: pid}
	var err error
	if mode == pre.ModePaper {
		party.Encryption, err = pre.GeneratePaperKey()
	} else {
		party.Encryption, err = pre.GenerateScopedKey()
	}
	if err != nil {
		return err
	}
	if party.Signing, err = bls.GenerateKey(); err != nil {
		return err
	}
	recipients, err := a.recipientsFor(ctx, l)
	if err != nil {
		return err
	}
	if err := keyfile.Create(keyPath, &keyfile.Contents{Created: time.Now(), Party: party}, recipients...); err != nil {
		return err
	}
	if err := keyfile.WritePublic(publicPath, party.Public()); err != nil {
		return errors.Join(err, os.Remove(keyPath))
	}
	return a.print(append(describeKeys(party.Public()),
		field{"keyFile", "secret keys", keyPath}, field{"publicFile", "public keys", publicPath}))
}

func (a *app) keysShow() *cobra.Command {
	var (
		params, msp, pid, public string
		u                        unlock
	)
	c := &cobra.Command{
		Use:   "show FILE",
		Short: "Show the public side of a key file, and prove possession of its keys",
		Long: `Show the public side of a key file: a public one (*.pub.json), or a secret one,
which is unlocked for it. Secret keys are never shown.

With --params and --msp, proofs of possession of both keys are made, which the
system manager asks for when it registers a party; this needs the secret file.`,
		Args: arguments("FILE"),
		RunE: a.action(func(ctx context.Context, args []string) error {
			if (params == "") != (msp == "") {
				return usage("proofs of possession need both --params and --msp")
			}
			return a.showKeys(ctx, args[0], params, msp, pid, public, u)
		}),
	}
	c.Flags().StringVar(&params, "params", "", "parameters file of the system, for proofs of possession")
	c.Flags().StringVar(&msp, "msp", "", "organisation (MSP id) that the party belongs to, for proofs of possession")
	c.Flags().StringVar(&pid, "pid", "", "pseudo-identity, when the key file has none")
	c.Flags().StringVar(&public, "public", "", "write the public keys to this new file")
	u.flags(c)
	return c
}

func (a *app) showKeys(ctx context.Context, path, paramsPath, msp, pid, publicPath string, u unlock) error {
	// A public key file needs no passphrase, and proves nothing.
	file := named{"keys show", path}
	public, err := keyfile.ReadPublic(path)
	other := new(keyfile.KindError)
	switch {
	case err == nil && msp != "":
		return refuse(errKind, "name the secret key file", "%s is a public key file: only the secret keys can prove possession", path)
	case err == nil:
		return a.print(describeKeys(public))
	case !errors.As(err, &other):
		return file.explain(err, keyfile.PublicKeys)
	case other.Is == keyfile.Parameters:
		return refuse(errKind, fmt.Sprintf(`use "claimshare params show %s"`, path), "%s is a parameters file", path)
	case other.Is == keyfile.Other && other.Format == "":
		return refuse(errKind, "check that you named the right file", "%s is not a key file", path)
	case other.Is == keyfile.Other:
		return err
	}
	c, err := a.openKeys(ctx, file, u)
	if err != nil {
		return err
	}
	created := field{"created", "created", c.Created.Format(time.RFC3339)}
	if c.System != nil {
		return a.print(answer{
			{"systemName", "system", c.System.Name},
			{"masterPublicKey", "master public key", hex.EncodeToString(c.System.Master.PublicKey())},
			created,
		})
	}
	public = c.Party.Public()
	if err := samePID(&public.PID, pid); err != nil {
		return err
	}
	out := append(describeKeys(public), created)
	if msp != "" {
		proofs, err := prove(c.Party, paramsPath, public.PID, msp)
		if err != nil {
			return err
		}
		out = append(out, proofs...)
	}
	if publicPath != "" {
		if err := keyfile.WritePublic(publicPath, public); err != nil {
			return err
		}
		out = append(out, field{"publicFile", "public keys", publicPath})
	}
	return a.print(out)
}

func prove(p *keyfile.Party, paramsPath, pid, msp string) (answer, error) {
	if pid == "" {
		return nil, usage("the key file names no pseudo-identity: give the --pid to prove possession for")
	}
	params, err := named{"--params", paramsPath}.parameters()
	if err != nil {
		return nil, err
	}
	encryption, err := p.Encryption.ProvePossession(params.ID(), pid, msp)
	if err != nil {
		return nil, err
	}
	signing := p.Signing.ProvePossession(params.ID(), pid, msp)
	return answer{
		{"mspId", "organisation", msp},
		{"encryptionProof", "encryption key proof", hex.EncodeToString(encryption)},
		{"signingProof", "signing key proof", hex.EncodeToString(signing[:])},
	}, nil
}

func describeKeys(p *keyfile.Public) answer {
	return answer{
		{"pid", "pseudo-identity", p.PID},
		{"mode", "mode", p.Encryption.Mode().String()},
		{"encryptionKey", "encryption key", hex.EncodeToString(p.Encryption.Bytes())},
		{"signingKey", "signing key", hex.EncodeToString(p.Signing.Bytes())},
	}
}

// checkPID refuses what is not a pseudo-identity: a real name, above all.
func checkPID(flag, pid string) error {
	if pid == "" {
		return nil
	}
	if _, err := pseudonym.Parse(pid); err != nil {
		return usage("%s: this is not a pseudo-identity: it has %d characters of base64url, issued by the system manager", flag, pseudonym.Size)
	}
	return nil
}

// samePID sets *pid from a flag, unless it is set to another one.
func samePID(pid *string, flag string) error {
	if err := checkPID("--pid", flag); err != nil || flag == "" {
		return err
	}
	if *pid != "" && *pid != flag {
		return usage("--pid is not the pseudo-identity that the keys are for")
	}
	*pid = flag
	return nil
}
