package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"unicode/utf8"

	"filippo.io/age"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/claimshare/claimshare/client/keyfile"
)

// passphraseEnv names a file, never a passphrase.
const passphraseEnv = "CLAIMSHARE_PASSPHRASE_FILE"

// minPassphrase is the shortest passphrase for a new key file.
const minPassphrase = 8

// lock says how a new key file is locked.
type lock struct {
	passphraseFile string
	recipients     []string
}

func (l *lock) flags(c *cobra.Command) {
	c.Flags().StringVar(&l.passphraseFile, "passphrase-file", "", "file whose first line is the passphrase (default: $"+passphraseEnv+", then ask)")
	c.Flags().StringArrayVar(&l.recipients, "recipient", nil, "lock to this age recipient (age1...) instead; may be repeated")
	oneOfFlags(c, "passphrase-file", "recipient")
}

// parseRecipients reads the values of --recipient.
func parseRecipients(texts []string) ([]age.Recipient, error) {
	var out []age.Recipient
	for _, s := range texts {
		r, err := age.ParseRecipients(bytes.NewReader([]byte(s)))
		if err != nil {
			return nil, usage("--recipient %q: %w", s, err)
		}
		out = append(out, r...)
	}
	return out, nil
}

func (a *app) recipientsFor(ctx context.Context, l lock) ([]age.Recipient, error) {
	if out, err := parseRecipients(l.recipients); err != nil || len(out) > 0 {
		return out, err
	}
	passphrase, err := a.newPassphrase(ctx, l.passphraseFile)
	if err != nil {
		return nil, err
	}
	defer clear(passphrase)
	r, err := age.NewScryptRecipient(string(passphrase))
	if err != nil {
		return nil, err
	}
	if a.scryptWork != 0 {
		r.SetWorkFactor(a.scryptWork)
	}
	return []age.Recipient{r}, nil
}

// unlock says how a key file is opened.
type unlock struct {
	passphraseFile string
	identityFile   string
}

func (u *unlock) flags(c *cobra.Command) {
	c.Flags().StringVar(&u.passphraseFile, "passphrase-file", "", "file whose first line is the passphrase (default: $"+passphraseEnv+", then ask)")
	c.Flags().StringVar(&u.identityFile, "identity", "", "age identity file that opens the key file")
	oneOfFlags(c, "passphrase-file", "identity")
}

// openKeys opens a secret key file.
func (a *app) openKeys(ctx context.Context, file named, u unlock) (*keyfile.Contents, error) {
	path := file.path
	needs, err := keyfile.NeedsPassphrase(path)
	switch {
	case err != nil:
		return nil, file.explain(err, keyfile.SecretKeys)
	case !needs && u.identityFile == "":
		return nil, refuse(errPassphrase, "name its --identity file", "%s is locked to an age recipient", path)
	case !needs:
		identities, err := readIdentities(u.identityFile)
		if err != nil {
			return nil, err
		}
		return keyfile.Open(path, identities...)
	case u.identityFile != "":
		return nil, refuse(errPassphrase, "leave --identity out", "%s is locked with a passphrase, not to an age identity", path)
	}
	passphrase, _, err := a.passphrase(ctx, u.passphraseFile, "Passphrase of "+path+": ")
	if err != nil {
		return nil, err
	}
	defer clear(passphrase)
	identity, err := age.NewScryptIdentity(string(passphrase))
	if err != nil {
		return nil, usage("%w", err)
	}
	return keyfile.Open(path, identity)
}

// readIdentities reads an age identity file.
func readIdentities(file string) ([]age.Identity, error) {
	raw, err := keyfile.ReadPrivate(file)
	if err != nil {
		return nil, err
	}
	defer clear(raw)
	identities, err := age.ParseIdentities(bytes.NewReader(raw))
	if err != nil {
		// age's own text may repeat the line, which may be a secret.
		return nil, refuse(errKind, "name the file that age-keygen made", "%s is not an age identity file", file)
	}
	return identities, nil
}

// openParty opens a key file that must hold a party's keys.
func (a *app) openParty(ctx context.Context, file named, u unlock) (*keyfile.Party, error) {
	c, err := a.openKeys(ctx, file, u)
	if err != nil {
		return nil, err
	}
	if c.Party == nil {
		return nil, refuse(errKind, "name the key file of a party", "%s holds the system's master key, not a party's keys", file.path)
	}
	return c.Party, nil
}

// passphrase reads a passphrase from a file, or asks for it on the terminal.
func (a *app) passphrase(ctx context.Context, file, prompt string) (passphrase []byte, asked bool, err error) {
	if file == "" {
		file = os.Getenv(passphraseEnv)
	}
	if file != "" {
		passphrase, err = readPassphrase(file)
		return passphrase, false, err
	}
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return nil, false, refuse(errPassphrase, "name a file that holds it with --passphrase-file or $"+passphraseEnv,
			"there is no terminal to ask for the passphrase")
	}
	defer tty.Close()
	passphrase, err = ask(ctx, tty, prompt)
	return passphrase, true, err
}

// newPassphrase reads the passphrase of a new file; on a terminal it asks twice.
func (a *app) newPassphrase(ctx context.Context, file string) ([]byte, error) {
	first, asked, err := a.passphrase(ctx, file, fmt.Sprintf("New passphrase (%d characters or more): ", minPassphrase))
	if err != nil {
		return nil, err
	}
	if utf8.RuneCount(first) < minPassphrase {
		return nil, refuse(errPassphrase, "choose a longer one; a few random words are good", "the passphrase is too short: it needs %d characters or more", minPassphrase)
	}
	if !asked {
		return first, nil
	}
	second, _, err := a.passphrase(ctx, "", "The same again: ")
	if err != nil {
		return nil, err
	}
	defer clear(second)
	if !bytes.Equal(first, second) {
		return nil, refuse(errPassphrase, "start again, and write the same passphrase twice", "the two passphrases differ")
	}
	return first, nil
}

func readPassphrase(file string) ([]byte, error) {
	raw, err := keyfile.ReadPrivate(file)
	if err != nil {
		return nil, fmt.Errorf("passphrase file: %w", err)
	}
	line, _, _ := bytes.Cut(raw, []byte("\n"))
	line = bytes.TrimSuffix(line, []byte("\r"))
	if len(line) == 0 {
		return nil, refuse(errPassphrase, "write the passphrase on its first line", "the first line of %s is empty", file)
	}
	return line, nil
}

// ask reads a line without echo. When the program is interrupted meanwhile,
// the terminal gets its echo back.
func ask(ctx context.Context, tty *os.File, prompt string) ([]byte, error) {
	fd := int(tty.Fd())
	state, err := term.GetState(fd)
	if err != nil {
		return nil, fmt.Errorf("asking for the passphrase: %w", err)
	}
	fmt.Fprint(tty, prompt)
	type result struct {
		line []byte
		err  error
	}
	done := make(chan result, 1)
	go func() {
		line, err := term.ReadPassword(fd)
		done <- result{line, err}
	}()
	select {
	case r := <-done:
		fmt.Fprintln(tty)
		if r.err != nil {
			return nil, fmt.Errorf("asking for the passphrase: %w", r.err)
		}
		return r.line, nil
	case <-ctx.Done():
		fmt.Fprintln(tty)
		return nil, errors.Join(ctx.Err(), term.Restore(fd, state))
	}
}
