package command

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	grpcstatus "google.golang.org/grpc/status"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/document"
	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
	"github.com/claimshare/claimshare/client/wire/trace"
)

// operate makes a command that asks a running node on its operator socket.
func (a *app) operate(c *cobra.Command, do func(ctx context.Context, o nodev1.OperatorServiceClient, args []string) error) *cobra.Command {
	var config string
	c.RunE = a.action(func(ctx context.Context, args []string) error {
		o, connection, err := operatorOf(config)
		if err != nil {
			return err
		}
		defer connection.Close()
		return requested(ctx, do(ctx, o, args))
	})
	return configFlag(c, &config)
}

// requested adds to what the node refused with the request under which its log
// has more.
func requested(ctx context.Context, err error) error {
	s, answered := grpcstatus.FromError(err)
	if id := trace.ID(ctx); err != nil && answered && id != "" && !strings.Contains(s.Message(), id) {
		return grpcstatus.Error(s.Code(), s.Message()+" (request "+id+")")
	}
	return err
}

func (a *app) nodeInvite() *cobra.Command {
	var role, identityFile, msp string
	var lifetime time.Duration
	c := &cobra.Command{
		Use:   "invite",
		Short: "Make a one-time code for a party whose identity was checked (authority)",
		Long: `Make a one-time code. The real identity is read from a file, not from the
command line, where others on the machine could see it; it becomes part of the
pseudo-identity, readable with the master key alone. Hand the code to the party
on a way that nobody else can read.`,
		Args: cobra.NoArgs,
	}
	c.Flags().StringVar(&role, "role", "", "policyholder, insurer, repair-shop or proxy")
	c.Flags().StringVar(&msp, "msp", "", "organisation (MSP id) of the party's certificate; not for policyholders")
	c.Flags().StringVar(&identityFile, "identity-file", "", "file whose first line is the identity")
	c.Flags().DurationVar(&lifetime, "lifetime", 7*24*time.Hour, "how long the code is good for")
	_ = c.RegisterFlagCompletionFunc("role", oneOf("policyholder", "insurer", "repair-shop", "proxy"))
	c = a.operate(c, func(ctx context.Context, o nodev1.OperatorServiceClient, _ []string) error {
		raw, err := os.ReadFile(identityFile)
		if err != nil {
			return err
		}
		identity, _, _ := strings.Cut(string(raw), "\n")
		i, err := o.Invite(ctx, &nodev1.InviteRequest{Role: role, Identity: strings.TrimSpace(identity), LifetimeSeconds: int64(lifetime.Seconds()), Msp: msp})
		if err != nil {
			return err
		}
		return a.print(answer{{"code", "one-time code", i.Code}, {"pid", "pseudo-identity", i.Pid}})
	})
	return needed(needed(c, "role ROLE"), "identity-file FILE")
}

func (a *app) nodeIssue() *cobra.Command {
	var owner, label, files string
	c := &cobra.Command{
		Use:   "issue KIND DOCUMENT",
		Short: "Seal a policy or repair record for its owner (insurer, repair shop)",
		Long: `Seal a document for its owner, who finds it in the wallet as a proposal, reads
it and signs it. KIND is policy or repair; DOCUMENT is the JSON file. After the
owner has signed, the node submits the record by itself.`,
		Args: arguments("KIND", "DOCUMENT"),
	}
	c.Flags().StringVar(&owner, "owner", "", "the owner's party id or pseudo-identity")
	c.Flags().StringVar(&label, "label", "", "the record's label, such as repair/2026: consents are given for labels")
	c.Flags().StringVar(&files, "files", "", "folder of the attachments that the document names")
	c = a.operate(c, func(ctx context.Context, o nodev1.OperatorServiceClient, args []string) error {
		raw, err := readDocumentFile(args[1])
		if err != nil {
			return err
		}
		folder := files
		if folder != "" {
			if folder, err = filepath.Abs(folder); err != nil {
				return err
			}
		}
		r, err := o.Issue(ctx, &nodev1.IssueRequest{Owner: owner, Label: label, Kind: args[0], Document: raw, Files: folder})
		if err != nil {
			return err
		}
		return a.print(answer{{"record", "record", hex.EncodeToString(r.Record)}})
	})
	return needed(needed(c, "owner PARTY"), "label LABEL")
}

func readDocumentFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, document.MaxSize+1))
	if err == nil && len(raw) > document.MaxSize {
		err = fmt.Errorf("%s is longer than %d bytes", path, document.MaxSize)
	}
	return raw, err
}

func (a *app) nodeAsk() *cobra.Command {
	var r nodev1.AskRequest
	var records []string
	c := &cobra.Command{Use: "ask", Short: "Ask an owner for access to records (insurer, repair shop)", Args: cobra.NoArgs}
	c.Flags().StringVar(&r.Owner, "owner", "", "the owner's party id or pseudo-identity")
	c.Flags().StringVar(&r.Holder, "holder", "", "party id of who keeps the records")
	c.Flags().StringVar(&r.Label, "label", "", "label of the records")
	c.Flags().StringArrayVar(&records, "record", nil, "id of a record; may be repeated")
	c.Flags().StringVar(&r.Purpose, "purpose", "", "what for, in clear on the ledger: claim, underwriting, repair or audit")
	c.Flags().StringVar(&r.Claim, "claim", "", "claim number, in clear on the ledger")
	c = a.operate(c, func(ctx context.Context, o nodev1.OperatorServiceClient, _ []string) error {
		var err error
		if r.Records, err = hexRecords(records); err != nil {
			return err
		}
		answered, err := o.Ask(ctx, &r)
		if err != nil {
			return err
		}
		return a.print(answer{{"request", "request", hex.EncodeToString(answered.Request)}})
	})
	return needed(needed(c, "owner PARTY"), "purpose PURPOSE")
}

func hexRecords(names []string) ([][]byte, error) {
	var all [][]byte
	for _, name := range names {
		id, err := record.ParseRecordID(name)
		if err != nil {
			return nil, usage("--record %q: %w", name, err)
		}
		all = append(all, id[:])
	}
	return all, nil
}

// askedFor is one line of what "node consents" answers.
type askedFor struct {
	Request string `json:"request,omitempty"`
	Consent string `json:"consent,omitempty"`
	Owner   string `json:"owner"`
	Label   string `json:"label,omitempty"`
	Purpose string `json:"purpose"`
	Claim   string `json:"claim,omitempty"`
	Status  string `json:"status"`
	Expiry  string `json:"expiry,omitempty"`
}

type askedList []askedFor

