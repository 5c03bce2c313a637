package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/document"
	"github.com/claimshare/claimshare/client/store"
	"github.com/claimshare/claimshare/client/wallet"
)

// recordAnswer is a record or proposal for programs.
type recordAnswer struct {
	Record   string          `json:"record"`
	Kind     string          `json:"kind"`
	Label    string          `json:"label"`
	Issuer   string          `json:"issuer"`
	Name     string          `json:"issuerName,omitempty"`
	IssuedAt string          `json:"issuedAt"`
	Digest   string          `json:"digest"`
	Document json.RawMessage `json:"document,omitempty"`
	Folder   string          `json:"folder,omitempty"`
	Signed   bool            `json:"signed,omitempty"`
	Erased   string          `json:"erased,omitempty"` // when its issuer destroyed it
}

func recordOf(s *record.RecordStatement, w *wallet.Wallet) recordAnswer {
	r := recordAnswer{Record: s.ID.String(), Kind: s.Kind.String(), Label: s.Label, Issuer: s.Issuer.String(),
		IssuedAt: record.FormatTime(s.IssuedAt), Digest: s.Digest.String()}
	for _, n := range w.Nodes() {
		if n.Party == s.Issuer {
			r.Name = n.Name
		}
	}
	return r
}

// printable is a document without the evidence of a policy, which is shown to the
// system manager and to nobody else. A folder that it is unpacked into has it.
func printable(doc *document.Document) json.RawMessage {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(doc.JSON(), &fields); err != nil {
		return nil // never: the document was checked
	}
	delete(fields, "evidence")
	b, err := json.Marshal(fields)
	if err != nil {
		return nil
	}
	return b
}

// printRecords prints a list of records for programs, and for people its lines
// below a heading, or that there are none.
func (a *app) printRecords(heading, none string, list []recordAnswer, lines []string) error {
	if len(list) == 0 {
		return a.print(told{[]string{none}, []recordAnswer{}})
	}
	return a.print(told{append([]string{heading}, indent(lines)...), list})
}

func (a *app) walletProposals() *cobra.Command {
	var p purse
	c := &cobra.Command{
		Use:   "proposals",
		Short: "What insurers and repair shops want you to sign",
		Args:  arguments(),
		RunE: a.action(func(ctx context.Context, _ []string) error {
			return a.withWallet(ctx, &p, func(w *wallet.Wallet) error {
				all, err := w.Proposals(ctx)
				if all == nil && err != nil {
					return err
				}
				var list []recordAnswer
				var lines []string
				for i := range all {
					list = append(list, recordOf(&all[i].Statement, w))
					lines = append(lines, w.DescribeRecord(&all[i].Statement, 0))
				}
				return errors.Join(a.printRecords("What waits for your signature:", "Nothing waits for your signature.", list, lines), err)
			})
		}),
	}
	return p.ledgerFlags(c)
}

// proposalOf finds a proposal by its record's id.
func proposalOf(ctx context.Context, w *wallet.Wallet, id record.RecordID) (wallet.Proposal, error) {
	all, err := w.Proposals(ctx)
	for _, p := range all {
		if p.Statement.ID == id {
			return p, nil
		}
	}
	if err == nil {
		err = fmt.Errorf("no proposal %s waits for you: %w", id, store.ErrNotFound)
	}
	return wallet.Proposal{}, err
}

func (a *app) walletSign() *cobra.Command {
	var p purse
	var dir string
	var yes bool
	c := &cobra.Command{
		Use:   "sign RECORD",
		Short: "Read a proposed record and countersign it",
		Long: `Fetch a proposed record, check it, show what it says, and, when you agree,
countersign it. The issuer then puts it on the ledger. Nothing is signed that you
were not shown.`,
		Args: arguments("RECORD"),
		RunE: a.action(func(ctx context.Context, args []string) error {
			id, err := recordArg(args[0])
			if err != nil {
				return err
			}
			return a.withWallet(ctx, &p, func(w *wallet.Wallet) error {
				proposal, err := proposalOf(ctx, w, id)
				if errors.Is(err, store.ErrNotFound) {
					return a.signedBefore(ctx, w, id, err)
				}
				if err != nil {
					return err
				}
				r, err := w.Review(ctx, proposal, dir)
				if err != nil {
					return err
				}
				lines := w.DescribeProposal(r)
				if err := a.agree(ctx, yes, lines, "Sign it?"); err != nil {
					return err
				}
				if err := w.Countersign(ctx, r); err != nil {
					return err
				}
				done := recordOf(&r.Statement, w)
				done.Document, done.Folder, done.Signed = printable(r.Document), dir, true
				if yes { // it was not shown on the terminal
					return a.print(told{append(lines, "Signed."), done})
				}
				return a.print(told{[]string{"Signed."}, done})
			})
		}),
	}
	c.Flags().StringVar(&dir, "attachments", "", "unpack the record with its attachments into this new folder first")
	return p.ledgerFlags(yesFlag(c, &yes))
}

