package command

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	grpcstatus "google.golang.org/grpc/status"

	"github.com/claimshare/claimshare/client/node"
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