func (l askedList) text(w io.Writer) error {
	if len(l) == 0 {
		_, err := fmt.Fprintln(w, "nothing asked for, and no consent")
		return err
	}
	for _, a := range l {
		what := strings.TrimSpace(a.Purpose + " " + a.Claim)
		if a.Label != "" {
			what += ", label " + a.Label
		}
		line := fmt.Sprintf("%-8s  owner %s, %s", a.Status, a.Owner, what)
		if a.Consent != "" {
			line += "\n          consent " + a.Consent + "  until " + a.Expiry
		} else {
			line += "\n          request " + a.Request
		}
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) nodeConsents() *cobra.Command {
	c := &cobra.Command{
		Use:   "consents",
		Short: "What this node asked for, and what owners consented to (insurer, repair shop)",
		Long: `List what this node asked owners for and what they consented to. A consent can be
fetched when it is approved; one that is granted waits for the system manager.`,
		Args: cobra.NoArgs,
	}
	return a.operate(c, func(ctx context.Context, o nodev1.OperatorServiceClient, _ []string) error {
		r, err := o.Consents(ctx, &nodev1.ConsentsRequest{})
		if err != nil {
			return err
		}
		list := askedList{}
		for _, asked := range r.Asked {
			line := askedFor{
				Request: hex.EncodeToString(asked.Request), Consent: hex.EncodeToString(asked.Consent), Owner: asked.Owner,
				Label: asked.Label, Purpose: asked.Purpose, Claim: asked.Claim, Status: asked.Status,
			}
			if asked.Expiry != 0 {
				line.Expiry = record.FormatTime(asked.Expiry)
			}
			list = append(list, line)
		}
		return a.print(list)
	})
}

// fetchedRecord is one line of what "node fetch" answers.
type fetchedRecord struct {
	Record  string   `json:"record"`
	Release string   `json:"release"`
	Checks  []string `json:"checks,omitempty"`
	Before  bool     `json:"receivedBefore,omitempty"`
	Error   string   `json:"error,omitempty"`
	Request string   `json:"request"`
}

type fetchedList []fetchedRecord

func (l fetchedList) text(w io.Writer) error {
	if len(l) == 0 {
		_, err := fmt.Fprintln(w, "nothing new under this consent")
		return err
	}
	for _, r := range l {
		verdict := fmt.Sprintf("received after %d checks", len(r.Checks))
		switch {
		case r.Error != "":
			verdict = "refused: " + r.Error
		case r.Before:
			verdict = "received before"
		}
		if _, err := fmt.Fprintf(w, "record %s  release %s\n  %s\n", r.Record, r.Release, verdict); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "request %s in the logs of the nodes that took part\n", l[0].Request)
	return err
}

func (a *app) nodeFetch() *cobra.Command {
	var records []string
	c := &cobra.Command{
		Use:   "fetch CONSENT",
		Short: "Fetch what a consent opens and this node does not have yet (insurer, repair shop)",
		Args:  arguments("CONSENT"),
	}
	c.Flags().StringArrayVar(&records, "record", nil, "only this record; may be repeated")
	return a.operate(c, func(ctx context.Context, o nodev1.OperatorServiceClient, args []string) error {
		consent, err := record.ParseConsentID(args[0])
		if err != nil {
			return usage("%w", err)
		}
		only, err := hexRecords(records)
		if err != nil {
			return err
		}
		stream, err := o.Fetch(ctx, &nodev1.FetchRequest{Consent: consent[:], Records: only})
		if err != nil {
			return err
		}
		list := fetchedList{}
		failed := 0
		for {
			r, err := stream.Recv()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return err
			}
			if r.Error != "" {
				failed++
			}
			list = append(list, fetchedRecord{hex.EncodeToString(r.Record), hex.EncodeToString(r.Release), r.Checks, r.Before, r.Error, trace.ID(ctx)})
		}
		if err := a.print(list); err != nil {
			return err
		}
		if failed > 0 {
			return fmt.Errorf("%d of %d records were not received", failed, len(list))
		}
		return nil
	})
}

func (a *app) nodeRead() *cobra.Command {
	var folder string
	c := &cobra.Command{
		Use:   "read RELEASE",
		Short: "Read a record that was received (insurer, repair shop)",
		Long: `Read a record that was received: the document goes to standard output, and with
--files its attachments go into a new folder.`,
		Args: arguments("RELEASE"),
	}
	c.Flags().StringVar(&folder, "files", "", "new folder for document and attachments")
	return a.operate(c, func(ctx context.Context, o nodev1.OperatorServiceClient, args []string) error {
		id, err := record.ParseReleaseID(args[0])
		if err != nil {
			return usage("%w", err)
		}
		stream, err := o.Read(ctx, &nodev1.ReadRequest{Release: id[:]})
		if err != nil {
			return err
		}
		src := &received{next: func() ([]byte, error) {
			part, err := stream.Recv()
			return part.GetChunk(), err
		}}
		limits := document.Limits{Attachment: record.MaxPayloadSize, Total: record.MaxPayloadSize}
		var doc *document.Document
		if folder != "" {
			doc, err = document.Extract(src, limits, folder)
		} else {
			doc, err = document.Unpack(src, limits, nil)
		}
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(a.out, string(json.RawMessage(doc.JSON())))
		return err
	})
}

