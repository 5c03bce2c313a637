package command

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/claimshare/claimshare/client/internal/atomicfile"
	"github.com/claimshare/claimshare/client/keyfile"
	"github.com/claimshare/claimshare/client/wallet"
	"github.com/claimshare/claimshare/client/walletauth"
)

func (a *app) walletEnrol() *cobra.Command {
	var p purse
	var authority, ca, codeFile string
	c := &cobra.Command{
		Use:   "enrol",
		Short: "Make a wallet with the one-time code that the system manager gave",
		Long: `Make a wallet: draw its keys, fetch the pseudo-identity that the one-time code
stands for, and have the system manager register it. The code is asked for on the
terminal, or read from a file. If it is interrupted, run it again.`,
		Example: `  claimshare wallet enrol --authority claims.example:7443 --ca authority.pem`,
		Args:    arguments(),
		RunE: a.action(func(ctx context.Context, _ []string) error {
			pem, err := os.ReadFile(ca)
			if err != nil {
				return err
			}
			text, err := a.code(ctx, codeFile)
			if err != nil {
				return err
			}
			code, err := walletauth.ParseCode(text)
			if err != nil {
				return refuse(errPassphrase, "copy it again from the paper: the letters and digits in groups", "the code was not copied rightly")
			}
			_, err = os.Stat(p.file())
			lock, err := a.walletLock(ctx, &p, errors.Is(err, fs.ErrNotExist))
			if err != nil {
				return err
			}
			w, err := wallet.Enrol(ctx, p.file(), lock, wallet.Invitation{Code: code, Address: authority, Authority: pem})
			if err != nil {
				return enrolling(authority, err)
			}
			defer func() { _ = w.Close() }() // nothing is left to be saved
			return a.print(answer{{"wallet", "wallet", p.file()}, {"party", "you are", w.ID().String()},
				{"next", "next", `make a backup: "claimshare wallet backup"`}})
		}),
	}
	c.Flags().StringVar(&authority, "authority", "", "host:port where the system manager's node listens for wallets")
	c.Flags().StringVar(&ca, "ca", "", "PEM file with the authority that issued that node's certificate")
	c.Flags().StringVar(&codeFile, "code-file", "", "file whose first line is the code (default: ask)")
	return needed(p.flags(c), "authority HOST:PORT", "ca FILE")
}

func (a *app) walletBackup() *cobra.Command {
	var p purse
	var to string
	c := &cobra.Command{
		Use:   "backup",
		Short: "Print what brings the wallet back when its file is lost",
		Long: `Print a sheet from which the wallet can be made again. Whoever has the sheet can
act as you: print it, keep it safe, and delete the file. Make a new one after
each rotation of keys.`,
		Args: arguments(),
		RunE: a.action(func(ctx context.Context, _ []string) error {
			return a.withWallet(ctx, &p, func(w *wallet.Wallet) error {
				sheet, err := w.Backup()
				if err != nil {
					return err
				}
				if to == "" {
					return a.print(told{strings.Split(strings.TrimSuffix(sheet, "\n"), "\n"), map[string]string{"backup": sheet}})
				}
				if err := atomicfile.Write(to, 0o600, strings.NewReader(sheet)); err != nil {
					return err
				}
				return a.print(answer{{"file", "written", to}, {"next", "next", "print it, then delete the file"}})
			})
		}),
	}
	c.Flags().StringVar(&to, "to", "", "write it to this new file (mode 0600) instead")
	return p.flags(c)
}

func (a *app) walletRestore() *cobra.Command {
	var p purse
	var authority, ca string
	c := &cobra.Command{
		Use:   "restore SHEET",
		Short: "Make the wallet again from its backup",
		Long: `Make the wallet again, in a new file, from the text of its backup. No node is
asked. The numbered lines are enough, typed from paper with small or capital
letters; then --authority and --ca say where the system manager's node is. Only
you may be able to read the file (chmod 600); /dev/stdin takes what you type here,
until Ctrl-D.

The evidence of your policies is fetched from their holders when it is needed.
Consents that were on their way when the wallet was lost have to be withdrawn and
given again: "claimshare wallet history" shows them as not approved.`,
		Args: arguments("SHEET"),
		RunE: a.action(func(ctx context.Context, args []string) error {
			sheet, err := keyfile.ReadPrivate(args[0])
			if err != nil {
				return err
			}
			defer clear(sheet)
			var pem []byte
			if ca != "" {
				if pem, err = os.ReadFile(ca); err != nil {
					return err
				}
			}
			if err := absent(p.file()); err != nil {
				return err
			}
			lock, err := a.walletLock(ctx, &p, true)
			if err != nil {
				return err
			}
			w, err := wallet.Restore(p.file(), lock, string(sheet), authority, pem)
			if errors.Is(err, wallet.ErrDirectory) {
				return refuse(errUsage, "name the system manager's node with --authority, and its certificate's authority with --ca", "%w", err)
			}
			if err != nil {
				return err
			}
			defer func() { _ = w.Close() }() // nothing is left to be saved
			return a.print(answer{{"wallet", "wallet", p.file()}, {"party", "you are", w.ID().String()},
				{"next", "next", `see how it stands: "claimshare wallet status"`}})
		}),
	}
	c.Flags().StringVar(&authority, "authority", "", "host:port where the system manager's node listens for wallets (default: what the sheet says)")
	c.Flags().StringVar(&ca, "ca", "", "PEM file with the authority that issued that node's certificate (default: what the sheet has)")
	return p.flags(c)
}

