package command

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/wallet"
)

// requestAnswer is an access request for programs.
type requestAnswer struct {
	Request   record.Request   `json:"request"`
	Requester *record.Party    `json:"requester"`
	Covers    []record.Record  `json:"covers"`
	Answers   []record.Consent `json:"answers"`
}

func (a *app) walletRequests() *cobra.Command {
	var p purse
	var all bool
	c := &cobra.Command{
		Use:   "requests",
		Short: "Who wants to read what of yours, and what for",
		Args:  arguments(),
		RunE: a.action(func(ctx context.Context, _ []string) error {
			return a.withWallet(ctx, &p, func(w *wallet.Wallet) error {
				asked, err := w.Requests(ctx)
				if err != nil {
					return err
				}
				t := told{data: []requestAnswer{}}
				list := []requestAnswer{}
				for i := range asked {
					r := &asked[i]
					if !r.Waits() && !all {
						continue
					}
					list = append(list, requestAnswer{r.Request, r.Requester, r.Covers, r.Answers})
					t.lines = append(append(t.lines, "Request "+r.Request.ID.String()), indent(w.DescribeRequest(r))...)
				}
				if t.data = list; len(list) == 0 {
					t.lines = []string{"Nobody waits for an answer of yours."}
				}
				return a.print(t)
			})
		}),
	}
	c.Flags().BoolVar(&all, "all", false, "also those that you have answered")
	return p.ledgerFlags(c)
}

func indent(lines []string) []string {
	for i := range lines {
		lines[i] = "  " + lines[i]
	}
	return lines
}

// wanted is the flags of a consent.
type wanted struct {
	label, policy, proxy string
	records              []string
	days                 int
	releases             uint32
}

func (f *wanted) flags(c *cobra.Command) {
	c.Flags().StringVar(&f.label, "label", "", "the label to open (default: the one asked for)")
	c.Flags().StringArrayVar(&f.records, "record", nil, "only this record; may be repeated (default: what is asked for)")
	c.Flags().IntVar(&f.days, "days", 30, "how long it holds")
	c.Flags().Uint32Var(&f.releases, "releases", 0, "how many times records may be handed over (default: once for each covered today)")
	c.Flags().StringVar(&f.policy, "policy", "", "the policy that shows that you are a policyholder (default: your latest)")
	c.Flags().StringVar(&f.proxy, "proxy", "", "the proxy, by name or id (default: the only one)")
}

func (f *wanted) terms(w *wallet.Wallet) (wallet.Terms, error) {
	t := wallet.Terms{Label: f.label, Releases: f.releases, Until: time.Now().Add(time.Duration(f.days) * 24 * time.Hour)}
	if f.days < 1 || f.days > 3660 {
		return t, usage("--days is 1 to 3660, not %d", f.days)
	}
	for _, s := range f.records {
		id, err := recordArg(s)
		if err != nil {
			return t, err
		}
		t.Records = append(t.Records, id)
	}
	var err error
	if f.policy != "" {
		if t.Policy, err = recordArg(f.policy); err != nil {
			return t, err
		}
	}
	if f.proxy != "" {
		n, err := nodeNamed(w, f.proxy)
		if err != nil {
			return t, err
		}
		t.Proxy = n.Party
	}
	return t, nil
}

