// The chaincode program. With CHAINCODE_SERVER_ADDRESS set it is a chaincode
// service that peers connect to; otherwise it connects to the peer that started
// it.
//
//	CHAINCODE_SERVER_ADDRESS   host:port to listen on
//	CHAINCODE_ID               package id that the peers call
//	CHAINCODE_TLS_KEY          file: the service's private key, PEM
//	CHAINCODE_TLS_CERT         file: the service's certificate, PEM
//	CHAINCODE_CLIENT_CA_CERT   file: CA certificates of the peers that may connect, PEM
//	CLAIMSHARE_SYSTEM_FILE     file: system.json, in place of the embedded one
//
// Without the three TLS files the service listens in clear text, for a peer on
// the same machine; with some but not all of them it refuses to start.
package main

import (
	_ "embed"
	"errors"
	"fmt"
	"log"
	"os"

	"github.com/claimshare/claimshare/chaincode/contract"
	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
)

//go:embed system.json
var embeddedSystem []byte

func main() {
	if err := run(); err != nil {
		log.Fatalf("claimshare chaincode: %v", err)
	}
}

func run() error {
	system := embeddedSystem
	if file := os.Getenv("CLAIMSHARE_SYSTEM_FILE"); file != "" {
		var err error
		if system, err = os.ReadFile(file); err != nil {
			return fmt.Errorf("read system.json: %w", err)
		}
	}
	managers, err := contract.ParseManagers(system)
	if err != nil {
		return err
	}
	chaincode, err := contract.New(managers)
	if err != nil {
		return err
	}
	address := os.Getenv("CHAINCODE_SERVER_ADDRESS")
	if address == "" {
		return shim.Start(chaincode)
	}
	properties, err := tlsProperties()
	if err != nil {
		return err
	}
	id := os.Getenv("CHAINCODE_ID")
	if id == "" {
		return errors.New("CHAINCODE_ID must name the installed package")
	}
	server := &shim.ChaincodeServer{CCID: id, Address: address, CC: chaincode, TLSProps: *properties}
	return server.Start()
}

func tlsProperties() (*shim.TLSProperties, error) {
	names := []string{"CHAINCODE_TLS_KEY", "CHAINCODE_TLS_CERT", "CHAINCODE_CLIENT_CA_CERT"}
	contents := make([][]byte, len(names))
	given := 0
	for i, name := range names {
		file := os.Getenv(name)
		if file == "" {
			continue
		}
		var err error
		if contents[i], err = os.ReadFile(file); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		given++
	}
	switch given {
	case 0:
		return &shim.TLSProperties{Disabled: true}, nil
	case len(names):
		return &shim.TLSProperties{Key: contents[0], Cert: contents[1], ClientCACerts: contents[2]}, nil
	}
	return nil, fmt.Errorf("%v go together", names)
}
