package e2e

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/network/topology"
)

// TestDoctor runs the command as an operator would: on a fresh network, on one
// that is set up, with a connection that is wrong, and on one that is gone.
func TestDoctor(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "claimshare")
	build := exec.Command("go", "build", "-o", program, "./cmd/claimshare")
	build.Dir = filepath.Join(checkout(t), "client")
	build.Env = append(os.Environ(), "GOWORK=off")
	output, err := build.CombinedOutput()
	require.NoError(t, err, string(output))

	network := hold(t, topology.Development())
	file := network.ConnectionFile("shop1")
	const unhealthy = 30
	code, answer := doctor(t, program, file)
	require.Zero(t, code, "an empty ledger is no fault: %s", answer)
	require.Contains(t, answer, "not set up yet")

	initialise(t, network)
	code, answer = doctor(t, program, file)
	require.Zero(t, code, answer)
	require.NotContains(t, answer, "not set up yet")

	var wrong map[string]any
	raw, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, &wrong))
	wrong["channel"] = "elsewhere"
	raw, err = json.Marshal(wrong)
	require.NoError(t, err)
	wrongFile := filepath.Join(t.TempDir(), "wrong.json")
	require.NoError(t, os.WriteFile(wrongFile, raw, 0o600))
	code, answer = doctor(t, program, wrongFile)
	require.Equal(t, unhealthy, code, answer)
	require.Contains(t, answer, "elsewhere")

	require.NoError(t, network.Down(t.Context()))
	code, answer = doctor(t, program, file)
	require.Equal(t, unhealthy, code, answer)
	require.Contains(t, answer, "refused")
}

func doctor(t *testing.T, program, connection string) (code int, answer string) {
	t.Helper()
	out, err := exec.Command(program, "doctor", "--connection", connection, "--timeout", "5s", "--output", "json").Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code, err = exit.ExitCode(), nil
	}
	require.NoError(t, err)
	require.True(t, json.Valid(out), string(out))
	return code, string(out)
}
