package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/claimshare/claimshare/chaincode/contract"
	"github.com/stretchr/testify/require"
)

func TestEmbeddedSystem(t *testing.T) {
	_, err := contract.ParseManagers(embeddedSystem)
	require.NoError(t, err)
}

func TestSystemFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "system.json")
	t.Setenv("CLAIMSHARE_SYSTEM_FILE", file)
	require.ErrorContains(t, run(), "read system.json")
	require.NoError(t, os.WriteFile(file, []byte(`{"threshold":1,"agencies":[]}`), 0o600))
	require.ErrorContains(t, run(), "at least one agency")
}

func TestServiceNeedsID(t *testing.T) {
	t.Setenv("CHAINCODE_SERVER_ADDRESS", "127.0.0.1:0")
	t.Setenv("CHAINCODE_ID", "")
	require.ErrorContains(t, run(), "CHAINCODE_ID")
}

// TestTLS: all three files or none; never half a configuration.
func TestTLS(t *testing.T) {
	properties, err := tlsProperties()
	require.NoError(t, err)
	require.True(t, properties.Disabled)

	dir := t.TempDir()
	names := []string{"CHAINCODE_TLS_KEY", "CHAINCODE_TLS_CERT", "CHAINCODE_CLIENT_CA_CERT"}
	for i, name := range names {
		file := filepath.Join(dir, name)
		t.Setenv(name, file)
		_, err := tlsProperties()
		require.ErrorContains(t, err, name)
		require.NoError(t, os.WriteFile(file, []byte(name), 0o600))
		properties, err = tlsProperties()
		if i < len(names)-1 {
			require.ErrorContains(t, err, "go together")
		}
	}
	require.NoError(t, err)
	require.False(t, properties.Disabled)
	require.Equal(t, []byte("CHAINCODE_TLS_KEY"), properties.Key)
	require.Equal(t, []byte("CHAINCODE_TLS_CERT"), properties.Cert)
	require.Equal(t, []byte("CHAINCODE_CLIENT_CA_CERT"), properties.ClientCACerts)
}
