package command

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/cmd/claimshare/internal/capsulefile"
	"github.com/claimshare/claimshare/client/internal/atomicfile"
	"github.com/claimshare/claimshare/client/keyfile"
	"github.com/claimshare/claimshare/crypto/pre"
)

// sealing is what the flags of "record seal" say.
type sealing struct {
	params, to, label, recordID, kind, ownerPID, issuerPID string
}

func (a *app) recordSeal() *cobra.Command {
	var s sealing
	c := &cobra.Command{
		Use:   "seal INPUT NAME",
		Short: "Encrypt a record for its owner",
		Long: `Encrypt a record, which can be any file of any size, for its owner.

NAME.capsule is the small half, a few hundred bytes, which proxies handle: a
capsule of 271 bytes and the label, with the record's names around it.
NAME.payload is the large half. Both are needed to open the record.
INPUT may be - for standard input. Nothing is overwritten.

Label, kind, sizes and pseudo-identities are readable by everybody who has the
capsule: where a category is sensitive, use an opaque word as label.`,
		Example: `  claimshare record seal --params authority.params.json --to alice.pub.json \
      --label repair/2026 invoice.pdf r17`,
		Args: arguments("INPUT", "NAME"),
		RunE: a.action(func(ctx context.Context, args []string) error {
			return a.seal(ctx, s, args[0], sealedName(args[1]))
		}),
	}
	f := c.Flags()
	f.StringVar(&s.params, "params", "", "parameters file of the system")
	f.StringVar(&s.to, "to", "", "public key file of the owner")
	f.StringVar(&s.label, "label", "", "scope of consents, 1 to 64 of a-z 0-9 . _ / - (scoped keys need one, paper keys take none)")
	f.StringVar(&s.recordID, "record-id", "", "32 hexadecimal digits (default: random)")
	f.StringVar(&s.kind, "kind", "repair", "policy or repair")
	f.StringVar(&s.ownerPID, "owner-pid", "", "pseudo-identity of the owner (default: the one in the key file)")
	f.StringVar(&s.issuerPID, "issuer-pid", "", "pseudo-identity of the issuer")
	_ = c.RegisterFlagCompletionFunc("kind", oneOf("policy", "repair"))
	return needed(c, "params FILE", "to FILE")
}

func (a *app) seal(ctx context.Context, s sealing, input, name string) error {
	params, err := named{"--params", s.params}.parameters()
	if err != nil {
		return err
	}
	to, err := named{"--to", s.to}.public()
	if err != nil {
		return err
	}
	info, err := s.info(to)
	if err != nil {
		return err
	}
	if err := checkLabel(to, s.label); err != nil {
		return err
	}
	src := a.in
	if input != "-" {
		f, err := os.Open(input)
		if err != nil {
			return err
		}
		defer f.Close()
		if info, err := f.Stat(); err == nil && info.IsDir() {
			return refuse(&fs.PathError{Op: "seal", Path: input, Err: syscall.EISDIR}, "seal its files one by one, or an archive of them (tar, zip)",
				"%s is a directory, and a record is one file", input)
		}
		src = f
	}
	if err := absent(name + capsuleSuffix); err != nil {
		return err
	}
	payload, err := atomicfile.Create(name+payloadSuffix, 0o644)
	if err != nil {
		return err
	}
	defer payload.Close()

	out := bufio.NewWriterSize(payload, 256<<10)
	capsule, err := params.Seal(to.Encryption, s.label, info, out, interruptible{ctx, src})
	if err == nil {
		err = out.Flush()
	}
	if err != nil {
		return fmt.Errorf("sealing %s: %w", input, err)
	}
	file := &capsulefile.File{ParamsID: params.ID(), Info: info, Capsule: capsule}
	if err := commitSealed(name, payload, file); err != nil {
		return err
	}
	return a.print(append(describeCapsule(file),
		field{"capsuleFile", "capsule", name + capsuleSuffix}, field{"payloadFile", "payload", name + payloadSuffix}))
}

// commitSealed gives both halves their names, or none.
func commitSealed(name string, payload *atomicfile.File, file *capsulefile.File) error {
	encoded, err := file.Bytes()
	if err != nil {
		return err
	}
	capsule, err := atomicfile.Create(name+capsuleSuffix, 0o644)
	if err != nil {
		return err
	}
	defer capsule.Close()
	if _, err := capsule.Write(encoded); err != nil {
		return err
	}
	if err := payload.Commit(); err != nil {
		return err
	}
	if err := capsule.Commit(); err != nil {
		return errors.Join(err, os.Remove(name+payloadSuffix))
	}
	return nil
}

// info is the record's information, from flags and the owner's key file.
func (s sealing) info(to *keyfile.Public) (info pre.RecordInfo, err error) {
	kind, err := record.ParseKind(s.kind)
	if err != nil {
		return info, usage("--kind is policy or repair, not %q", s.kind)
	}
	info.Kind = byte(kind)
	id := record.RecordID{}
	if s.recordID == "" {
		_, err = io.ReadFull(rand.Reader, id[:])
	} else if id, err = record.ParseRecordID(s.recordID); err != nil {
		err = usage("--record-id is 32 hexadecimal digits in lower case, not all zero")
	}
	if err != nil {
		return info, err
	}
	info.RecordID = id
	if err := errors.Join(checkPID("--owner-pid", s.ownerPID), checkPID("--issuer-pid", s.issuerPID)); err != nil {
		return info, err
	}
	info.OwnerPID, info.IssuerPID = to.PID, s.issuerPID
	if s.ownerPID != "" {
		if to.PID != "" && to.PID != s.ownerPID {
			return info, usage("--owner-pid is not the pseudo-identity in the key file %s", s.to)
		}
		info.OwnerPID = s.ownerPID
	}
	return info, nil
}

// checkLabel says early, and with the flag's name, what Seal would refuse.
func checkLabel(to *keyfile.Public, label string) error {
	switch {
	case to.Encryption.Mode() == pre.ModePaper && label != "":
		return usage("the owner's key is of paper mode and takes no --label")
	case to.Encryption.Mode() == pre.ModePaper:
		return nil
	case label == "":
		return usage("the owner's key is of scoped mode and needs a --label")
	}
	if err := pre.ValidLabel(label); err != nil {
		return usage("--label: %w", err)
	}
	return nil
}
