package pack

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/claimshare/claimshare/chaincode/contract"
	"github.com/claimshare/claimshare/chaincode/record"
)

// System makes a system.json in which the holders of certificates act for their
// agencies. Each item is MSP=FILE, where FILE is a PEM certificate; one MSP may
// come more than once. threshold is how many agencies a decision needs.
//
// The chaincode compares subjects as Go prints them, and only after Fabric has
// verified the certificate: a renewed certificate with the same subject goes
// on working, and whoever the agency's authority gives that subject is a
// system manager.
func System(threshold int, certificates []string) ([]byte, error) {
	made := record.SystemFile{Threshold: uint32(threshold)}
	for _, one := range certificates {
		msp, path, found := strings.Cut(one, "=")
		if !found {
			return nil, fmt.Errorf("make system.json: %q is not MSP=FILE", one)
		}
		subject, err := subjectOf(path)
		if err != nil {
			return nil, fmt.Errorf("make system.json: %w", err)
		}
		made.Add(msp, subject)
	}
	raw := made.Encode()
	return raw, checkSystem(raw)
}

func subjectOf(path string) (string, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	block, _ := pem.Decode(raw)
	if block == nil {
		return "", errors.New(path + " is not a PEM file")
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	return certificate.Subject.String(), nil
}

// Managers describes a system.json, a line each: how many agencies decide, and
// the system managers of each agency.
func Managers(path string) ([]string, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if err := checkSystem(raw); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	var file record.SystemFile
	if err := json.Unmarshal(raw, &file); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	lines := []string{fmt.Sprintf("a decision needs %d of %d (system.json, SHA-256 %x)", file.Threshold, len(file.Agencies), sha256.Sum256(raw))}
	for _, a := range file.Agencies {
		for _, subject := range a.Subjects {
			lines = append(lines, a.MSP+" "+subject)
		}
	}
	return lines, nil
}

// checkSystem asks the chaincode's own parser.
func checkSystem(raw []byte) error {
	_, err := contract.ParseManagers(raw)
	return err
}
