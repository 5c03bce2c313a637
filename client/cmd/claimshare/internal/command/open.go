package command

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/claimshare/claimshare/client/internal/atomicfile"
	"github.com/claimshare/claimshare/crypto/pre"
)

func (a *app) recordOpen() *cobra.Command {
	var (
		params, key string
		u           unlock
	)
	c := &cobra.Command{
		Use:   "open NAME TARGET",
		Short: "Verify and decrypt one's own record",
		Long: `Verify and decrypt the record in NAME.capsule and NAME.payload with its owner's
key, into the new file TARGET (mode 0600), or to standard output with -.

TARGET appears when everything was verified, and complete, or not at all: no
part of the record is left on the disk by a failure. Nothing is overwritten.
Standard output gets nothing before everything was verified: the payload, which
then must be a file, is read twice.`,
		Example: `  claimshare record open --params authority.params.json --key alice.key r17 invoice.pdf`,
		Args:    arguments("NAME", "TARGET"),
		RunE: a.action(func(ctx context.Context, args []string) error {
			return a.open(ctx, sealedName(args[0]), args[1], params, key, u)
		}),
	}
	c.Flags().StringVar(&params, "params", "", "parameters file of the system")
	c.Flags().StringVar(&key, "key", "", "the owner's secret key file")
	u.flags(c)
	return needed(c, "params FILE", "key FILE")
}

func (a *app) open(ctx context.Context, name, target, paramsPath, keyPath string, u unlock) error {
	file, params, err := readCapsuleOf(name, paramsPath)
	if err != nil {
		return err
	}
	payload, err := openHalf(name, payloadSuffix)
	if err != nil {
		return err
	}
	defer payload.Close()
	if target != "-" {
		if err := absent(target); err != nil {
			return err
		}
	}
	party, err := a.openParty(ctx, named{"--key", keyPath}, u)
	if err != nil {
		return err
	}
	decrypt := func(dst io.Writer) error {
		out := bufio.NewWriterSize(dst, 256<<10)
		err := party.Encryption.Open(params, file.Capsule, file.Info, out, interruptible{ctx, payload})
		if err != nil {
			return fmt.Errorf("opening %s: %w", name, err)
		}
		return out.Flush()
	}
	if target == "-" {
		return openTwice(decrypt, payload, a.out)
	}
	dst, err := atomicfile.Create(target, 0o600)
	if err != nil {
		return err
	}
	defer dst.Close()
	if err := decrypt(dst); err != nil {
		return err
	}
	if err := dst.Commit(); err != nil {
		return err
	}
	return a.print(append(describeCapsule(file), field{"file", "opened", target}))
}

// openTwice decrypts to nowhere first, to verify everything, then to out.
func openTwice(decrypt func(io.Writer) error, payload *os.File, out io.Writer) error {
	if err := decrypt(io.Discard); err != nil {
		return err
	}
	if _, err := payload.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return decrypt(out)
}

func (a *app) recordVerify() *cobra.Command {
	var params, owner string
	c := &cobra.Command{
		Use:   "verify NAME",
		Short: "Verify a sealed record without any secret key",
		Long: `Verify the sealed record in NAME.capsule and NAME.payload: that the capsule is
valid under the owner's public key, that it was made for the record that its
file names, and that the payload is the capsule's. Nothing is decrypted.`,
		Example: `  claimshare record verify --params authority.params.json --owner alice.pub.json r17`,
		Args:    arguments("NAME"),
		RunE: a.action(func(ctx context.Context, args []string) error {
			return a.verify(ctx, sealedName(args[0]), params, owner)
		}),
	}
	c.Flags().StringVar(&params, "params", "", "parameters file of the system")
	c.Flags().StringVar(&owner, "owner", "", "the owner's public key file")
	return needed(c, "params FILE", "owner FILE")
}

func (a *app) verify(ctx context.Context, name, paramsPath, ownerPath string) error {
	file, params, err := readCapsuleOf(name, paramsPath)
	if err != nil {
		return err
	}
	owner, err := named{"--owner", ownerPath}.public()
	if err != nil {
		return err
	}
	bound := file.Capsule.BoundTo(params, owner.Encryption, file.Info)
	_, err = file.Capsule.Verify(params, owner.Encryption)
	switch {
	case err != nil && bound != nil:
		return fmt.Errorf("%s: %w, or it was altered", name+capsuleSuffix, pre.ErrWrongKey)
	case err != nil:
		return fmt.Errorf("%s: %w", name+capsuleSuffix, err)
	case bound != nil:
		return fmt.Errorf("%s: %w", name+capsuleSuffix, bound)
	}
	payload, err := openHalf(name, payloadSuffix)
	if err != nil {
		return err
	}
	defer payload.Close()
	if err := file.Capsule.CheckPayload(interruptible{ctx, payload}); err != nil {
		return fmt.Errorf("%s: %w", payload.Name(), err)
	}
	return a.print(append(describeCapsule(file), field{"valid", "verified", true}))
}

func (a *app) recordInspect() *cobra.Command {
	return &cobra.Command{
		Use:   "inspect NAME",
		Short: "Show everything public in a capsule",
		Long: `Show everything that NAME.capsule tells to everybody who has it. Nothing is
verified: use "record verify" for that.`,
		Args: arguments("NAME"),
		RunE: a.action(func(_ context.Context, args []string) error {
			file, err := readCapsule(sealedName(args[0]))
			if err != nil {
				return err
			}
			full := file.Capsule.FullDigest()
			return a.print(append(describeCapsule(file),
				field{"capsuleDigest", "capsule digest", fmt.Sprintf("%x", full)},
				field{"capsule", "", fmt.Sprintf("%x", file.Capsule.Bytes())}))
		}),
	}
}
