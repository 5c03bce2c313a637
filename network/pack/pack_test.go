package pack

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/network/programs"
)

func TestServicePackage(t *testing.T) {
	archive, id, err := Service("claimshare_1.0", Connection{Address: "{{.peername}}_claimshare_ccaas:9999"})
	require.NoError(t, err)
	require.Regexp(t, `^claimshare_1.0:[0-9a-f]{64}$`, id)
	outer := unpack(t, archive)
	require.JSONEq(t, `{"type":"ccaas","label":"claimshare_1.0"}`, outer["metadata.json"])
	inner := unpack(t, []byte(outer["code.tar.gz"]))
	require.JSONEq(t, `{"address":"{{.peername}}_claimshare_ccaas:9999","dial_timeout":"10s","tls_required":false}`, inner["connection.json"])

	secured, other, err := Service("claimshare_1.0", Connection{Address: "service:9999", TLS: true, ClientAuth: true})
	require.NoError(t, err)
	require.NotEqual(t, id, other)
	inner = unpack(t, []byte(unpack(t, secured)["code.tar.gz"]))
	require.JSONEq(t, `{"address":"service:9999","dial_timeout":"10s","tls_required":true,"client_auth_required":true,
		"root_cert":"{{.root_cert}}","client_key":"{{.client_key}}","client_cert":"{{.client_cert}}"}`, inner["connection.json"])

	time.Sleep(1100 * time.Millisecond) // archives keep whole seconds
	_, again, err := Service("claimshare_1.0", Connection{Address: "{{.peername}}_claimshare_ccaas:9999"})
	require.NoError(t, err)
	require.Equal(t, id, again)
	_, _, err = Service("claimshare_1.0", Connection{Address: "service:9999", ClientAuth: true})
	require.ErrorContains(t, err, "TLS")
}

func unpack(t *testing.T, archive []byte) map[string]string {
	t.Helper()
	compressed, err := gzip.NewReader(bytes.NewReader(archive))
	require.NoError(t, err)
	files := map[string]string{}
	for reader := tar.NewReader(compressed); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		require.NoError(t, err)
		contents, err := io.ReadAll(reader)
		require.NoError(t, err)
		files[header.Name] = string(contents)
	}
}

// Two runs give the same bytes and id; another system.json another id. Nothing
// of the checkout is changed, and nobody's tests are in the package.
func TestSourceIsReproducibleAndComplete(t *testing.T) {
	checkout, err := programs.Checkout()
	require.NoError(t, err)
	fabric, err := programs.Fabric(t.Context(), checkout, nil)
	require.NoError(t, err)
	pack := func(system []byte) (folder, id string, archive []byte) {
		dir := t.TempDir()
		folder, file := filepath.Join(dir, "source"), filepath.Join(dir, "package.tar.gz")
		require.NoError(t, Source(t.Context(), checkout, folder, system))
		id, err := Golang(t.Context(), fabric, folder, "claimshare_1.0", file)
		require.NoError(t, err)
		archive, err = os.ReadFile(file)
		require.NoError(t, err)
		return folder, id, archive
	}
	folder, id, archive := pack(nil)
	_, sameID, same := pack(nil)
	require.Equal(t, id, sameID)
	require.True(t, bytes.Equal(archive, same))
	own := []byte(`{"threshold":1,"agencies":[{"msp":"Org1MSP","subjects":["CN=a"]}]}`)
	other, otherID, _ := pack(own)
	require.NotEqual(t, id, otherID)
	written, err := os.ReadFile(filepath.Join(other, "system.json"))
	require.NoError(t, err)
	require.Equal(t, own, written)

	var tests []string
	require.NoError(t, filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if strings.HasSuffix(path, "_test.go") || entry.Name() == "testdata" || entry.Name() == "stub" {
			tests = append(tests, path)
		}
		return err
	}))
	require.Empty(t, tests)
	outer := unpack(t, archive)
	inner := unpack(t, []byte(outer["code.tar.gz"]))
	for _, name := range []string{"src/main.go", "src/system.json", "src/crypto/go.mod", "src/LICENSE",
		"src/vendor/modules.txt", "src/vendor/github.com/claimshare/claimshare/crypto/pre/seal.go"} {
		require.Contains(t, inner, name)
	}
	require.NotContains(t, inner["src/go.mod"], "..")
	_, err = run(t.Context(), folder, []string{"GOPROXY=off"}, "go", "mod", "verify")
	require.NoError(t, err)
}

func TestSourceRefuses(t *testing.T) {
	checkout, err := programs.Checkout()
	require.NoError(t, err)
	folder := t.TempDir()
	precious := filepath.Join(folder, "go.mod")
	require.NoError(t, os.WriteFile(precious, []byte("module example.com/mine\n"), 0o600))
	require.ErrorContains(t, Source(t.Context(), checkout, folder, nil), "other files")
	require.FileExists(t, precious)
	require.ErrorContains(t, Source(t.Context(), checkout, filepath.Join(folder, "new"), []byte(`{"threshold":1}`)), "system.json")
	require.NoDirExists(t, filepath.Join(folder, "new"))
}

