package command

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"filippo.io/age"
	"github.com/spf13/cobra"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/wallet"
)

// walletEnv names the wallet's file.
const walletEnv = "CLAIMSHARE_WALLET"

// defaultWallet is the wallet's file when nothing names one.
const defaultWallet = "wallet.age"

func (a *app) wallet() *cobra.Command {
	return group("wallet", "A policyholder's wallet: sign, grant, revoke, and see who has read what",
		a.walletEnrol(), a.walletProposals(), a.walletSign(), a.walletDecline(), a.walletRecords(), a.walletRead(),
		a.walletRequests(), a.walletGrant(), a.walletRevoke(), a.walletHistory(),
		a.walletRotate(), a.walletSync(), a.walletBackup(), a.walletRestore(), a.walletStatus())
}

// purse is the flags by which a command finds and opens the wallet.
type purse struct {
	path string
	via  string
	unlock
}

// opened adds the flags of a command that opens the wallet; reaching says that it
// asks the ledger.
func (p *purse) flags(c *cobra.Command) *cobra.Command {
	c.Flags().StringVar(&p.path, "wallet", "", "the wallet's file (default: $"+walletEnv+", then "+defaultWallet+")")
	p.unlock.flags(c)
	return c
}

// ledgerFlags are flags, and --via.
func (p *purse) ledgerFlags(c *cobra.Command) *cobra.Command {
	c.Flags().StringVar(&p.via, "via", "", "reach the ledger through this party's node: its name or id (default: any)")
	return p.flags(c)
}

func (p *purse) file() string {
	if p.path != "" {
		return p.path
	}
	if path := os.Getenv(walletEnv); path != "" {
		return path
	}
	return defaultWallet
}

// lock is what opens the wallet and what it is written with: a passphrase, or an
// age identity. For a new wallet a passphrase is asked for twice.
func (a *app) walletLock(ctx context.Context, p *purse, fresh bool) (wallet.Lock, error) {
	var none wallet.Lock
	if p.identityFile != "" {
		identities, err := readIdentities(p.identityFile)
		if err != nil {
			return none, err
		}
		x, ok := identities[0].(*age.X25519Identity)
		if !ok {
			return none, refuse(errKind, "make one with age-keygen", "%s holds no X25519 identity", p.identityFile)
		}
		return wallet.Lock{Recipient: x.Recipient(), Identity: x}, nil
	}
	var passphrase []byte
	var err error
	if fresh {
		passphrase, err = a.newPassphrase(ctx, p.passphraseFile)
	} else {
		passphrase, _, err = a.passphrase(ctx, p.passphraseFile, "Passphrase of "+p.file()+": ")
	}
	if err != nil {
		return none, err
	}
	defer clear(passphrase)
	r, err := age.NewScryptRecipient(string(passphrase))
	if err != nil {
		return none, usage("%w", err)
	}
	if a.scryptWork != 0 {
		r.SetWorkFactor(a.scryptWork)
	}
	i, err := age.NewScryptIdentity(string(passphrase))
	return wallet.Lock{Recipient: r, Identity: i}, err
}

// withWallet opens the wallet for a command.
func (a *app) withWallet(ctx context.Context, p *purse, do func(w *wallet.Wallet) error) error {
	if _, err := os.Stat(p.file()); errors.Is(err, fs.ErrNotExist) {
		return refuse(fs.ErrNotExist, `name it with --wallet, or make one with "claimshare wallet enrol"`, "there is no wallet %s", p.file())
	}
	lock, err := a.walletLock(ctx, p, false)
	if err != nil {
		return err
	}
	w, err := wallet.Open(p.file(), lock)
	if err != nil {
		return err
	}
	defer func() { _ = w.Close() }() // what had to be saved was saved
	if p.via != "" {
		n, err := nodeNamed(w, p.via)
		if err != nil {
			return err
		}
		if err := w.Via(n.Party); err != nil {
			return err
		}
	}
	if err = do(w); err != nil && ctx.Err() != nil {
		return refuse(errInterrupted, "run it again: what was begun is then finished", "interrupted")
	}
	return err
}

// nodeNamed finds a node by its name or its party's id.
func nodeNamed(w *wallet.Wallet, name string) (wallet.Node, error) {
	for _, n := range w.Nodes() {
		if n.Name == name || n.Party.String() == name {
			return n, nil
		}
	}
	return wallet.Node{}, fmt.Errorf("%w: %q", wallet.ErrDirectory, name)
}

// told is an answer in plain words, and in data for programs.
type told struct {
	lines []string
	data  any
}

func (t told) text(w io.Writer) error { return wallet.Tell(w, t.lines) }

// MarshalJSON gives the data.
func (t told) MarshalJSON() ([]byte, error) { return json.Marshal(t.data) }

// agree asks for a yes on the terminal, after the user was shown what it is about;
// with yes it was given on the command line.
func (a *app) agree(ctx context.Context, yes bool, lines []string, question string) error {
	if yes {
		return ctx.Err()
	}
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		if a.output != "json" {
			_ = wallet.Tell(a.err, lines) // the refusal matters more
		}
		return refuse(errUsage, "read it, then add --yes", "there is no terminal to ask: %s", question)
	}
	defer tty.Close()
	return askYes(ctx, tty, lines, question)
}

// askYes takes "yes" for a yes, and anything else for a no.
func askYes(ctx context.Context, tty io.ReadWriter, lines []string, question string) error {
	if err := wallet.Tell(tty, lines); err != nil {
		return err
	}
	answer, err := askLine(ctx, tty, question+" (yes or no): ")
	if err == nil && !strings.EqualFold(answer, "yes") {
		err = errDeclined
	}
	return err
}

// errDeclined: the user said no.
var errDeclined = errors.New("you did not say yes: nothing was done")

// askLine asks a question on the terminal. A terminal that ends has said nothing.
func askLine(ctx context.Context, tty io.ReadWriter, question string) (string, error) {
	fmt.Fprint(tty, question)
	type result struct {
		line string
		err  error
	}
	done := make(chan result, 1)
	go func() {
		line, err := bufio.NewReader(io.LimitReader(tty, 1<<10)).ReadString('\n')
		if errors.Is(err, io.EOF) {
			err = nil
		}
		done <- result{strings.TrimSpace(line), err}
	}()
	select {
	case r := <-done:
		return r.line, r.err
	case <-ctx.Done():
		fmt.Fprintln(tty)
		return "", ctx.Err()
	}
}

// yesFlag adds --yes.
func yesFlag(c *cobra.Command, yes *bool) *cobra.Command {
	c.Flags().BoolVar(yes, "yes", false, "do not ask: for scripts")
	return c
}

func recordArg(s string) (record.RecordID, error) {
	id, err := record.ParseRecordID(s)
	if err != nil {
		return id, usage("RECORD is the id of a record, 32 hexadecimal digits: %q", s)
	}
	return id, nil
}
