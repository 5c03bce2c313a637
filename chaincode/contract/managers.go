package contract

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/claimshare/claimshare/chaincode/record"
)

// Managers are the identities that act for the system manager: those of one
// agency or of several. An agency is an MSP.
type Managers struct {
	threshold uint32 // how many agencies a decision needs
	digest    record.Digest
	agencies  map[string]bool // by MSP
	subjects  map[identity]bool
}

type identity struct{ msp, subject string }

// ParseManagers reads system.json:
//
//	{"threshold": 2, "agencies": [
//	  {"msp": "AMSP", "subjects": ["CN=manager,OU=client"]},
//	  {"msp": "BMSP", "subjects": ["CN=manager,OU=client", "CN=deputy,OU=client"]}]}
//
// The threshold is how many of the agencies a decision needs, 1 to all of them.
// Each MSP is listed once. A subject is the distinguished name of a certificate
// as Go prints it. An agency without subjects is refused: a whole organisation
// is never a manager.
func ParseManagers(b []byte) (*Managers, error) {
	if err := checkNames(json.NewDecoder(bytes.NewReader(b))); err != nil {
		return nil, fmt.Errorf("system.json: %w", err)
	}
	var file record.SystemFile
	decoder := json.NewDecoder(bytes.NewReader(b))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&file); err != nil {
		return nil, fmt.Errorf("system.json: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("system.json: something follows the object")
	}
	if len(file.Agencies) < 1 || len(file.Agencies) > record.MaxAgencies {
		return nil, fmt.Errorf("system.json: there must be at least one agency, and at most %d", record.MaxAgencies)
	}
	if file.Threshold < 1 || int64(file.Threshold) > int64(len(file.Agencies)) {
		return nil, fmt.Errorf("system.json: threshold must be 1 to the number of agencies, %d", len(file.Agencies))
	}
	m := &Managers{threshold: file.Threshold, digest: sha256.Sum256(b), agencies: map[string]bool{}, subjects: map[identity]bool{}}
	for _, agency := range file.Agencies {
		if err := m.add(agency); err != nil {
			return nil, fmt.Errorf("system.json: %w", err)
		}
	}
	return m, nil
}

// checkNames reads one value and refuses objects in which a name comes twice or
// has capitals. Of two, the decoder takes the last, and whoever approves the file
// may have read the first.
func checkNames(d *json.Decoder) error {
	opening, err := d.Token()
	if err != nil {
		return err
	}
	if _, isList := opening.(json.Delim); !isList {
		return nil
	}
	seen := map[json.Token]bool{}
	for d.More() {
		if opening == json.Delim('{') {
			name, err := d.Token()
			if err != nil {
				return err
			}
			if seen[name] || name != strings.ToLower(fmt.Sprint(name)) {
				return fmt.Errorf("the name %q must stand there once, in lower case", name)
			}
			seen[name] = true
		}
		if err := checkNames(d); err != nil {
			return err
		}
	}
	_, err = d.Token()
	return err
}

func (m *Managers) add(agency record.Agency) error {
	if agency.MSP == "" || len(agency.Subjects) == 0 {
		return errors.New("every agency needs its msp and at least one certificate subject")
	}
	if err := record.CheckMSP(agency.MSP); err != nil {
		return err
	}
	if m.agencies[agency.MSP] {
		return fmt.Errorf("agency %s is listed twice: an MSP has one voice", agency.MSP)
	}
	m.agencies[agency.MSP] = true
	for _, subject := range agency.Subjects {
		id := identity{agency.MSP, subject}
		if subject == "" || m.subjects[id] {
			return fmt.Errorf("subject %q of %s is empty or listed twice", subject, agency.MSP)
		}
		if err := record.CheckSubject(subject); err != nil {
			return fmt.Errorf("subject of %s: %w", agency.MSP, err)
		}
		m.subjects[id] = true
	}
	return nil
}

func (m *Managers) include(msp, subject string) bool { return m.subjects[identity{msp, subject}] }
