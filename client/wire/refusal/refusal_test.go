package refusal

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/client/store"
	"github.com/claimshare/claimshare/client/wire/trace"
	"github.com/claimshare/claimshare/crypto/pre"
)

// crossed is err on the other side.
func crossed(t *testing.T, err error) error {
	t.Helper()
	sent, ok := status.FromError(ToStatus(t.Context(), err))
	require.True(t, ok)
	return FromStatus(status.FromProto(sent.Proto()).Err())
}

// sentinels is the text of every exported error of a package, by name.
func sentinels(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	require.NoError(t, err)
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		source, err := os.ReadFile(name)
		require.NoError(t, err)
		file, err := parser.ParseFile(token.NewFileSet(), name, source, 0)
		require.NoError(t, err)
		for _, d := range file.Decls {
			for _, s := range specs(d) {
				if len(s.Names) != 1 || len(s.Values) != 1 || !strings.HasPrefix(s.Names[0].Name, "Err") {
					continue
				}
				call, ok := s.Values[0].(*ast.CallExpr)
				if !ok || len(call.Args) != 1 {
					continue
				}
				text, ok := call.Args[0].(*ast.BasicLit)
				if !ok {
					continue
				}
				found[s.Names[0].Name], err = strconv.Unquote(text.Value)
				require.NoError(t, err)
			}
		}
	}
	return found
}

func specs(d ast.Decl) []*ast.ValueSpec {
	var all []*ast.ValueSpec
	if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.VAR {
		for _, s := range g.Specs {
			all = append(all, s.(*ast.ValueSpec))
		}
	}
	return all
}

var humps = regexp.MustCompile(`([a-z])([A-Z])`)

// Whoever adds an error to one of these packages has to decide how it crosses.
func TestEverySentinelCrosses(t *testing.T) {
	for prefix, dir := range map[string]string{"CLIENT": "../..", "STORE": "../../store", "NODE": ".", "PRE": "../../../crypto/pre", "PSEUDONYM": "../../../crypto/pseudonym"} {
		all := sentinels(t, dir)
		require.Greater(t, len(all), 2, dir)
		for name, text := range all {
			reason := prefix + "_" + strings.ToUpper(humps.ReplaceAllString(strings.TrimPrefix(name, "Err"), "${1}_${2}"))
			found := false
			for _, r := range rows {
				found = found || r.reason == reason && r.err.Error() == text
			}
			require.True(t, found, "%s of %s has no row %s", name, dir, reason)
		}
	}
}

func TestRows(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range rows {
		require.False(t, seen[r.reason], r.reason)
		require.Regexp(t, `^[A-Z]+(_[A-Z]+)+$`, r.reason)
		seen[r.reason] = true
		got := crossed(t, fmt.Errorf("/var/lib/secret.db: %w", r.err))
		require.ErrorIs(t, got, r.err)
		require.Equal(t, r.code, status.Code(got), r.reason)
		require.NotContains(t, got.Error(), "secret")
		for _, other := range rows {
			if other.reason != r.reason {
				require.NotErrorIs(t, got, other.err, "%s is not %s", r.reason, other.reason)
			}
		}
		require.ErrorIs(t, crossed(t, got), r.err, "relayed by a node in between")
	}
}

func TestEveryRecordCodeCrosses(t *testing.T) {
	for _, code := range record.Codes() {
		want := code.With("party %s", "1234")
		got := crossed(t, fmt.Errorf("sqlite: %w", &ledger.Error{Step: ledger.StepEndorse, Err: want}))
		require.ErrorIs(t, got, want)
		var e *record.Error
		require.ErrorAs(t, got, &e)
		require.Equal(t, want, e, "with its message")
		require.NotErrorIs(t, got, ErrLedger)
		require.NotContains(t, got.Error(), "sqlite")
		require.NotContains(t, []codes.Code{codes.OK, codes.Unavailable, codes.Unknown}, status.Code(got), "%s would be tried again", code.Code)
	}
}

func TestSeveralAtOnce(t *testing.T) {
	got := crossed(t, errors.Join(fmt.Errorf("%w: %w", client.ErrTampered, pre.ErrBinding), record.ErrConsentRevoked, store.ErrNotFound))
	for _, want := range []error{client.ErrTampered, pre.ErrBinding, record.ErrConsentRevoked, store.ErrNotFound} {
		require.ErrorIs(t, got, want)
	}
}

func TestNothingElseCrosses(t *testing.T) {
	require.NoError(t, ToStatus(t.Context(), nil))
	require.NoError(t, FromStatus(nil))
	ctx := trace.With(t.Context(), "abc-1")
	for name, c := range map[string]struct {
		err  error
		want error
	}{
		"a path":                     {errors.New("open /home/x/claims.db: denied"), ErrInternal},
		"a status from elsewhere":    {status.Error(codes.Unavailable, "dial tcp 10.0.0.7:7051"), ErrInternal},
		"the ledger is out of reach": {&ledger.Error{Step: ledger.StepEvaluate, Err: status.Error(codes.Unavailable, "dial tcp 10.0.0.7:7051")}, ErrLedger},
		"the connection was closed":  {ledger.ErrClosed, ErrLedger},
		"time ran out at the ledger": {&ledger.Error{Step: ledger.StepEvaluate, Err: context.DeadlineExceeded}, context.DeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			got := FromStatus(ToStatus(ctx, c.err))
			require.ErrorIs(t, got, c.want)
			require.NotEqual(t, codes.Unavailable, status.Code(got))
			require.NotContains(t, got.Error(), "/home")
			require.NotContains(t, got.Error(), "10.0.0.7")
			require.Contains(t, got.Error(), "(request abc-1)")
			var e *Error
			require.ErrorAs(t, got, &e)
			require.Equal(t, "abc-1", e.Request)
		})
	}
}

func TestWhatAHostileNodeSays(t *testing.T) {
	s := status.New(codes.NotFound, strings.Repeat("\x1b[2J\n", 1000))
	s, err := s.WithDetails(
		&errdetails.ErrorInfo{Domain: "elsewhere", Reason: "CLIENT_TAMPERED"},
		&errdetails.ErrorInfo{Domain: domain, Reason: "CLAIMSHARE_INVENTED", Metadata: map[string]string{textKey: "x"}},
		&errdetails.ErrorInfo{Domain: domain, Reason: string(record.ErrTime.Code), Metadata: map[string]string{textKey: "a\nb\u202e" + strings.Repeat("c", 1<<16)}},
		&errdetails.RequestInfo{RequestId: "a\nb"},
	)
	require.NoError(t, err)
	got := FromStatus(s.Err())
	require.ErrorIs(t, got, record.ErrTime)
	require.NotErrorIs(t, got, client.ErrTampered)
	require.Less(t, len(got.Error()), 2*maxText)
	for _, bad := range []string{"\n", "\x1b", "\u202e"} {
		require.NotContains(t, got.Error(), bad)
	}
	require.Contains(t, FromStatus(status.Error(codes.Unimplemented, "unknown service")).Error(), "Unimplemented: unknown service")
	require.ErrorIs(t, FromStatus(status.Error(codes.Canceled, "")), context.Canceled)
	require.ErrorIs(t, FromStatus(status.Error(codes.DeadlineExceeded, "")), context.DeadlineExceeded)
	require.Equal(t, io.EOF, FromStatus(io.EOF))
}
