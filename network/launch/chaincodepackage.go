package launch

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"

	"github.com/hyperledger/fabric-admin-sdk/pkg/chaincode"

	"github.com/claimshare/claimshare/network/topology"
)

// chaincodePackage makes the package that every peer installs. It holds no code,
// no address and no key: where a peer finds its service, its builder fills in.
// The same topology always gives the same bytes, and so the same package id.
func chaincodePackage(c topology.Chaincode) (archive []byte, id string, err error) {
	connection, err := json.Marshal(object{
		"address": "{{.address}}", "dial_timeout": "10s",
		"tls_required": true, "client_auth_required": true,
		"root_cert": "{{.root_cert}}", "client_key": "{{.client_key}}", "client_cert": "{{.client_cert}}",
	})
	if err != nil {
		return nil, "", err
	}
	label := c.Name + "_" + c.Version
	metadata, err := json.Marshal(object{"type": "ccaas", "label": label})
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
