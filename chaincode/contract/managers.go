package contract

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/claimshare/claimshare/chaincode/record"
)

// Managers are the identities that act for the system manager.
type Managers struct {
	threshold uint32
	digest    record.Digest
	subjects  map[identity]bool
}

type identity struct{ msp, subject string }

// ParseManagers reads system.json:
//
//	{"threshold": 1, "agencies": [{"msp": "SMMSP", "subjects": ["CN=manager,OU=client"]}]}
//
// A subject is the distinguished name of a certificate as Go prints it. An
// agency without subjects is refused: a whole organisation is never a manager.
func ParseManagers(b []byte) (*Managers, error) {
	var file struct {
		Threshold uint32 `json:"threshold"`
		Agencies  []struct {
			MSP      string   `json:"msp"`
			Subjects []string `json:"subjects"`
		} `json:"agencies"`
	}
	decoder := json.NewDecoder(bytes.NewReader(b))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&file); err != nil {
		return nil, fmt.Errorf("system.json: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("system.json: something follows the object")
	}
	if file.Threshold != 1 {
		return nil, errors.New("system.json: threshold must be 1: decisions of several agencies are not built yet")
	}
	if len(file.Agencies) == 0 {
		return nil, errors.New("system.json: there must be at least one agency")
	}
	m := &Managers{threshold: file.Threshold, digest: sha256.Sum256(b), subjects: map[identity]bool{}}
	for _, agency := range file.Agencies {
		if agency.MSP == "" || len(agency.Subjects) == 0 {
			return nil, errors.New("system.json: every agency needs its msp and at least one certificate subject")
		}
		for _, subject := range agency.Subjects {
			id := identity{agency.MSP, subject}
			if subject == "" || m.subjects[id] {
				return nil, fmt.Errorf("system.json: subject %q of %s is empty or listed twice", subject, agency.MSP)
			}
			m.subjects[id] = true
		}
	}
	return m, nil
}

func (m *Managers) include(msp, subject string) bool { return m.subjects[identity{msp, subject}] }