func (a *app) walletGrant() *cobra.Command {
	var p purse
	var f wanted
	var yes, again bool
	c := &cobra.Command{
		Use:   "grant REQUEST",
		Short: "Let the requester read, after you have seen what that means",
		Long: `Answer an access request with a consent: show in plain words what it would open,
to whom, until when, and, when you agree, sign it and bring its parts to the
ledger, the proxy and the system manager. If it is interrupted, run it again:
what was signed is finished, not signed a second time. A request that has been
answered by a consent in force gets another one with --again only.`,
		Args: arguments("REQUEST"),
		RunE: a.action(func(ctx context.Context, args []string) error {
			id, err := record.ParseRequestID(args[0])
			if err != nil {
				return usage("REQUEST is the id of an access request, 32 hexadecimal digits: %q", args[0])
			}
			return a.withWallet(ctx, &p, func(w *wallet.Wallet) error {
				finished, err := a.finish(ctx, w, id, again)
				if err != nil || finished {
					return err
				}
				terms, err := f.terms(w)
				if err != nil {
					return err
				}
				d, err := w.Prepare(ctx, id, terms)
				if err != nil {
					return err
				}
				lines := w.DescribeDraft(d)
				if err := a.agree(ctx, yes, lines, "Allow it?"); err != nil {
					return err
				}
				if err := w.Grant(ctx, d); err != nil {
					return err
				}
				done := granted(&d.Statement)
				if yes {
					done.lines = append(lines, done.lines...)
				}
				return a.print(done)
			})
		}),
	}
	f.flags(c)
	c.Flags().BoolVar(&again, "again", false, "give another consent, though one is in force")
	return p.ledgerFlags(yesFlag(c, &yes))
}

func granted(s *record.GrantStatement) told {
	return told{[]string{"Allowed: consent " + s.Consent.String()}, s}
}

// finish takes up consents that an interrupted run has signed. It reports whether
// one of them, or one of an earlier run, answers the request.
func (a *app) finish(ctx context.Context, w *wallet.Wallet, request record.RequestID, again bool) (bool, error) {
	done, err := w.Resume(ctx)
	for _, s := range done {
		if s.Request == request {
			return true, a.print(granted(s))
		}
		fmt.Fprintf(a.err, "an earlier consent has arrived now: %s\n", s.Consent)
	}
	if err != nil || again {
		return false, err
	}
	c, err := w.InForce(ctx, request)
	if err != nil || c == nil {
		return false, err
	}
	return true, a.print(granted(c.Statement()))
}

func (a *app) walletRevoke() *cobra.Command {
	var p purse
	var yes bool
	c := &cobra.Command{
		Use:   "revoke CONSENT",
		Short: "Withdraw a consent",
		Long: `Withdraw a consent. From then on nothing more is handed over under it; what was
read stays read. The withdrawal is carried by one node, and another one is asked
whether it is on the ledger.`,
		Args: arguments("CONSENT"),
		RunE: a.action(func(ctx context.Context, args []string) error {
			id, err := record.ParseConsentID(args[0])
			if err != nil {
				return usage("CONSENT is the id of a consent, 64 hexadecimal digits: %q", args[0])
			}
			return a.withWallet(ctx, &p, func(w *wallet.Wallet) error {
				if err := a.agree(ctx, yes, nil, "Withdraw consent "+id.String()+"?"); err != nil {
					return err
				}
				if err := w.Revoke(ctx, id); err != nil {
					return err
				}
				return a.print(answer{{"revoked", "withdrawn", id.String()}, {"confirmed", "confirmed", "by another node than the one that carried it"}})
			})
		}),
	}
	return p.ledgerFlags(yesFlag(c, &yes))
}

// historyAnswer is a history for programs.
type historyAnswer struct {
	Requests []record.Request `json:"requests"`
	Consents []record.Consent `json:"consents"`
	Releases []record.Release `json:"releases"`
}

func (a *app) walletHistory() *cobra.Command {
	var p purse
	c := &cobra.Command{
		Use:   "history",
		Short: "Who asked for your records, what you allowed, and who has read what, when",
		Args:  arguments(),
		RunE: a.action(func(ctx context.Context, _ []string) error {
			return a.withWallet(ctx, &p, func(w *wallet.Wallet) error {
				h, err := w.History(ctx)
				if err != nil {
					return err
				}
				return a.print(told{w.DescribeHistory(h), historyAnswer{nonNil(h.Requests), nonNil(h.Consents), nonNil(h.Releases)}})
			})
		}),
	}
	return p.ledgerFlags(c)
}

// nonNil is a list that is [] in JSON when it is empty.
func nonNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
