package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// peer is what a peer tells the chaincode that it wants started.
type peer struct {
	ID         string `json:"chaincode_id"`
	Address    string `json:"peer_address"`
	ClientCert string `json:"client_cert"` // this and the next two: PEM, empty without TLS
	ClientKey  string `json:"client_key"`
	RootCert   string `json:"root_cert"`
	MSPID      string `json:"mspid"`
}

// start becomes the chaincode: the peer then signals and awaits it directly,
// and when the peer dies the chaincode loses its connection and ends.
func start(outputDir, runDir string) error {
	environment, arguments, err := prepare(runDir)
	if err != nil {
		return err
	}
	path := filepath.Join(outputDir, program)
	if err := syscall.Exec(path, append([]string{path}, arguments...), environment); err != nil {
		return fmt.Errorf("run %s: %w", path, err)
	}
	return nil
}

// prepare turns what the peer wrote into what Fabric's shim reads.
func prepare(runDir string) (environment, arguments []string, err error) {
	raw, err := os.ReadFile(filepath.Join(runDir, "chaincode.json"))
	if err != nil {
		return nil, nil, err
	}
	var p peer
	if err := json.Unmarshal(raw, &p); err != nil {
		return nil, nil, fmt.Errorf("read chaincode.json: %w", err)
	}
	environment = append(os.Environ(), "CORE_CHAINCODE_ID_NAME="+p.ID, "CORE_PEER_LOCALMSPID="+p.MSPID)
	arguments = []string{"-peer.address=" + p.Address}
	if p.RootCert == "" {
		return append(environment, "CORE_PEER_TLS_ENABLED=false"), arguments, nil
	}
	environment = append(environment, "CORE_PEER_TLS_ENABLED=true")
	for variable, contents := range map[string]string{
		"CORE_PEER_TLS_ROOTCERT_FILE": p.RootCert,
		"CORE_TLS_CLIENT_CERT_FILE":   p.ClientCert,
		"CORE_TLS_CLIENT_KEY_FILE":    p.ClientKey,
	} {
		file := filepath.Join(runDir, variable+".pem")
		if err := os.WriteFile(file, []byte(contents), 0o600); err != nil {
			return nil, nil, err
		}
		environment = append(environment, variable+"="+file)
	}
	return environment, arguments, nil
}