// statusAnswer is a wallet's status for programs.
type statusAnswer struct {
	Party    string       `json:"party"`
	PID      string       `json:"pid"`
	Network  string       `json:"network"`
	ParamsID string       `json:"paramsId"`
	Keys     int          `json:"keyVersions"`
	Policies int          `json:"policies"`
	Enrolled bool         `json:"enrolled"`
	Rotating bool         `json:"rotating,omitempty"`
	Synced   *syncAnswer  `json:"synced,omitempty"`
	Underway []string     `json:"underway,omitempty"`
	Status   string       `json:"status,omitempty"`
	Credit   *int         `json:"credit,omitempty"`
	Nodes    []nodeAnswer `json:"nodes"`
}

type nodeAnswer struct {
	Party   string `json:"party"`
	Role    string `json:"role"`
	Name    string `json:"name"`
	Address string `json:"address"`
	Error   string `json:"error,omitempty"`
}

func (a *app) walletStatus() *cobra.Command {
	var p purse
	c := &cobra.Command{
		Use:   "status",
		Short: "How the wallet stands, and which nodes answer",
		Long: `How the wallet stands, and which nodes answer. What an interrupted command has
left unfinished is finished first.`,
		Args: arguments(),
		RunE: a.action(func(ctx context.Context, _ []string) error {
			return a.withWallet(ctx, &p, func(w *wallet.Wallet) error {
				s, err := w.Status(ctx)
				if s == nil {
					return err
				}
				return errors.Join(a.print(statusOf(w, s)), err)
			})
		}),
	}
	return p.ledgerFlags(c)
}

func statusOf(w *wallet.Wallet, s *wallet.Status) told {
	d := statusAnswer{Party: s.ID.String(), PID: s.PID, Network: s.Network, ParamsID: s.ParamsID.String(), Keys: s.Keys,
		Policies: s.Policies, Enrolled: s.Enrolled, Rotating: s.Rotating, Nodes: []nodeAnswer{}}
	lines := []string{"you are    " + d.Party, "network    " + d.Network, "system     " + d.ParamsID, fmt.Sprintf("keys       version %d", s.Keys)}
	if s.Party != nil {
		d.Status = s.Party.Status.String()
		lines = append(lines, "status     "+d.Status)
	}
	if s.Standing != nil {
		d.Credit = &s.Standing.Credit
		lines = append(lines, fmt.Sprintf("credit     %d", s.Standing.Credit))
	}
	if !s.Enrolled {
		lines = append(lines, "The registration has not arrived yet: run this again.")
	}
	if s.Rotating {
		lines = append(lines, `A rotation of keys has not been finished: run "claimshare wallet rotate" again.`)
	}
	if s.Synced != nil {
		d.Synced = synced(s.Synced)
		lines = append(lines, w.DescribeSynced(s.Synced)...)
	}
	for _, id := range s.Underway {
		d.Underway = append(d.Underway, id.String())
		lines = append(lines, "A consent has not arrived everywhere: run this again, or revoke it: "+id.String())
	}
	for _, n := range s.Nodes {
		one := nodeAnswer{n.Party.String(), n.Role, n.Name, n.Address, ""}
		state := "answers"
		if n.Err != nil {
			one.Error, state = n.Err.Error(), "does not answer"
		}
		d.Nodes = append(d.Nodes, one)
		lines = append(lines, fmt.Sprintf("node       %s (%s) at %s %s", wallet.Plain(n.Name), wallet.Plain(n.Role), wallet.Plain(n.Address), state))
	}
	return told{lines, d}
}
