package command

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/claimshare/claimshare/client/wallet"
	"github.com/claimshare/claimshare/client/walletauth"
	answered "github.com/claimshare/claimshare/client/wire/refusal"
)

// syncAnswer says what became of older records, for programs.
type syncAnswer struct {
	Moved   []string     `json:"moved"`
	Already int          `json:"already"`
	Left    []leftAnswer `json:"left"`
}

type leftAnswer struct {
	Record string `json:"record"`
	Error  string `json:"error"`
}

func synced(s *wallet.Synced) *syncAnswer {
	out := &syncAnswer{Moved: []string{}, Already: s.Already, Left: []leftAnswer{}}
	for i := range s.Moved {
		out.Moved = append(out.Moved, s.Moved[i].ID.String())
	}
	for i := range s.Left {
		out.Left = append(out.Left, leftAnswer{s.Left[i].Record.ID.String(), s.Left[i].Err.Error()})
	}
	return out
}

// rotateAnswer is what "wallet rotate" answers programs.
type rotateAnswer struct {
	Rotated bool `json:"rotated"`
	*syncAnswer
}

func (a *app) walletRotate() *cobra.Command {
	var p purse
	var yes bool
	var codeFile string
	c := &cobra.Command{
		Use:   "rotate",
		Short: "Replace the keys, for instance when the backup may have been seen",
		Long: `Replace the keys by new ones. It takes a one-time code, which the system manager
gives you when it has checked who you are: so nobody who has merely copied your
wallet can lock you out. Your consents end, and your backup is no longer enough:
make a new one. Your records so far stay yours to read, and are brought along to
the new keys at those who keep them, so that you can share them again. If it is
interrupted, run it again; the same code does.`,
		Args: arguments(),
		RunE: a.action(func(ctx context.Context, _ []string) error {
			return a.withWallet(ctx, &p, func(w *wallet.Wallet) error {
				text, err := a.code(ctx, codeFile)
				if err != nil {
					return err
				}
				code, err := walletauth.ParseCode(text)
				if err != nil {
					return refuse(errPassphrase, "copy it again from the paper: the letters and digits in groups", "the code was not copied rightly")
				}
				err = a.agree(ctx, yes, []string{"All your consents will end, and you have to make a new backup."}, "Replace your keys?")
				if err != nil {
					return err
				}
				err = w.Rotate(ctx, code)
				if errors.Is(err, answered.ErrWalletCode) {
					return refuse(answered.ErrWalletCode, "ask the system manager for a code to replace keys with; one to enrol with does not do", "%w", err)
				}
				if err != nil {
					return err
				}
				lines := []string{"Your keys are replaced, and your consents have ended."}
				s, err := w.Sync(ctx)
				if err != nil {
					return fmt.Errorf("your keys are replaced; your older records wait for \"claimshare wallet sync\": %w", err)
				}
				lines = append(append(lines, w.DescribeSynced(s)...), `Make a backup now: "claimshare wallet backup". The old sheet is no longer enough: destroy it.`)
				return a.print(told{lines, rotateAnswer{true, synced(s)}})
			})
		}),
	}
	c.Flags().StringVar(&codeFile, "code-file", "", "file whose first line is the code (default: ask)")
	return p.ledgerFlags(yesFlag(c, &yes))
}

func (a *app) walletSync() *cobra.Command {
	var p purse
	c := &cobra.Command{
		Use:   "sync",
		Short: "Bring older records along to your present keys, so that you can share them",
		Long: `Bring records that were sealed before you replaced your keys along to the present
ones, at the insurers and shops that keep them. "claimshare wallet rotate" does
so by itself; this is for what it could not reach. Running it again does no harm.`,
		Args: arguments(),
		RunE: a.action(func(ctx context.Context, _ []string) error {
			return a.withWallet(ctx, &p, func(w *wallet.Wallet) error {
				s, err := w.Sync(ctx)
				if err != nil {
					return err
				}
				return a.print(told{w.DescribeSynced(s), synced(s)})
			})
		}),
	}
	return p.ledgerFlags(c)
}
