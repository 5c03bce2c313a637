package wallet_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"filippo.io/age"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/wallet"
	"github.com/claimshare/claimshare/client/walletauth"
)

// A policyholder enrols with the code that the system manager gave, and makes a
// backup. Enrol can be called again after any failure.
func ExampleEnrol() {
	enrol := func(ctx context.Context, passphrase, typed string) error {
		code, err := walletauth.ParseCode(typed)
		if err != nil {
			return err // a typing error: nothing was sent
		}
		authority, err := os.ReadFile("authority.pem")
		if err != nil {
			return err
		}
		recipient, err := age.NewScryptRecipient(passphrase)
		if err != nil {
			return err
		}
		identity, err := age.NewScryptIdentity(passphrase)
		if err != nil {
			return err
		}
		w, err := wallet.Enrol(ctx, "wallet.age", wallet.Lock{Recipient: recipient, Identity: identity},
			wallet.Invitation{Code: code, Address: "claims.example:7443", Authority: authority})
		if err != nil {
			return err
		}
		defer w.Close()
		sheet, err := w.Backup()
		if err != nil {
			return err
		}
		fmt.Println(sheet) // to be printed, and kept safe
		return nil
	}
	_ = enrol
}

// A policyholder reads a proposal and countersigns it.
func ExampleWallet_Countersign() {
	sign := func(ctx context.Context, w *wallet.Wallet, agree func(lines []string) bool) error {
		proposals, err := w.Proposals(ctx)
		if err != nil {
			return err
		}
		for _, p := range proposals {
			reviewed, err := w.Review(ctx, p, "")
			if err != nil {
				return err
			}
			if !agree(w.DescribeProposal(reviewed)) {
				err = w.Decline(ctx, p, "this is not about me")
			} else {
				err = w.Countersign(ctx, reviewed)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	_ = sign
}

// A policyholder answers an access request, after looking at what that means.
func ExampleWallet_Grant() {
	grant := func(ctx context.Context, w *wallet.Wallet, request record.RequestID, agree func(lines []string) bool) error {
		if _, err := w.Resume(ctx); err != nil && !errors.Is(err, wallet.ErrUnreachable) {
			return err // what an interrupted run has signed
		}
		draft, err := w.Prepare(ctx, request, wallet.Terms{Until: time.Now().AddDate(0, 1, 0)})
		if err != nil {
			return err
		}
		if !agree(w.DescribeDraft(draft)) {
			return nil // nothing has left the wallet
		}
		return w.Grant(ctx, draft)
	}
	_ = grant
}