// In the checkout itself, fabric-samples' script runs `go mod vendor` in the
// chaincode's folder: that fails while go.work has a say, and works without.
func TestVendoringInTheCheckout(t *testing.T) {
	checkout, err := programs.Checkout()
	require.NoError(t, err)
	copied := t.TempDir()
	for _, module := range []string{"chaincode", "crypto"} {
		require.NoError(t, os.CopyFS(filepath.Join(copied, module), os.DirFS(filepath.Join(checkout, module))))
	}
	for _, file := range []string{"go.work", "client/go.mod", "network/go.mod"} {
		require.NoError(t, copyFile(filepath.Join(checkout, file), filepath.Join(copied, file)))
	}
	script := func(gowork string) (string, error) {
		command := exec.CommandContext(t.Context(), "go", "mod", "vendor")
		command.Dir = filepath.Join(copied, "chaincode")
		command.Env = append(os.Environ(), "GO111MODULE=on", "GOWORK="+gowork)
		output, err := command.CombinedOutput()
		return string(output), err
	}
	output, err := script("")
	require.Error(t, err)
	require.Contains(t, output, "workspace mode")
	output, err = script("off")
	require.NoError(t, err, output)

	fabric, err := programs.Fabric(t.Context(), checkout, nil)
	require.NoError(t, err)
	file := filepath.Join(copied, "package.tar.gz")
	_, err = Golang(t.Context(), fabric, filepath.Join(copied, "chaincode"), "claimshare_1.0", file)
	require.NoError(t, err)
	require.NoError(t, os.RemoveAll(filepath.Join(copied, "crypto")), "what the chaincode's image does not have")
	compiler, _, err := programs.Toolchain(t.Context(), checkout, "go1.23.5")
	require.NoError(t, err)
	_, err = run(t.Context(), filepath.Join(copied, "chaincode"), []string{"GOPROXY=off", "GOTOOLCHAIN=local", "CGO_ENABLED=0"},
		compiler, "build", "-mod=vendor", "-trimpath", "-o", filepath.Join(copied, "program"), ".")
	require.NoError(t, err)
}

// What the manual says about the certificates of fabric-samples' test-network.
func TestSystemFromCryptogen(t *testing.T) {
	checkout, err := programs.Checkout()
	require.NoError(t, err)
	fabric, err := programs.Fabric(t.Context(), checkout, nil)
	require.NoError(t, err)
	dir := t.TempDir()
	config := "PeerOrgs:\n  - Name: Org1\n    Domain: org1.example.com\n    EnableNodeOUs: true\n    Template: {Count: 1, SANS: [localhost]}\n    Users: {Count: 1}\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "org1.yaml"), []byte(config), 0o600))
	_, err = run(t.Context(), dir, nil, fabric.Cryptogen, "generate", "--config=org1.yaml", "--output=organizations")
	require.NoError(t, err)
	certificate := func(user string) string {
		return filepath.Join(dir, "organizations", "peerOrganizations", "org1.example.com", "users", user+"@org1.example.com",
			"msp", "signcerts", user+"@org1.example.com-cert.pem")
	}
	raw, err := System(1, []string{"Org1MSP=" + certificate("Admin"), "Org1MSP=" + certificate("User1")})
	require.NoError(t, err)
	subjects := []string{
		"CN=Admin@org1.example.com,OU=admin,L=San Francisco,ST=California,C=US",
		"CN=User1@org1.example.com,OU=client,L=San Francisco,ST=California,C=US",
	}
	want, err := json.Marshal(record.SystemFile{Threshold: 1, Agencies: []record.Agency{{MSP: "Org1MSP", Subjects: subjects}}})
	require.NoError(t, err)
	require.JSONEq(t, string(want), string(raw))
	manual, err := os.ReadFile(filepath.Join(checkout, "docs", "deploy.md"))
	require.NoError(t, err)
	require.Contains(t, string(manual), subjects[0])
	require.Contains(t, string(manual), subjects[1])

	if openssl, err := exec.LookPath("openssl"); err == nil {
		printed, err := run(t.Context(), dir, nil, openssl, "x509", "-in", certificate("Admin"), "-noout", "-subject", "-nameopt", "RFC2253")
		require.NoError(t, err)
		require.Equal(t, "subject="+subjects[0], strings.TrimSpace(string(printed)))
	}

	for _, wrong := range []string{"Org1MSP", "Org1MSP=" + filepath.Join(dir, "nothing.pem"), "Org1MSP=" + filepath.Join(dir, "org1.yaml")} {
		_, err := System(1, []string{wrong})
		require.Error(t, err, wrong)
	}
	_, err = System(2, []string{"Org1MSP=" + certificate("Admin")})
	require.ErrorContains(t, err, "threshold")
	_, err = System(1, []string{"Org1MSP=" + certificate("Admin"), "Org1MSP=" + certificate("Admin")})
	require.ErrorContains(t, err, "twice")
}
