package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/network/programs"
)

// requireConfigCheck has "config check" look at the shop's node, which runs: with
// its file, and with the connection described by the variables that
// fabric-samples' applications take, and no file. Then the ledger knows the party
// either way, but not with another's certificate.
func (s *stage) requireConfigCheck(t *testing.T) {
	t.Helper()
	program, err := programs.ClaimShare(t.Context(), checkout(t), nil)
	require.NoError(t, err)
	shop := s.shop.Node
	check := func(config string, environment ...string) (string, error) {
		c := exec.CommandContext(t.Context(), program, "config", "check", "--config", config)
		c.Env = environment
		out, err := c.CombinedOutput()
		t.Logf("config check: %v\n%s", err, out)
		return string(out), err
	}
	out, err := check(shop.Config)
	require.NoError(t, err)
	for _, line := range []string{`(?m)^ok +operator .*the node runs$`, `(?m)^ok +parties .*taken while this node runs$`, `(?m)^ok +wallets .*taken while this node runs$`, `(?m)^ok +party .*the ledger knows it`} {
		require.Regexp(t, line, out)
	}

	text, err := os.ReadFile(shop.Config)
	require.NoError(t, err)
	alone := filepath.Join(shop.Dir, "alone.yaml")
	without := regexp.MustCompile(`(?m)^connection: .*\n`).ReplaceAll(text, nil)
	require.NotEqual(t, string(text), string(without))
	require.NoError(t, os.WriteFile(alone, without, 0o600))
	out, err = check(alone)
	require.Error(t, err)
	require.Contains(t, out, "connection is missing")
	variables := func(identity string) []string {
		c, err := ledger.LoadConnection(s.network.ConnectionFile(identity))
		require.NoError(t, err)
		keys := t.TempDir()
		place(t, c.ClientKey, filepath.Join(keys, "key.pem"))
		return []string{
			"CHANNEL_NAME=" + c.Channel, "CHAINCODE_NAME=" + c.Chaincode, "MSP_ID=" + c.MSPID, "CERT_PATH=" + c.ClientCert, "KEY_DIRECTORY_PATH=" + keys,
			"PEER_ENDPOINT=dns:///" + c.Peers[0].Endpoint, "PEER_HOST_ALIAS=" + c.Peers[0].ServerName, "TLS_CERT_PATH=" + c.Peers[0].TLSRootCert,
			"CLAIMSHARE_ENDORSERS=" + strings.Join(c.Endorsers, ","),
		}
	}
	out, err = check(alone, variables(shop.Identity)...)
	require.NoError(t, err)
	require.Regexp(t, `(?m)^ok +connection +environment: .* 1 peers$`, out)
	require.Regexp(t, `(?m)^ok +party .*the ledger knows it`, out)

	out, err = check(alone, variables(s.rival.Node.Identity)...)
	require.Error(t, err)
	require.Regexp(t, `(?m)^problem +party .*the ledger binds`, out)
}
