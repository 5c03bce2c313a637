package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/grpc/codes"
	grpcstatus "google.golang.org/grpc/status"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/audit"
	"github.com/claimshare/claimshare/client/cmd/claimshare/internal/capsulefile"
	"github.com/claimshare/claimshare/client/keyfile"
	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/client/node"
	"github.com/claimshare/claimshare/client/store"
	"github.com/claimshare/claimshare/client/store/postgres"
	"github.com/claimshare/claimshare/client/wallet"
	"github.com/claimshare/claimshare/client/walletauth"
	answered "github.com/claimshare/claimshare/client/wire/refusal"
	"github.com/claimshare/claimshare/crypto/pre"
)

// exit is one way in which the program can end.
type exit struct {
	Code    int
	Name    string // stable, for scripts
	Meaning string
	Advice  string
	errors  []error // what leads here
}

// Errors of this package that have an exit code of their own.
var (
	errUsage       = errors.New("wrong command line")
	errPassphrase  = errors.New("no usable passphrase")
	errSystem      = errors.New("sealed for another system: the parameters do not fit")
	errKind        = errors.New("the key file does not hold what this command needs")
	errNode        = errors.New("the node refused")
	errUnhealthy   = errors.New("there are problems")
	errInterrupted = errors.New("interrupted; nothing was left behind")
)

// refusal is an error with the exit code of its kind and advice of its own; ""
// leaves the advice of the exit code.
type refusal struct {
	message error
	kind    error
	advice  string
}

func (e *refusal) Error() string   { return e.message.Error() }
func (e *refusal) Unwrap() []error { return []error{e.message, e.kind} }

func refuse(kind error, advice, format string, args ...any) error {
	return &refusal{fmt.Errorf(format, args...), kind, advice}
}

// enrolling is the error of an enrolment at the node with that address. Who enrols
// has no wallet and no node yet that could say more.
func enrolling(authority string, err error) error {
	const compare = "compare --authority and --ca with what the system manager gave you"
	known := new(answered.Error)
	switch {
	case errors.As(err, &known) && known.Code == codes.Unimplemented: // only its node has the service
		return refuse(errNode, compare, "%s is not the system manager's node: only that one enrols", authority)
	case errors.Is(err, answered.ErrWalletCode):
		return refuse(err, "compare the code with what you were given; when it was used before or is too old, ask the system manager for a new one", "%w", err)
	case errors.Is(err, wallet.ErrUnreachable), errors.Is(err, answered.ErrUnreachable):
		return refuse(err, compare+"; if they are right, try again later", "%w", err)
	}
	return err
}

func usage(format string, args ...any) error { return refuse(errUsage, "", format, args...) }

var (
	exitOK       = exit{Code: 0, Name: "ok", Meaning: "it worked"}
	exitInternal = exit{Code: 1, Name: "internal", Meaning: "an error that has no code of its own",
		Advice: "read the message; if it says nothing to you, report it with the command and its version"}
)

var exitFile = exit{Code: 3, Name: "file", Meaning: "a file cannot be read or written",
	Advice: "check the name, the permissions and the free space", errors: []error{fs.ErrNotExist, fs.ErrPermission}}

