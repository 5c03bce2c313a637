package command

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	grpcstatus "google.golang.org/grpc/status"

	"github.com/claimshare/claimshare/client/node"
	"github.com/claimshare/claimshare/client/store"
	"github.com/claimshare/claimshare/client/store/postgres"
	answered "github.com/claimshare/claimshare/client/wire/refusal"
)

func TestExitCodesAreDistinct(t *testing.T) {
	codes, names := map[int]bool{}, map[string]bool{}
	for _, e := range exits {
		require.False(t, codes[e.Code], e.Name)
		require.False(t, names[e.Name], e.Name)
		codes[e.Code], names[e.Name] = true, true
		require.True(t, e.Code == 0 || e.Code == 130 || e.Advice != "", e.Name)
	}
}

// docs/cli.md has the very table that the program prints.
func TestExitCodesAreDocumented(t *testing.T) {
	doc, err := os.ReadFile("../../../../../docs/cli.md")
	require.NoError(t, err)
	require.Contains(t, string(doc), strings.TrimSpace(exitTable()))
}

// What a running node answers is said in its own words, without those of gRPC.
func TestARefusalOfTheNodeIsSaidPlainly(t *testing.T) {
	err := said(grpcstatus.Error(codes.Unknown, "read the policy:\nunknown field"))
	require.EqualError(t, err, "read the policy:\nunknown field")
	require.Equal(t, "refused", classify(err).Name)
	broken := grpcstatus.Error(codes.Internal, "the node failed")
	require.Equal(t, "internal", classify(said(broken)).Name)
	plain := errors.New("plain")
	require.Equal(t, plain, said(plain))
}

func TestANodeThatDoesNotRunIsSaidToBeStarted(t *testing.T) {
	err := listens("node.yaml", filepath.Join(t.TempDir(), "op.sock"))
	require.ErrorContains(t, err, "does not run")
	require.Equal(t, "unreachable", classify(err).Name)
	own := new(refusal)
	require.ErrorAs(t, err, &own)
	require.Contains(t, own.advice, "claimshare node run --config node.yaml")
}

func TestAConfigurationThatCannotWorkHasItsCode(t *testing.T) {
	_, err := node.LoadConfig(filepath.Join(t.TempDir(), "missing.yaml"))
	require.Equal(t, "config", classify(err).Name)
}

// A node that does not get at its database says what to do about it.
func TestADatabaseThatCannotBeUsedHasItsCodeAndAdvice(t *testing.T) {
	for cause, want := range map[error]struct{ code, advice string }{
		postgres.ErrLogin:      {"config", "correct user, password and database"},
		postgres.ErrPassfile:   {"permissions", "chmod 600"},
		postgres.ErrNoPassfile: {"config", "PGPASSFILE"},
		store.ErrUnavailable:   {"unreachable", "start the database's server"},
	} {
		var out bytes.Buffer
		a := &app{err: &out}
		code := a.fail(&cobra.Command{}, fmt.Errorf("open store: opening the store: %w", cause))
		require.Equal(t, want.code, exits[slices.IndexFunc(exits, func(e exit) bool { return e.Code == code })].Name)
		require.Contains(t, out.String(), "what to do: ")
		require.Contains(t, out.String(), want.advice)
	}
}

// Who enrols at another node than the system manager's is told so, in plain words.
func TestEnrollingElsewhereIsSaidPlainly(t *testing.T) {
	answer := grpcstatus.Error(codes.Unimplemented, "unknown service claimshare.node.v1.EnrolmentService")
	err := enrolling("shop.example:7443", fmt.Errorf("shop: %w", answered.FromStatus(answer)))
	require.EqualError(t, err, "shop.example:7443 is not the system manager's node: only that one enrols")
	require.Equal(t, "refused", classify(err).Name)
	own := new(refusal)
	require.ErrorAs(t, err, &own)
	require.Contains(t, own.advice, "compare --authority and --ca")
}