// received reads a stream of messages.
type received struct {
	next func() ([]byte, error)
	rest []byte
}

func (r *received) Read(b []byte) (int, error) {
	for len(r.rest) == 0 {
		var err error
		if r.rest, err = r.next(); err != nil {
			return 0, err
		}
	}
	n := copy(b, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

func (a *app) nodeDispute() *cobra.Command {
	var ground, reason string
	c := &cobra.Command{
		Use:   "dispute RELEASE",
		Short: "Complain about what a holder sent (insurer, repair shop)",
		Long: `Complain on the ledger about a release. The evidence is what the holder signed:
the delivery on the ledger for a capsule, and for a payload the trailer that this
node kept when it refused the payload. The authority decides.`,
		Args: arguments("RELEASE"),
	}
	c.Flags().StringVar(&ground, "ground", "payload", "capsule or payload")
	c.Flags().StringVar(&reason, "reason", "", "in clear on the ledger, 1 to 256 characters")
	_ = c.RegisterFlagCompletionFunc("ground", oneOf("capsule", "payload"))
	c = a.operate(c, func(ctx context.Context, o nodev1.OperatorServiceClient, args []string) error {
		id, err := record.ParseReleaseID(args[0])
		if err != nil {
			return usage("%w", err)
		}
		if _, err := o.Dispute(ctx, &nodev1.DisputeRequest{Release: id[:], Ground: ground, Reason: reason}); err != nil {
			return err
		}
		return a.print(answer{{"release", "disputed", args[0]}})
	})
	return needed(c, "reason TEXT")
}

func (a *app) nodeResolve() *cobra.Command {
	var outcome, reason string
	c := &cobra.Command{Use: "resolve RELEASE", Short: "Decide a dispute (authority)", Args: arguments("RELEASE")}
	c.Flags().StringVar(&outcome, "outcome", "", "upheld, which costs the holder credit, or dismissed")
	c.Flags().StringVar(&reason, "reason", "", "in clear on the ledger, 1 to 256 characters")
	_ = c.RegisterFlagCompletionFunc("outcome", oneOf(record.OutcomeUpheld, record.OutcomeDismissed))
	c = a.operate(c, func(ctx context.Context, o nodev1.OperatorServiceClient, args []string) error {
		id, err := record.ParseReleaseID(args[0])
		if err != nil {
			return usage("%w", err)
		}
		if _, err := o.Resolve(ctx, &nodev1.ResolveRequest{Release: id[:], Outcome: outcome, Reason: reason}); err != nil {
			return err
		}
		return a.print(answer{{"release", outcome, args[0]}})
	})
	return needed(needed(c, "outcome OUTCOME"), "reason TEXT")
}

func (a *app) nodeTrace() *cobra.Command {
	var role string
	c := &cobra.Command{
		Use:   "trace PSEUDO-IDENTITY",
		Short: "Tell who is behind a pseudo-identity (authority)",
		Long: `Tell who is behind a pseudo-identity, with the master key: for a court, say. The
node's log keeps that it was asked for.`,
		Args: arguments("PSEUDO-IDENTITY"),
	}
	c.Flags().StringVar(&role, "role", record.RolePolicyholder.String(), "policyholder, insurer, repair-shop, proxy or authority")
	_ = c.RegisterFlagCompletionFunc("role", oneOf("policyholder", "insurer", "repair-shop", "proxy", "authority"))
	return a.operate(c, func(ctx context.Context, o nodev1.OperatorServiceClient, args []string) error {
		r, err := o.Trace(ctx, &nodev1.TraceRequest{Role: role, Pid: args[0]})
		if err != nil {
			return err
		}
		return a.print(answer{{"identity", "identity", r.Identity}})
	})
}