// signedBefore is the answer when nothing waits for a signature because it has
// been given.
func (a *app) signedBefore(ctx context.Context, w *wallet.Wallet, id record.RecordID, missing error) error {
	all, err := w.Records(ctx)
	if err != nil {
		return err
	}
	for i := range all {
		if all[i].ID == id {
			done := recordOf(all[i].Statement(), w)
			done.Signed = true
			return a.print(told{[]string{"Signed before."}, done})
		}
	}
	return missing
}

func (a *app) walletDecline() *cobra.Command {
	var p purse
	var reason string
	c := &cobra.Command{
		Use:   "decline RECORD",
		Short: "Refuse to sign a proposed record",
		Args:  arguments("RECORD"),
		RunE: a.action(func(ctx context.Context, args []string) error {
			id, err := recordArg(args[0])
			if err != nil {
				return err
			}
			return a.withWallet(ctx, &p, func(w *wallet.Wallet) error {
				proposal, err := proposalOf(ctx, w, id)
				if err != nil {
					return err
				}
				if err := w.Decline(ctx, proposal, reason); err != nil {
					return err
				}
				return a.print(answer{{"declined", "declined", id.String()}})
			})
		}),
	}
	c.Flags().StringVar(&reason, "reason", "", "what the issuer is told")
	return needed(p.ledgerFlags(c), "reason TEXT")
}

func (a *app) walletRecords() *cobra.Command {
	var p purse
	c := &cobra.Command{
		Use:   "records",
		Short: "Your records, as the ledger lists them",
		Args:  arguments(),
		RunE: a.action(func(ctx context.Context, _ []string) error {
			return a.withWallet(ctx, &p, func(w *wallet.Wallet) error {
				all, err := w.Records(ctx)
				if err != nil {
					return err
				}
				var list []recordAnswer
				var lines []string
				for i := range all {
					answer := recordOf(all[i].Statement(), w)
					if all[i].Erased != 0 {
						answer.Erased = record.FormatTime(all[i].Erased)
					}
					list = append(list, answer)
					lines = append(lines, w.DescribeRecord(all[i].Statement(), all[i].Erased))
				}
				return a.printRecords("Your records:", "There are no records of yours.", list, lines)
			})
		}),
	}
	return p.ledgerFlags(c)
}

func (a *app) walletRead() *cobra.Command {
	var p purse
	var dir string
	c := &cobra.Command{
		Use:   "read RECORD",
		Short: "Fetch one of your records, check it and open it",
		Long: `Fetch one of your records from who keeps it, check it against the ledger, your
signature and the issuer's, and open it. With --to, the document and its
attachments come into a new folder.`,
		Args: arguments("RECORD"),
		RunE: a.action(func(ctx context.Context, args []string) error {
			id, err := recordArg(args[0])
			if err != nil {
				return err
			}
			return a.withWallet(ctx, &p, func(w *wallet.Wallet) error {
				o, err := w.Read(ctx, id, dir)
				if err != nil {
					return err
				}
				out := recordOf(o.Record.Statement(), w)
				out.Document, out.Folder = printable(o.Document), dir
				lines := wallet.Describe(o.Document)
				lines = append(lines, "Checked: your signature, that of "+w.Name(o.Issuer)+", and every byte.")
				if dir != "" {
					lines = append(lines, "Unpacked into "+dir)
				}
				return a.print(told{lines, out})
			})
		}),
	}
	c.Flags().StringVar(&dir, "to", "", "unpack into this new folder")
	return p.ledgerFlags(c)
}
