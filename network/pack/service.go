package pack

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"

	"github.com/hyperledger/fabric-admin-sdk/pkg/chaincode"
)

// Connection says how a peer reaches the chaincode service. A text may hold
// templates such as {{.peername}}, which the peer's builder for services fills
// from its own CHAINCODE_AS_A_SERVICE_BUILDER_CONFIG: so every organisation can
// install the same bytes.
type Connection struct {
	Address string // host:port
	// TLS makes the peer verify the service's certificate ({{.root_cert}}).
	TLS bool
	// ClientAuth makes the peer show a certificate of its own as well
	// ({{.client_cert}} and {{.client_key}}). It needs TLS.
	ClientAuth bool
}

// Service makes the package of a chaincode that runs as a service. It holds no
// code and, unless the address has one, no secret: only the label and how to
// connect. The same input always gives the same bytes, and so the same id.
//
// What the service runs, the package does not fix: whoever runs the service of
// an endorsing peer decides that.
func Service(label string, c Connection) (archive []byte, id string, err error) {
	if c.ClientAuth && !c.TLS {
		return nil, "", fmt.Errorf("pack %s: a client certificate needs TLS", label)
	}
	described := map[string]any{"address": c.Address, "dial_timeout": "10s", "tls_required": c.TLS}
	if c.TLS {
		described["root_cert"] = "{{.root_cert}}"
	}
	if c.ClientAuth {
		described["client_auth_required"] = true
		described["client_key"], described["client_cert"] = "{{.client_key}}", "{{.client_cert}}"
	}
	connection, err := json.Marshal(described)
	if err != nil {
		return nil, "", err
	}
	metadata, err := json.Marshal(map[string]string{"type": "ccaas", "label": label})
	if err != nil {
		return nil, "", err
	}
	code, err := tarball(file{"connection.json", connection})
	if err != nil {
		return nil, "", err
	}
	archive, err = tarball(file{"metadata.json", metadata}, file{"code.tar.gz", code})
	if err != nil {
		return nil, "", err
	}
	return archive, chaincode.GetPackageID(label, archive), nil
}

type file struct {
	name     string
	contents []byte
}

func tarball(files ...file) ([]byte, error) {
	var made bytes.Buffer
	compressed := gzip.NewWriter(&made) // without a time, so that equal files give equal bytes
	archive := tar.NewWriter(compressed)
	for _, f := range files {
		header := &tar.Header{Name: f.name, Mode: 0o644, Size: int64(len(f.contents)), Format: tar.FormatUSTAR}
		if err := archive.WriteHeader(header); err != nil {
			return nil, fmt.Errorf("pack %s: %w", f.name, err)
		}
		if _, err := archive.Write(f.contents); err != nil {
			return nil, fmt.Errorf("pack %s: %w", f.name, err)
		}
	}
	if err := archive.Close(); err != nil {
		return nil, err
	}
	if err := compressed.Close(); err != nil {
		return nil, err
	}
	return made.Bytes(), nil
}
