package record

import "encoding/json"

// SystemFile is system.json: which agencies share the system manager's part, and
// how many of them a decision needs. Package contract says what it accepts.
type SystemFile struct {
	Threshold uint32   `json:"threshold"`
	Agencies  []Agency `json:"agencies"`
}

// Agency is one of them: an MSP, and the subjects of the certificates that act
// for it, as Go prints them.
type Agency struct {
	MSP      string   `json:"msp"`
	Subjects []string `json:"subjects"`
}

// Add puts a certificate's subject under its agency.
func (f *SystemFile) Add(msp, subject string) {
	for i := range f.Agencies {
		if f.Agencies[i].MSP == msp {
			f.Agencies[i].Subjects = append(f.Agencies[i].Subjects, subject)
			return
		}
	}
	f.Agencies = append(f.Agencies, Agency{MSP: msp, Subjects: []string{subject}})
}

// Encode is the file's text.
func (f *SystemFile) Encode() []byte {
	text, _ := json.MarshalIndent(f, "", "  ") // numbers and strings: cannot fail
	return append(text, '\n')
}