// exits is the one table of exit codes: help, documentation and the program
// itself use it. The first row that has an error's cause is its code. A code,
// once published, keeps its meaning.
var exits = []exit{
	exitOK,
	exitInternal,
	{Code: 2, Name: "usage", Meaning: "the command line is wrong, or there is no usable passphrase",
		Advice: `add --help to the command`, errors: []error{errUsage, errPassphrase}},
	{Code: 4, Name: "exists", Meaning: "a file is in the way; nothing is overwritten",
		Advice: "choose another name, or remove the file yourself", errors: []error{fs.ErrExist}},
	{Code: 5, Name: "permissions", Meaning: "a secret file can be read by others",
		Advice: "when others may have read it, also make new keys", errors: []error{keyfile.ErrPermissions, postgres.ErrPassfile}},
	{Code: 6, Name: "locked", Meaning: "the passphrase or identity does not open the key file",
		Advice: "try again, or name the right --passphrase-file or --identity", errors: []error{keyfile.ErrLocked}},
	{Code: 7, Name: "bad-key-file", Meaning: "a key or parameters file is damaged or another kind of file",
		Advice: "check that you named the right file, or restore it from a backup", errors: []error{keyfile.ErrMalformed, wallet.ErrNewer, errKind}},
	{Code: 10, Name: "capsule-format", Meaning: "the capsule file is not one, or is of another version",
		Advice: "check that you named the right file", errors: []error{capsulefile.ErrFormat}},
	{Code: 11, Name: "capsule-truncated", Meaning: "the end of the capsule file is missing",
		Advice: "fetch the file again", errors: []error{capsulefile.ErrTruncated}},
	{Code: 12, Name: "capsule-trailing", Meaning: "there are bytes behind the end of the capsule file",
		Advice: "fetch the file again", errors: []error{capsulefile.ErrTrailing}},
	{Code: 13, Name: "capsule-damaged", Meaning: "the capsule file was damaged: checksum or encoding is wrong",
		Advice: "fetch the file again", errors: []error{capsulefile.ErrDamaged, pre.ErrMalformed}},
	{Code: 14, Name: "capsule-altered", Meaning: "the capsule fails its validity check: somebody altered it",
		Advice: "do not use it; tell whom you have it from", errors: []error{pre.ErrInvalidCapsule}},
	{Code: 15, Name: "capsule-binding", Meaning: "the capsule was made for another record, owner or issuer than its file says",
		Advice: "do not use it; tell whom you have it from", errors: []error{pre.ErrBinding}},
	{Code: 16, Name: "wrong-key", Meaning: "the record is sealed under another key",
		Advice: "use the key of the owner that the record was sealed for", errors: []error{pre.ErrWrongKey, pre.ErrMode}},
	{Code: 17, Name: "wrong-system", Meaning: "the record was sealed for another deployment",
		Advice: "use the parameters file of that deployment", errors: []error{errSystem}},
	{Code: 20, Name: "payload-mismatch", Meaning: "the payload belongs to another capsule",
		Advice: "put capsule and payload of the same record together", errors: []error{pre.ErrPayloadMismatch}},
	{Code: 21, Name: "payload-truncated", Meaning: "the end of the payload is missing",
		Advice: "fetch the payload again", errors: []error{pre.ErrPayloadTruncated}},
	{Code: 22, Name: "payload-trailing", Meaning: "there are bytes behind the end of the payload",
		Advice: "fetch the payload again", errors: []error{pre.ErrPayloadTrailing}},
	{Code: 23, Name: "payload-altered", Meaning: "the payload was altered",
		Advice: "fetch the payload again; if it stays, tell whom you have it from", errors: []error{pre.ErrPayloadAltered}},
	{Code: 30, Name: "unhealthy", Meaning: "doctor or config check found a problem, or status a node that is not ready",
		Advice: "do what is said beside each problem", errors: []error{errUnhealthy}},
	{Code: 31, Name: "incomplete", Meaning: "audit found something missing, extra or altered in the node's database",
		Advice: "do what is said beside each finding; docs/audit.md explains them", errors: []error{errIncomplete}},
	{Code: 40, Name: "unreachable", Meaning: "a node, its database, or the ledger behind it, cannot be reached",
		Advice: "try again later; \"claimshare wallet status\" says which nodes answer",
		errors: []error{wallet.ErrUnreachable, answered.ErrUnreachable, answered.ErrLedger, answered.ErrBusy, client.ErrBehind, audit.ErrBehind, store.ErrUnavailable, context.DeadlineExceeded}},
	{Code: 41, Name: "untrue", Meaning: "what a node answered does not hold",
		Advice: "do not use it; tell the system manager, and ask another member's node with --via",
		errors: []error{wallet.ErrDisagree, wallet.ErrUnconfirmed, client.ErrTampered, client.ErrSignature, client.ErrStatement, client.ErrAnswer, client.ErrEvidence,
			client.ErrSystem, client.ErrNotOurs, wallet.ErrRole}},
	{Code: 42, Name: "in-use", Meaning: "another program is using the wallet",
		Advice: "wait until it has ended", errors: []error{wallet.ErrInUse}},
	{Code: 43, Name: "rotated", Meaning: "the ledger has other keys than the wallet",
		Advice: "restore the wallet from the backup that was made last", errors: []error{wallet.ErrRotated}},
	{Code: 44, Name: "bad-backup", Meaning: "the backup cannot be read",
		Advice: "compare the line with the paper, letter by letter", errors: []error{wallet.ErrSheet, node.ErrBackup}},
	{Code: 45, Name: "no", Meaning: "you were asked and did not say yes",
		Advice: "run it again when you want it", errors: []error{errDeclined}},
	{Code: 46, Name: "terms", Meaning: "the consent cannot be made as asked",
		Advice: "look at the request again, \"claimshare wallet requests\"; the options of grant choose label, records, days and releases",
		errors: []error{wallet.ErrScope, wallet.ErrNoPolicy, wallet.ErrDirectory}},
	{Code: 47, Name: "refused", Meaning: "a node or the ledger refused",
		Advice: "do what the message says; if it does not say, ask whoever runs the node that answered: its log has the request", errors: []error{answered.ErrWalletCode, walletauth.ErrUnknown, walletauth.ErrSuspended,
			walletauth.ErrExpelled, walletauth.ErrTime, walletauth.ErrSignature, store.ErrNotFound, store.ErrState, store.ErrErased, client.ErrNothingFound, client.ErrKeys,
			errNode}},
	{Code: 48, Name: "config", Meaning: "the node's configuration cannot work as it is",
		Advice: "correct what the message names; docs/configuration.md lists the fields", errors: []error{node.ErrConfig, ledger.ErrConnection, postgres.ErrLogin, postgres.ErrNoPassfile}},
	{Code: 130, Name: "interrupted", Meaning: "the program was interrupted", errors: []error{errInterrupted}},
	exitFile, // behind the others, which often wrap an error of a file
}

