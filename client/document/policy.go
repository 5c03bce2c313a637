package document

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/crypto/pseudonym"
)

// Policy is an auto-insurance policy. The schema policy.json describes every
// field; amounts are integer minor units of Currency.
type Policy struct {
	Schema         string          `json:"schema"`
	PolicyNumber   string          `json:"policyNumber"`
	Insurer        Company         `json:"insurer"`
	IssuedAt       string          `json:"issuedAt"`
	Policyholder   Person          `json:"policyholder"`
	Vehicle        Vehicle         `json:"vehicle"`
	Period         Period          `json:"period"`
	Currency       string          `json:"currency"`
	Coverages      []Coverage      `json:"coverages"`
	Premium        Premium         `json:"premium"`
	ClaimFreeYears int             `json:"claimFreeYears,omitempty"`
	PreviousPolicy *PreviousPolicy `json:"previousPolicy,omitempty"`
	Attachments    []Attachment    `json:"attachments,omitempty"`

	// Evidence is δ, 32 random bytes in base64url: empty in a draft, set with
	// SetEvidence when the policy is sealed.
	Evidence string `json:"evidence,omitempty"`
}

// Period is the time of cover: From is the first instant with it, Until the
// first without.
type Period struct {
	From  string `json:"from"`
	Until string `json:"until"`
}

// Coverage is one thing that a policy covers; Type is a code of the vocabulary
// coverageType.
type Coverage struct {
	Type       string `json:"type"`
	Limit      int64  `json:"limit"`
	Deductible int64  `json:"deductible"`
	Premium    int64  `json:"premium"`
}

// Premium is the premium of the whole period.
type Premium struct {
	Net         int64 `json:"net"`
	Taxes       []Tax `json:"taxes"`
	Total       int64 `json:"total"`
	Instalments int   `json:"instalments"`
}

// PreviousPolicy names the policy that this one follows.
type PreviousPolicy struct {
	Insurer      string `json:"insurer"`
	PolicyNumber string `json:"policyNumber"`
}

// SetEvidence writes δ into the policy.
func (p *Policy) SetEvidence(delta pseudonym.Evidence) {
	p.Evidence = base64.RawURLEncoding.EncodeToString(delta[:])
}

// Delta reads δ, and fails for a policy that has none.
func (p *Policy) Delta() (pseudonym.Evidence, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(p.Evidence)
	if err != nil || len(b) != pseudonym.EvidenceSize {
		return pseudonym.Evidence{}, fmt.Errorf("policy %s carries no evidence of %d bytes in base64url", p.PolicyNumber, pseudonym.EvidenceSize)
	}
	return pseudonym.Evidence(b), nil
}

// DraftPolicy reads a policy as an insurer writes it, without δ, which is drawn
// when the policy is sealed. Only then is the whole policy checked. The error is
// an [*Invalid] for what is not one strict JSON document.
func DraftPolicy(raw []byte) (Policy, error) {
	if err := checkJSON(raw).err(record.KindPolicy); err != nil {
		return Policy{}, err
	}
	var p Policy
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields() // they would be lost
	if err := decoder.Decode(&p); err != nil {
		return p, fmt.Errorf("read the policy: %w", err)
	}
	return p, nil
}