func classify(err error) exit {
	for _, e := range exits {
		for _, cause := range e.errors {
			if errors.Is(err, cause) {
				return e
			}
		}
	}
	if p := new(fs.PathError); errors.As(err, &p) {
		return exitFile
	}
	if refused := new(record.Error); errors.As(err, &refused) {
		return exits[slices.IndexFunc(exits, func(e exit) bool { return e.Name == "refused" })]
	}
	return exitInternal
}

// said is err without the words of gRPC where a running node answered it on its
// operator socket. What has no exit code of its own then is a refusal.
func said(err error) error {
	s, remote := grpcstatus.FromError(err)
	if known := new(answered.Error); err == nil || !remote || s.Code() == codes.Internal || errors.As(err, &known) {
		return err
	}
	switch s.Code() {
	case codes.Unavailable, codes.DeadlineExceeded:
		return refuse(answered.ErrLedger, "try again later", "%s", s.Message())
	}
	return refuse(errNode, "", "%s", s.Message())
}

// databaseAdvice is what to do when the node does not get at its database, "" when
// that is not what err says.
func databaseAdvice(err error) string {
	switch {
	case errors.Is(err, store.ErrUnavailable):
		return "start the database's server, or correct host, port, user and password: docs/configuration.md#postgresql"
	case errors.Is(err, postgres.ErrLogin):
		return "correct user, password and database, or have the server's administrator let this user use this database: docs/configuration.md#postgresql"
	case errors.Is(err, postgres.ErrPassfile):
		return "make it private (chmod 600), as the node's user; when others may have read it, also change the password"
	case errors.Is(err, postgres.ErrNoPassfile):
		return "correct passfile= in the store's URL or $PGPASSFILE, or make the file, mode 0600, as the node's user: docs/configuration.md#postgresql"
	}
	return ""
}

// fail prints err, which came of c, and answers its exit code.
func (a *app) fail(c *cobra.Command, err error) int {
	err = said(err)
	e := classify(err)
	if own := new(refusal); errors.As(err, &own) && own.advice != "" {
		e.Advice = own.advice
	} else if advice := databaseAdvice(err); advice != "" {
		e.Advice = advice
	}
	line := ""
	if errors.Is(err, errUsage) {
		line = usageLine(c)
	}
	// The name of the package that noticed says nothing to a user.
	message := strings.ReplaceAll(err.Error(), "pre: ", "")
	if a.output == "json" {
		doc := struct {
			Error struct {
				Name     string `json:"name"`
				ExitCode int    `json:"exitCode"`
				Message  string `json:"message"`
				Advice   string `json:"advice,omitempty"`
				Usage    string `json:"usage,omitempty"`
			} `json:"error"`
		}{}
		doc.Error.Name, doc.Error.ExitCode, doc.Error.Message = e.Name, e.Code, message
		doc.Error.Advice, doc.Error.Usage = e.Advice, line
		_ = json.NewEncoder(a.err).Encode(doc)
		return e.Code
	}
	fmt.Fprintf(a.err, "claimshare: %s\n", message)
	if line != "" {
		fmt.Fprintf(a.err, "usage: %s\n", line)
	}
	if e.Advice != "" {
		fmt.Fprintf(a.err, "what to do: %s\n", e.Advice)
	}
	return e.Code
}

// exitTable is the table as help and documentation show it.
func exitTable() string {
	rows := slices.Clone(exits)
	slices.SortFunc(rows, func(a, b exit) int { return a.Code - b.Code })
	var b strings.Builder
	b.WriteString("Exit codes. With --output json, a failure is one JSON object on standard error,\nwith the name and the code.\n\n")
	for _, e := range rows {
		fmt.Fprintf(&b, "%4d  %-18s %s\n", e.Code, e.Name, e.Meaning)
	}
	return b.String()
}
